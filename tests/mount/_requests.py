"""Counts the requests that the kernel sends for what programs do, on a mount whose daemon logs them at SIGUSR1.

  _requests.py MOUNTPOINT DAEMON LOG CASE

A request that nobody waits for (RELEASE) may come late, so a count is read until it stays the same. FORGET depends on when
the kernel throws names out, and is not counted.

GETATTR comes where the kernel has lost attributes by its own doing and no answer of a daemon could prevent it: of a
directory after each change in it, of a file after a write or a first read.
"""

import os
import re
import signal
import sys
import time

SIZE = 10000
LINE = re.compile(r"requests: ?(.*)\n")  # ended: the last one may still be being written


class Counter:
    def __init__(self, daemon, log):
        self.daemon, self.log, self.seen = daemon, log, 0

    def snapshot(self):
        os.kill(self.daemon, signal.SIGUSR1)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            lines = LINE.findall(open(self.log, encoding="utf-8", errors="replace").read())
            if len(lines) > self.seen:
                self.seen = len(lines)
                pairs = (pair.split("=") for pair in lines[-1].split())
                return {name: int(count) for name, count in pairs if "FORGET" not in name}
            time.sleep(0.002)
        sys.exit("the daemon does not say what was asked of it")

    def settled(self):
        before = self.snapshot()
        while True:
            time.sleep(0.02)
            now = self.snapshot()
            if now == before:
                return now
            before = now

    def of(self, work):
        before = self.settled()
        work()
        after = self.settled()
        return {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}


def read(name):
    fd = os.open(name, os.O_RDONLY)
    assert len(os.read(fd, SIZE + 1)) == SIZE
    os.close(fd)


