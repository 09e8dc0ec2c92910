"""A raw store on a loop device for bench/ageing, and the files in it: made, overwritten, deleted, and known by heart."""

import os
import pathlib
import random
import signal
import subprocess
import time

POOL_BYTES = 8 << 20
FILES_EACH_FOLDER = 256
PATIENCE_SECONDS = 300


def run(*command):
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Store:
    """Formatted in a new image; unmounted, detached and deleted at the end of the with."""

    def __init__(self, scratch, programs, image_bytes, volume_bytes):
        self.scratch, self.programs = scratch, programs
        self.image_bytes, self.volume_bytes = image_bytes, volume_bytes
        self.mnt, self.image, self.loop, self.daemon = scratch / "mnt", scratch / "image", None, None

    def __enter__(self):
        self.mnt.mkdir(exist_ok=True)
        with open(self.image, "wb") as file:
            file.truncate(self.image_bytes)
        try:
            self.loop = run("losetup", "--find", "--show", self.image)
            run(self.programs / "mkfs.ciaos", "-q", "-f", "--volume-size", self.volume_bytes,
                "--index", self.scratch / f"index-{time.monotonic_ns()}", self.loop)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.daemon:
            self.unmount()
        if self.loop:
            subprocess.run(["losetup", "-d", self.loop], check=False)
        self.image.unlink(missing_ok=True)

    def mount(self, options=""):
        command = [self.programs / "ciaosfs", "-f", self.loop, self.mnt, *(["-o", options] if options else [])]
        self.daemon = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=open(self.scratch / "log", "ab"))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not os.path.ismount(self.mnt):
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.scratch / "log").read_text(errors="replace"))
            time.sleep(0.05)

    def unmount(self):
        subprocess.run(["umount", self.mnt], check=False)
        try:
            self.daemon.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
            subprocess.run(["umount", "-l", self.mnt], check=False)
        self.daemon = None

    def check(self):
        run(self.programs / "fsck.ciaos", "-n", "-f", "--check-data", self.loop)

    def drop_caches(self):
        """Contents are then in no memory."""
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
        self.daemon.send_signal(signal.SIGUSR1)

    def free_bytes(self):
        space = os.statvfs(self.mnt)
        return space.f_bavail * space.f_frsize

    def held_bytes(self):
        """Of the image: slots that are given back are discarded, and take nothing."""
        return 512 * self.image.stat().st_blocks

    def device_written_bytes(self):
        stat = pathlib.Path(f"/sys/block/{pathlib.Path(self.loop).name}/stat")
        return 512 * int(stat.read_text(encoding="ascii").split()[6])

    def statistic(self, name):
        lines = (self.mnt / ".ciaos/stats").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name + " "))

    def settle(self, seconds=120):
        """Waits until compaction has nothing more to do. False when it was not done by then."""
        deadline, last, since = time.monotonic() + seconds, None, time.monotonic()
        while time.monotonic() < deadline:
            now = (self.held_bytes(), self.statistic("compaction_moved_bytes"))
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > 8:
                return True
            time.sleep(0.5)
        return False


class Files:
    """Files of 4 KiB to 256 KiB, most of them small."""

    def __init__(self, folder, seed=1):
        self.folder, self.dice = pathlib.Path(folder), random.Random(seed)
        self.pool = self.dice.randbytes(POOL_BYTES)
        self.known = {}  # number: [(offset in the file, offset in the pool, bytes), ...]
        self.next, self.user_bytes = 0, 0
        self.live_bytes_made = 0  # of create() alone

    def path(self, number):
        return self.folder / f"{number // FILES_EACH_FOLDER:04d}" / f"{number}"

    def _piece(self, size):
        return self.dice.randrange(POOL_BYTES - size), size

    def _write(self, number, at, piece):
        begin, size = piece
        with open(self.path(number), "r+b" if at else "wb", buffering=0) as file:
            file.seek(at)
            view = memoryview(self.pool)[begin:begin + size]
            while view:
                view = view[file.write(view):]
        self.user_bytes += size

    def create(self, size=None):
        number, self.next = self.next, self.next + 1
        piece = self._piece(size or int(4096 * 64 ** self.dice.random()))
        self.path(number).parent.mkdir(parents=True, exist_ok=True)
        self._write(number, 0, piece)
        self.known[number] = [(0, *piece)]
        self.live_bytes_made += piece[1]

    def size(self, number):
        return self.known[number][0][2]

    def live_bytes(self):
        return sum(map(self.size, self.known))

    def delete(self, number):
        self.path(number).unlink()
        del self.known[number]

    def any(self):
        # Close enough to even, and cheap: numbers are dense, but for what was deleted.
        while True:
            number = self.dice.randrange(self.next)
            if number in self.known:
                return number

    def change(self):
        """Half: a file anew. A quarter: one goes and another of its size comes. A quarter: a piece of one is overwritten."""
        number, kind = self.any(), self.dice.random()
        size = self.size(number)
        if kind < 0.5:
            piece = self._piece(size)
            self._write(number, 0, piece)
            self.known[number] = [(0, *piece)]
        elif kind < 0.75 or size < 12288:
            self.delete(number)
            self.create(size)
        else:
            piece = self._piece(min(size // 2, 16384))
            at = self.dice.randrange(1, size - piece[1])
            self._write(number, at, piece)
            self.known[number].append((at, *piece))
        return number

    def sync(self):
        with open(self.folder / "synced", "wb") as file:
            os.fsync(file.fileno())

    def verify(self):
        for number, pieces in self.known.items():
            wanted = bytearray(self.size(number))
            for at, begin, size in pieces:
                wanted[at:at + size] = self.pool[begin:begin + size]
            if self.path(number).read_bytes() != wanted:
                raise RuntimeError(f"{self.path(number)} holds wrong bytes")
