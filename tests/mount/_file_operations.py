"""Operations that filesystems in user space get wrong, done below a folder of a mount; and a look at what they left.

    _file_operations.py FOLDER change|verify
"""

import ctypes
import errno
import fcntl
import mmap
import os
import stat
import sys

folder, phase = sys.argv[1], sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = -100, 1, 2, 4


def path(name):
    return os.path.join(folder, name)


def write(name, content):
    with open(path(name), "wb") as file:
        file.write(content)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


def refused(code, operation, *arguments, **named):
    try:
        operation(*arguments, **named)
    except OSError as error:
        assert error.errno == code, f"{operation.__name__}: {error}, not {errno.errorcode[code]}"
    else:
        raise AssertionError(f"{operation.__name__}{arguments} should have been {errno.errorcode[code]}")


def rename_with(old, new, flags):
    if libc.renameat2(AT_FDCWD, path(old).encode(), AT_FDCWD, path(new).encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def change_contents():
    one = os.open(path("appended"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    two = os.open(path("appended"), os.O_WRONLY | os.O_APPEND)
    for number in range(100):
        os.write(one if number % 2 else two, b"%03d\n" % number)
    os.close(one)
    os.close(two)

    with open(path("sparse"), "wb") as file:
        file.seek(10 << 20)
        file.write(b"end")
    write("shrunk", b"x" * 10000)
    os.truncate(path("shrunk"), 5000)
    os.truncate(path("shrunk"), 8000)
    write("overwritten", b"a" * 300000)
    with open(path("overwritten"), "r+b") as file:
        file.seek(100000)
        file.write(b"b" * 100000)

    fd = os.open(path("mapped"), os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 20000)
    with mmap.mmap(fd, 20000) as memory:
        memory[9000:9006] = b"mapped"
        memory.flush()
        assert os.pread(fd, 6, 9000) == b"mapped"
        os.pwrite(fd, b"written", 12000)
        assert memory[12000:12007] == b"written"
    os.close(fd)

    fd = os.open(path("synchronous"), os.O_WRONLY | os.O_CREAT | os.O_SYNC)
    os.write(fd, b"durable")
    os.close(fd)
    write("truncated", b"old and long")
    write("truncated", b"new")


def change_names():
    write("a", b"a")
    write("b", b"b")
    rename_with("a", "b", RENAME_EXCHANGE)
    assert (read("a"), read("b")) == (b"b", b"a")
    refused(errno.EEXIST, rename_with, "a", "b", RENAME_NOREPLACE)
    refused(errno.EINVAL, rename_with, "a", "b", RENAME_WHITEOUT | RENAME_EXCHANGE)
    os.link(path("a"), path("a2"))
    assert os.stat(path("a")).st_nlink == 2

    kept = open(path("b"), "r+b")
    os.replace(path("a2"), path("b"))
    assert kept.read() == b"a" and os.fstat(kept.fileno()).st_nlink == 0
    kept.write(b" goes on")
    kept.flush()
    assert os.pread(kept.fileno(), 100, 0) == b"a goes on"
    kept.close()

    os.makedirs(path("d/sub"))
    assert os.stat(path("d")).st_nlink == 3
    refused(errno.ENOTEMPTY, os.rmdir, path("d"))
    refused(errno.EINVAL, os.rename, path("d"), path("d/sub/d"))
    refused(errno.EISDIR, os.unlink, path("d"))
    refused(errno.ENOTDIR, os.rmdir, path("a"))
    refused(errno.ENAMETOOLONG, os.mkdir, path("n" * 256))
    refused(errno.EEXIST, os.open, path("a"), os.O_CREAT | os.O_EXCL)
    refused(errno.ENOENT, os.stat, path("nobody"))
    os.rename(path("d/sub"), path("moved"))
    assert os.stat(path("d")).st_nlink == 2
    os.rmdir(path("d"))


def change_listing():
    os.mkdir(path("many"))
    for number in range(3000):
        write(f"many/{number}", b"")
    seen = []
    with os.scandir(path("many")) as entries:
        for entry in entries:
            seen.append(entry.name)
            if len(seen) % 3 == 0:
                os.unlink(entry.path)
                write(f"many/new{len(seen)}", b"")
    old = [name for name in seen if not name.startswith("new")]
    assert sorted(old, key=int) == [str(n) for n in range(3000)], f"{len(old)} of 3000 names listed"
    assert len(seen) == len(set(seen)), "a name was listed twice"


def change_attributes():
    write("attributes", b"0123456789")
    os.chmod(path("attributes"), 0o6711)
    assert stat.S_IMODE(os.stat(path("attributes")).st_mode) == 0o6711
    os.utime(path("attributes"), ns=(-5_000_000_007, 9_000_000_000_000_000_003))
    os.setxattr(path("attributes"), "user.one", b"1")
    os.setxattr(path("attributes"), "user.large", b"v" * 60000)
    os.setxattr(path("attributes"), "user.empty", b"")
    refused(errno.EEXIST, os.setxattr, path("attributes"), "user.one", b"2", os.XATTR_CREATE)
    refused(errno.ENODATA, os.setxattr, path("attributes"), "user.two", b"2", os.XATTR_REPLACE)
    refused(errno.ENODATA, os.getxattr, path("attributes"), "user.two")
    os.setxattr(path("attributes"), "user.gone", b"x")
    os.removexattr(path("attributes"), "user.gone")

    os.chmod(path("overwritten"), 0o4755)
    pid = os.fork()
    if pid == 0:
        os.chmod(folder, 0o777)
        os.chmod(path("overwritten"), 0o4777)
        os.setuid(1000)
        fd = os.open(path("overwritten"), os.O_WRONLY)
        os.write(fd, b"a")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert stat.S_IMODE(os.stat(path("overwritten")).st_mode) == 0o777, "set-id bits outlived a write"

    with open(path("a"), "rb") as one, open(path("a"), "rb") as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        refused(errno.EAGAIN, fcntl.flock, two, fcntl.LOCK_EX | fcntl.LOCK_NB)


def verify():
    assert read("appended") == b"".join(b"%03d\n" % n for n in (range(100))), "appended records mixed up"
    sparse = os.stat(path("sparse"))
    assert sparse.st_size == (10 << 20) + 3 and sparse.st_blocks * 512 < 1 << 20, sparse
    assert read("sparse") == bytes(10 << 20) + b"end"
    assert read("shrunk") == b"x" * 5000 + bytes(3000), "a shrink and a grow brought old bytes back"
    assert read("overwritten") == b"a" * 100000 + b"b" * 100000 + b"a" * 100000
    mapped = bytearray(20000)
    mapped[9000:9006] = b"mapped"
    mapped[12000:12007] = b"written"
    assert read("mapped") == bytes(mapped)
    assert read("synchronous") == b"durable"
    assert read("truncated") == b"new"
    assert (read("a"), read("b")) == (b"b", b"b") and os.path.samefile(path("a"), path("b"))
    assert os.stat(path("a")).st_nlink == 2
    assert not os.path.exists(path("a2")) and not os.path.exists(path("d")) and os.path.isdir(path("moved"))
    assert len(os.listdir(path("many"))) >= 3000
    about = os.stat(path("attributes"))
    assert stat.S_IMODE(about.st_mode) == 0o6711
    assert about.st_mtime_ns == 9_000_000_000_000_000_003
    assert sorted(os.listxattr(path("attributes"))) == ["user.empty", "user.large", "user.one"]
    assert os.getxattr(path("attributes"), "user.large") == b"v" * 60000
    assert os.getxattr(path("attributes"), "user.empty") == b""


if phase == "change":
    os.mkdir(folder)
    change_contents()
    change_names()
    change_listing()
    change_attributes()
else:
    verify()