def write(name, pieces=1):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    for _ in range(pieces):
        os.write(fd, b"x" * (SIZE // pieces))
    os.close(fd)


def rewrite(name):
    fd = os.open(name, os.O_WRONLY)
    for _ in range(3):
        os.pwrite(fd, b"y" * 100, 0)
    os.close(fd)


def rewrite_and_read(name):
    fd = os.open(name, os.O_RDWR)
    for _ in range(10):
        os.pwrite(fd, b"z" * 4096, 4096)
    os.close(fd)


def is_missing(name):
    try:
        os.stat(name)
    except FileNotFoundError:
        return
    sys.exit(f"{name} is there")


def forget_everything():
    open("/proc/sys/vm/drop_caches", "w", encoding="ascii").write("3")


def scan(folder):
    for entry in os.scandir(folder):
        entry.stat()


class Offences:
    def __init__(self, counter):
        self.counter, self.found = counter, []

    def check(self, what, work, **allowed):
        asked = self.counter.of(work)
        print(f"  {what:<40} {' '.join(f'{name}={count}' for name, count in asked.items()) or 'nothing'}")
        for name, count in asked.items():
            if count > allowed.get(name, 0):
                self.found.append(f"{what}: {count} x {name}, {allowed.get(name, 0)} allowed")


def read_write(offences):
    os.mkdir("d")
    write("d/first")    # whatever the kernel asks once in a mount's life, it asks here
    read("d/first")
    rewrite("d/first")
    scan("d")
    offences.check("create, write, close", lambda: write("d/f"), LOOKUP=1, CREATE=1, WRITE=1, RELEASE=1)
    offences.check("the same with 4 writes", lambda: write("d/g", 4), GETATTR=1, LOOKUP=1, CREATE=1, WRITE=4, RELEASE=1)
    offences.check("read what was just written", lambda: read("d/f"), GETATTR=2, OPEN=1, READ=1, RELEASE=1)
    offences.check("read it again", lambda: read("d/f"), OPEN=1, RELEASE=1)
    offences.check("stat", lambda: os.stat("d/f"), GETATTR=1)
    offences.check("the same again", lambda: os.stat("d/f"))
    offences.check("3 writes, and a stat", lambda: (rewrite("d/f"), os.stat("d/f")), OPEN=1, WRITE=3, RELEASE=1, GETATTR=1)
    offences.check("read it again", lambda: read("d/f"), OPEN=1, READ=1, RELEASE=1)
    offences.check("10 writes by who reads, too", lambda: rewrite_and_read("d/f"),
                   OPEN=1, GETATTR=1, GETXATTR=1, WRITE=10, RELEASE=1)
    offences.check("a name that is not there", lambda: is_missing("d/no"), LOOKUP=1)
    offences.check("the same again", lambda: is_missing("d/no"))
    offences.check("mkdir", lambda: os.mkdir("d/sub"), LOOKUP=1, MKDIR=1)
    offences.check("rename", lambda: os.rename("d/g", "d/h"), LOOKUP=1, GETATTR=1, RENAME=1)
    offences.check("unlink", lambda: os.unlink("d/h"), GETATTR=1, UNLINK=1)
    os.symlink("f", "d/link")
    offences.check("a symlink", lambda: os.readlink("d/link"), GETATTR=1, READLINK=1)
    offences.check("the same again", lambda: os.readlink("d/link"))
    offences.check("fsync", lambda: sync("d/f"), OPEN=1, FSYNC=1, RELEASE=1)
    forget_everything()
    os.stat("d")
    offences.check("cold read", lambda: read("d/first"), LOOKUP=1, OPEN=1, READ=1, RELEASE=1)
    offences.check("warm read", lambda: read("d/first"), OPEN=1, RELEASE=1)
    os.mkdir("many")
    for number in range(300):
        write(f"many/{number}")


def sync(name):
    fd = os.open(name, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def read_only(offences, per_open):
    read("d/first")
    scan("d")
    forget_everything()
    os.stat("d")
    before = open(".ciaos/stats", encoding="ascii").read()
    offences.check("cold read", lambda: read("d/f"), LOOKUP=1, READ=1, **per_open)
    if open(".ciaos/stats", encoding="ascii").read() == before:
        offences.found.append("a report is shown as it was when it was read before")
    offences.check("warm read", lambda: read("d/f"), **per_open)
    offences.check("stat", lambda: os.stat("d/f"))
    offences.check("a name that is not there", lambda: is_missing("d/no"), LOOKUP=1)
    offences.check("the same again", lambda: is_missing("d/no"))
    offences.check("a listing with attributes", lambda: scan("many"), LOOKUP=1, READDIRPLUS=6)
    offences.check("reading one of them", lambda: read("many/7"), READ=1, **per_open)


def replace(name, text):
    fd = os.open(name, os.O_WRONLY | os.O_TRUNC)
    os.write(fd, text)
    os.close(fd)


def append(name, text):
    fd = os.open(name, os.O_WRONLY | os.O_APPEND)
    os.write(fd, text)
    os.close(fd)


def contents(name):
    with open(name, "rb") as file:
        return file.read()


def without_opens(offences):
    """What an open told is lost, and nothing else: a truncation comes by itself, an append is said with each write, and who
    has a file open that loses its name keeps it."""
    read("d/f")
    forget_everything()
    os.stat("d")
    report = contents(".ciaos/stats")
    offences.check("cold read", lambda: read("d/f"), LOOKUP=1, READ=1)
    offences.check("warm read", lambda: read("d/f"), GETATTR=1)
    offences.check("the same again", lambda: read("d/f"))
    offences.check("truncated and written again", lambda: replace("d/f", b"short"),
                   GETATTR=1, SETATTR=1, GETXATTR=2, WRITE=1)
    if contents("d/f") != b"short":
        offences.found.append("what was there before the truncation is still there")
    append("d/f", b", and more")
    if contents("d/f") != b"short, and more":
        offences.found.append("what was appended is not at the end")
    with open("d/f", "rb") as file:
        os.unlink("d/f")
        forget_everything()
        if file.read() != b"short, and more":
            offences.found.append("a file that is open and has no name lost its contents")
    if contents(".ciaos/stats") == report:
        offences.found.append("a report is shown as it was when it was read before")


def main():
    os.chdir(sys.argv[1])
    offences = Offences(Counter(int(sys.argv[2]), sys.argv[3]))
    if not offences.counter.snapshot():
        print("  this libfuse lets nobody count")
        return
    if sys.argv[4] == "read-write":
        read_write(offences)
    elif sys.argv[4] == "read-write-without-opens":
        without_opens(offences)
    else:
        read_only(offences, {} if sys.argv[4] == "read-only" else {"OPEN": 1, "RELEASE": 1})
    os.chdir("/")
    if offences.found:
        sys.exit("\n".join(offences.found))


main()
