"""Rows 15 and 16: objects over HTTP. Nginx serves the folder of XFS, ciaos-sidecar the store; wrk asks both the same."""

import http.client
import itertools
import json
import pathlib
import re
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
NEEDED = {"nginx": "nginx-light", "wrk": "wrk"}   # program and Debian package
CONNECTIONS, THREADS = 16, 2
PUT_BYTES = 100000
PATIENCE_SECONDS = 60
NGINX = """
daemon off; user root; worker_processes auto; pid {scratch}/nginx.pid; error_log {scratch}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000; client_max_body_size 0;
  client_body_temp_path {scratch}/nginx-bodies; proxy_temp_path {scratch}/nginx-unused;
  fastcgi_temp_path {scratch}/nginx-unused; uwsgi_temp_path {scratch}/nginx-unused; scgi_temp_path {scratch}/nginx-unused;
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {root}; dav_methods PUT; create_full_put_path on; }}
  }}
}}
"""


def missing():
    """Why the rows cannot be run here; None if they can."""
    names = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    return f"rows 15 and 16 are left out: install {' and '.join(names)}" if names else None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class FrontDoor:
    """A server of HTTP in front of a target's folder; entering it gives the address, once somebody answers there."""

    def __init__(self, target, scratch, programs, log):
        self.target, self.scratch, self.programs, self.log = target, scratch, programs, log
        self.process = None

    def __enter__(self):
        try:
            return self.put_up_nginx() if self.target.name == "native" else self.put_up_sidecar()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE_SECONDS)

    def put_up_nginx(self):
        port = free_port()
        # Beside the folder that is served, so that a body that is complete is renamed and not copied.
        scratch = self.target.path.parent / "nginx"
        scratch.mkdir(exist_ok=True)
        configuration = scratch / "conf"
        configuration.write_text(NGINX.format(scratch=scratch, port=port, root=self.target.path), encoding="utf-8")
        self.process = subprocess.Popen(["nginx", "-p", scratch, "-c", configuration], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        return self.wait_until(lambda: f"127.0.0.1:{port}", "nginx")

    def put_up_sidecar(self):
        said = self.scratch / "sidecar.log"
        with open(said, "wb") as file:
            self.process = subprocess.Popen([self.programs / "ciaos-sidecar", self.target.path, "--listen",
                                             "127.0.0.1:0", "--no-auth"], stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=file)

        def address():
            found = re.search(r"listening on (\S+)", said.read_text(encoding="utf-8"))
            return found and found.group(1)
        return self.wait_until(address, "ciaos-sidecar")

    def wait_until(self, address_of, name):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            address = address_of()
            try:
                if address:
                    connection = http.client.HTTPConnection(address, timeout=PATIENCE_SECONDS)
                    connection.request("GET", "/")
                    connection.getresponse().read()
                    return address
            except ConnectionRefusedError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"{name} does not answer")


def wrk(address, seconds, *arguments):
    command = ["wrk", "-t", THREADS, "-c", CONNECTIONS, "-d", f"{seconds}s", "--timeout", "60s", "-s",
               HERE / "objects.lua", f"http://{address}", "--", *arguments]
    said = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout
    report = json.loads(said.strip().splitlines()[-1])
    if report["errors"]:
        raise RuntimeError(f"{report['errors']} requests failed: {said}")
    return report


def compare(address, folder, root):
    """Every file below `folder`, over HTTP and as the filesystem has it."""
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_SECONDS)
    for path in sorted(folder.rglob("f*")):
        connection.request("GET", f"/{path.relative_to(root)}")
        response = connection.getresponse()
        if response.read() != path.read_bytes() or response.status != 200:
            raise RuntimeError(f"{path} is something else over HTTP")


def get(address, target, files, seconds):
    """`files`: as timed_loops has them; they are there."""
    compare(address, files["dir"], target.path)
    wrk(address, 1, "get", files["dir"].name, files["files"])
    return wrk(address, seconds, "get", files["dir"].name, files["files"])


def put(address, target, seconds):
    folder = target.path / "put"
    folder.mkdir()
    report = wrk(address, seconds, "put", folder.name, PUT_BYTES)
    expected = bytes(itertools.islice(itertools.cycle(b"0123456789abcdef"), PUT_BYTES))
    there = list(folder.iterdir())
    # Who was still sending when time was up has put one more at most.
    if not report["operations"] <= len(there) <= report["operations"] + CONNECTIONS:
        raise RuntimeError(f"{report['operations']} were put, {len(there)} are there")
    for path in there:
        if path.stat().st_size == PUT_BYTES and path.read_bytes() != expected:
            raise RuntimeError(f"{path} does not hold what was put")
    shutil.rmtree(folder)
    return report
