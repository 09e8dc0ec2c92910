"""Many processes at once: random system calls on names that all of them use, while each keeps files of its own that must
stay what it wrote, through write(2) as through memory. Usage: run FOLDER PROCESSES SECONDS [SEED], verify FOLDER.

`run` leaves sums of what each process wrote last in FOLDER/sums; `verify` compares again, after a crash say.
"""

import ctypes
import errno
import hashlib
import json
import mmap
import os
import random
import stat
import sys
import time
import traceback

KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
SIZE_MAX = 300_000
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
LIBC.renameat2.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
# What somebody else's change in between may make of a call.
EXPECTED = {errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.ELOOP, errno.EINVAL,
            errno.EPERM, errno.ENODATA, errno.EXDEV, errno.ENXIO, errno.ESTALE}


def called(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Shared:
    """Calls whose answers depend on what the others do."""

    def __init__(self, folder, dice):
        self.folder, self.dice = folder, dice

    def path(self):
        return "/".join([self.folder] + [self.dice.choice("abcde") for _ in range(self.dice.randint(1, 3))])

    def step(self):
        call = self.dice.choice([self.mkdir, self.create, self.create, self.link, self.rename, self.rename, self.remove,
                                 self.remove, self.symlink, self.attributes, self.contents, self.contents, self.list])
        try:
            call()
        except OSError as error:
            if error.errno not in EXPECTED:
                raise

    def mkdir(self):
        os.mkdir(self.path())

    def create(self):
        fd = os.open(self.path(), os.O_RDWR | os.O_CREAT | self.dice.choice([0, os.O_TRUNC, os.O_EXCL, os.O_APPEND]), 0o644)
        try:
            os.write(fd, self.dice.randbytes(self.dice.randrange(9000)))
        finally:
            os.close(fd)

    def link(self):
        os.link(self.path(), self.path(), follow_symlinks=False)

    def rename(self):
        flags = self.dice.choice([0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE])
        called(LIBC.renameat2(-100, self.path().encode(), -100, self.path().encode(), flags))

    def remove(self):
        path = self.path()
        if self.dice.random() < 0.5:
            os.unlink(path)
        else:
            os.rmdir(path)

    def symlink(self):
        os.symlink(self.dice.choice("abcde"), self.path())

    def attributes(self):
        path = self.path()
        os.chmod(path, self.dice.choice([0o755, 0o700]))
        os.setxattr(path, "user.x", self.dice.randbytes(self.dice.randrange(300)))
        os.utime(path)

    def contents(self):
        fd = os.open(self.path(), os.O_RDWR)
        try:
            offset, length = self.dice.randrange(SIZE_MAX), self.dice.randint(1, 20_000)
            mode = self.dice.choice([0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE])
            called(LIBC.fallocate(fd, mode, offset, length))
            os.pwrite(fd, self.dice.randbytes(length), offset)
            os.lseek(fd, 0, os.SEEK_HOLE)
            if self.dice.random() < 0.3:
                os.ftruncate(fd, self.dice.randrange(SIZE_MAX))
            if self.dice.random() < 0.1:
                os.fsync(fd)
        finally:
            os.close(fd)

    def list(self):
        for name in os.listdir(os.path.dirname(self.path())):
            if name in (".", ".."):
                sys.exit("FAILED: a listing with dots")


class Own:
    """Files of one process: their bytes are known."""

    def __init__(self, folder, dice):
        self.folder, self.dice, self.files = folder, dice, {}
        os.mkdir(folder)

    def step(self):
        name = self.dice.choice("uvwxyz")
        path = f"{self.folder}/{name}"
        if name not in self.files:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
            self.files[name] = bytearray()
        call = self.dice.choice([self.write, self.write, self.mapped, self.private, self.truncate, self.reserve, self.move,
                                 self.replace, self.check])
        call(name, path)

    def put(self, name, offset, data):
        content = self.files[name]
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data

    def write(self, name, path):
        offset, data = self.dice.randrange(SIZE_MAX), self.dice.randbytes(self.dice.randint(1, 30_000))
        fd = os.open(path, os.O_WRONLY)
        if os.pwrite(fd, data, offset) != len(data):
            sys.exit("FAILED: a short write")
        if self.dice.random() < 0.1:
            os.fsync(fd)
        os.close(fd)
        self.put(name, offset, data)

    def mapped(self, name, path):
        if not self.files[name]:
            return
        size = len(self.files[name])
        offset = self.dice.randrange(size)
        data = self.dice.randbytes(self.dice.randint(1, min(10_000, size - offset)))
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), size) as memory:
            memory[offset : offset + len(data)] = data
            if file.read() != bytes(self.files[name][:offset]) + data + bytes(self.files[name][offset + len(data) :]):
                sys.exit(f"FAILED: {path}: read(2) does not see what was written to memory")
        self.put(name, offset, data)

    def private(self, name, path):
        if not self.files[name]:
            return
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), len(self.files[name]), flags=mmap.MAP_PRIVATE) as memory:
            memory[:1] = b"?"
        self.check(name, path)

    def truncate(self, name, path):
        size = self.dice.randrange(SIZE_MAX)
        os.truncate(path, size)
        del self.files[name][size:]
        self.files[name].extend(bytes(size - len(self.files[name])))

    def reserve(self, name, path):
        fd = os.open(path, os.O_WRONLY)
        called(LIBC.fallocate(fd, KEEP_SIZE, self.dice.randrange(SIZE_MAX), self.dice.randint(1, 50_000)))
        os.close(fd)

    def move(self, name, path):
        os.rename(path, path + ".moved")
        os.rename(path + ".moved", path)

    def replace(self, name, path):
        data = self.dice.randbytes(self.dice.randrange(50_000))
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)
        self.files[name] = bytearray(data)

    def check(self, name, path):
        with open(path, "rb") as file:
            if file.read() != bytes(self.files[name]):
                sys.exit(f"FAILED: {path} is not what was written")

    def sums(self):
        for name in self.files:
            self.check(name, f"{self.folder}/{name}")
        return {f"{self.folder}/{name}": hashlib.sha256(bytes(content)).hexdigest() for name, content in self.files.items()}


