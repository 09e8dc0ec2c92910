"""What is compared, and how it gets mounted: one XFS on a loop device, and three filesystems that stand on it."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import time
import typing

import objects

RING_SWITCH = pathlib.Path("/sys/module/fuse/parameters/enable_uring")
PATIENCE_SECONDS = 120


@dataclasses.dataclass
class Target:
    name: str
    path: pathlib.Path              # where the work is done
    loops: pathlib.Path             # the program that does it
    device: str                     # the loop device's name below /sys/block
    daemon: subprocess.Popen | None = None
    drops_contents: bool = False    # SIGUSR1 asks the daemon for it
    mount_again: typing.Callable | None = None  # with those options besides; None: that would change nothing
    front_door: typing.Callable | None = None   # serves the folder over HTTP: a context, which gives the address

    def timed(self, verb, **arguments):
        """Runs one verb of timed_loops and returns what it reports."""
        texts = [f"{key}={value}" for key, value in arguments.items()]
        run = subprocess.run([self.loops, verb, *texts], stdout=subprocess.PIPE, check=True)
        return json.loads(run.stdout)

    def drop_caches(self):
        """Contents are then in no memory: the kernel's pages go, and the daemon gives up what it keeps of them. (The
        names and attributes that it keeps may stay.)"""
        os.sync()
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
        if self.drops_contents:
            self.daemon.send_signal(signal.SIGUSR1)
            time.sleep(0.05)

    def device_reads(self):
        return int(pathlib.Path(f"/sys/block/{self.device}/stat").read_text(encoding="ascii").split()[0])


def run(*command):
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def is_mounted(path):
    return any(line.split()[1] == str(path) for line in pathlib.Path("/proc/self/mounts").read_text().splitlines())


class Setup:
    """Takes down whatever it has put up, in the opposite order."""

    def __init__(self, scratch, programs, image_bytes, options):
        self.scratch, self.programs, self.image_bytes, self.options = scratch, programs, image_bytes, options
        self.loops = programs / "timed_loops"
        self.mounted, self.daemons, self.loop = [], [], None
        self.switch = RING_SWITCH.read_text(encoding="ascii").strip() if RING_SWITCH.exists() else None
        self.log = open(scratch / "log", "w+b")

    def __enter__(self):
        try:
            image = self.scratch / "image"
            with open(image, "wb") as file:
                file.truncate(self.image_bytes)
            self.loop = run("losetup", "--find", "--show", "--direct-io=on", image)
            run("mkfs.xfs", "-q", "-m", "reflink=1", self.loop)
            self.xfs = self.scratch / "xfs"
            self.xfs.mkdir()
            run("mount", self.loop, self.xfs)
            self.mounted.append(self.xfs)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for daemon_path, daemon in reversed(self.daemons):
            subprocess.run(["umount", daemon_path], check=False)
            try:
                daemon.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
                subprocess.run(["umount", "-l", daemon_path], check=False)
        for path in reversed(self.mounted):
            if subprocess.run(["umount", path], check=False).returncode != 0:
                subprocess.run(["umount", "-l", path], check=False)
        self.log.close()
        if self.switch:
            RING_SWITCH.write_text(self.switch, encoding="ascii")  # rings=on may have turned it
        if self.loop:
            subprocess.run(["losetup", "-d", self.loop], check=False)

    def start(self, wanted):
        """The targets of those names, mounted; None means all that this machine has."""
        made = [self.with_front_door(self.target("native", self.folder("native")))]
        if wanted is None or "bindfs" in wanted:
            made.append(self.bindfs())
        if wanted is None or "classic" in wanted:
            made.append(self.with_front_door(self.ciaosfs("classic", self.off_option())))
        if (wanted is None and self.knows_rings() and RING_SWITCH.exists()) or (wanted and "rings" in wanted):
            made.append(self.ciaosfs("rings", "rings=on"))
        return made

    def with_front_door(self, target):
        target.front_door = lambda: objects.FrontDoor(target, self.scratch, self.programs, self.log)
        return target

    def said(self):
        """What the daemons wrote."""
        return (self.scratch / "log").read_text(encoding="utf-8", errors="replace")

    def folder(self, name):
        path = self.xfs / name
        path.mkdir()
        return path

    def target(self, name, path, **more):
        return Target(name, path, self.loops, pathlib.Path(self.loop).name, **more)

    def mountpoint(self, name):
        path = self.scratch / name
        path.mkdir()
        return path

    def start_daemon(self, command, path):
        daemon = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=self.log)
        self.daemons.append((path, daemon))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_mounted(path):
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not mount {path}: {self.said()}")
            time.sleep(0.02)
        os.stat(path)
        return daemon

    def end_daemon(self, path, daemon):
        run("umount", path)
        daemon.wait(PATIENCE_SECONDS)
        self.daemons.remove((path, daemon))

    def bindfs(self):
        path = self.mountpoint("bindfs")
        daemon = self.start_daemon(["bindfs", "-f", self.folder("mirrored"), path], path)
        return self.target("bindfs", path, daemon=daemon)

    def ciaosfs(self, name, transport):
        store, path = self.xfs / f"store-{name}", self.mountpoint(name)
        run(self.programs / "mkfs.ciaos", "-q", store)

        def start(*more):
            options = ",".join(filter(None, [transport, self.options, *more]))
            command = [self.programs / "ciaosfs", store, path, "-f", *(["-o", options] if options else [])]
            return self.start_daemon(command, path)

        def mount_again(*more):
            self.end_daemon(path, target.daemon)
            target.daemon = start(*more)

        target = self.target(name, path, daemon=start(), drops_contents=True, mount_again=mount_again)
        return target

    def knows_rings(self):
        return "rings" in run(self.programs / "ciaosfs", "--help")

    def off_option(self):
        return "rings=off" if self.knows_rings() else ""