def work(folder, number, until, seed):
    dice = random.Random(seed * 1000 + number)
    shared, own = Shared(folder + "/shared", dice), Own(f"{folder}/{number}", dice)
    steps = 0
    while time.monotonic() < until:
        (shared if dice.random() < 0.6 else own).step()
        steps += 1
    with open(f"{folder}/sums/{number}", "w", encoding="utf8") as file:
        json.dump(own.sums(), file)
        file.flush()
        os.fsync(file.fileno())
    print(f"process {number}: {steps} calls")


def look_at(place, names):
    """The directories in the current one, whose links are counted; of other entries, links and names go into `names`."""
    folders = []
    with os.scandir(".") as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                folders.append(entry.name)
            else:
                names.setdefault(status.st_ino, [status.st_nlink, 0])[1] += 1
    if os.lstat(".").st_nlink != 2 + len(folders):
        sys.exit(f"FAILED: st_nlink of a directory {len(place)} below {place[:3]}")
    return folders


def check_tree(folder):
    """Links as many as names, directories as many as are counted.

    Renames bury directories thousands of levels deep, where no path, recursion or row of descriptors reaches.
    """
    before, names, place = os.getcwd(), {}, []
    os.chdir(folder)
    pending = [look_at(place, names)]
    while pending:
        if pending[-1]:
            place.append(pending[-1].pop())
            os.chdir(place[-1])
            pending.append(look_at(place, names))
        else:
            pending.pop()
            if place:
                os.chdir("..")
                place.pop()
    os.chdir(before)
    for inode, (links, found) in names.items():
        if links != found:
            sys.exit(f"FAILED: inode {inode} has {found} names and says {links}")


def verify(folder):
    for number in os.listdir(folder + "/sums"):
        with open(f"{folder}/sums/{number}", encoding="utf8") as file:
            for path, expected in json.load(file).items():
                with open(path, "rb") as content:
                    if hashlib.sha256(content.read()).hexdigest() != expected:
                        sys.exit(f"FAILED: {path} is not what was written")
    check_tree(folder + "/shared")


def run(folder, processes, seconds, seed):
    print(f"seed {seed}", flush=True)
    for name in "shared", "sums":
        os.makedirs(f"{folder}/{name}")
    until = time.monotonic() + seconds
    children = []
    for number in range(processes):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(folder, number, until, seed)
                code = 0
            except SystemExit as end:
                print(end, flush=True)
            except BaseException:  # the child must not go on with what its parent has to do
                traceback.print_exc()
            sys.stdout.flush()
            os._exit(code)
        children.append(child)
    if any(os.waitpid(child, 0)[1] != 0 for child in children):
        sys.exit("FAILED: a process found something")
    verify(folder)


def main():
    if sys.argv[1] == "verify":
        return verify(sys.argv[2])
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 32)
    return run(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), seed)


main()
