"""lseek, fallocate and copy_file_range as programs call them. `change` does and checks, `verify` looks again later."""

import ctypes
import errno
import os
import sys
import time

KEEP_SIZE, PUNCH_HOLE, COLLAPSE_RANGE, ZERO_RANGE = 1, 2, 8, 16
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def fallocate(fd, mode, offset, length):
    if LIBC.fallocate(fd, mode, offset, length) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def expect(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def refused(code, call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        expect(error.errno == code, f"{call.__name__}: {error}, not {errno.errorcode[code]}")
        return
    sys.exit(f"FAILED: {call.__name__} was not refused with {errno.errorcode[code]}")


def create(path):
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def check_seek(path):
    fd = create(path)
    os.pwrite(fd, b"a" * 5000, 10_000)
    os.pwrite(fd, b"b" * 10, 40_000)
    os.ftruncate(fd, 100_000)
    for _ in range(2):
        expect(os.lseek(fd, 0, os.SEEK_DATA) == 10_000, "the first data")
        expect(os.lseek(fd, 10_001, os.SEEK_HOLE) == 15_000, "the hole behind it")
        expect(os.lseek(fd, 15_000, os.SEEK_DATA) == 40_000, "the next data")
        expect(os.lseek(fd, 40_010, os.SEEK_HOLE) == 40_010, "a hole that one stands in")
        refused(errno.ENXIO, os.lseek, fd, 40_010, os.SEEK_DATA)
        refused(errno.ENXIO, os.lseek, fd, 100_000, os.SEEK_HOLE)
        os.fsync(fd)
    expect(os.fstat(fd).st_blocks == 10, "st_blocks counts what is stored")
    os.close(fd)


def check_fallocate(path):
    fd = create(path)
    before = b"0123456789" * 10_000
    os.write(fd, before)
    os.fsync(fd)
    expect(os.pread(fd, 100, 0) == before[:100], "bytes in the page cache")
    fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 4_097, 50_000)
    expect(os.pread(fd, 100_000, 0) == before[:4_097] + bytes(50_000) + before[54_097:], "a punched range")
    expect(os.lseek(fd, 0, os.SEEK_HOLE) == 4_097, "the hole that was punched")
    fallocate(fd, ZERO_RANGE | KEEP_SIZE, 99_000, 10_000)
    expect(os.fstat(fd).st_size == 100_000, "a size that was to be kept")
    fallocate(fd, ZERO_RANGE, 99_500, 10_000)
    expect(os.fstat(fd).st_size == 109_500, "a size that was to grow")
    expect(os.pread(fd, 20_000, 98_000) == before[98_000:99_000] + bytes(10_500), "a zeroed range")
    refused(errno.EOPNOTSUPP, fallocate, fd, COLLAPSE_RANGE, 0, 4_096)
    os.close(fd)


def check_reservation(path):
    fd = create(path)
    os.write(fd, b"data")
    before = os.statvfs(path).f_bavail * 4096
    fallocate(fd, KEEP_SIZE, 0, 8 << 20)
    expect(os.fstat(fd).st_size == 4, "a size that was to be kept")
    expect(os.fstat(fd).st_blocks * 512 >= 8 << 20, "st_blocks counts what is reserved")
    expect(before - os.statvfs(path).f_bavail * 4096 >= 8 << 20, "df shows what is reserved")
    os.posix_fallocate(fd, 0, 8 << 20)
    expect(os.fstat(fd).st_size == 8 << 20, "posix_fallocate makes a file as long as it says")
    expect(os.pread(fd, 8 << 20, 0) == b"data" + bytes((8 << 20) - 4), "what is reserved reads as zeros")
    os.pwrite(fd, b"more", 4 << 20)
    expect(os.lseek(fd, 4, os.SEEK_DATA) == 4 << 20, "what is reserved is a hole to lseek")
    fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 0, 8 << 20)
    os.fsync(fd)
    expect(os.fstat(fd).st_blocks == 0, "a punch gives back what was reserved")
    refused(errno.ENOSPC, fallocate, fd, 0, 0, 1 << 60)
    os.ftruncate(fd, 4)
    fallocate(fd, KEEP_SIZE, 0, 1 << 20)
    os.close(fd)


def copy_all(source, target, length):
    calls = 0
    while length > 0:
        done = os.copy_file_range(source, target, length)
        expect(done > 0, "copy_file_range came to an end too early")
        length -= done
        calls += 1
    return calls


def check_copy(path):
    source, target = create(path + ".source"), create(path + ".target")
    piece = os.urandom(64 << 20)
    os.write(source, piece)
    os.fsync(source)
    free = os.statvfs(path.rpartition("/")[0]).f_bavail
    total = 10 << 30
    for _ in range(total // len(piece)):
        os.lseek(source, 0, os.SEEK_SET)
        copy_all(source, target, len(piece))
    expect(os.fstat(target).st_size == total, "the size of a copy")
    twin = create(path + ".twin")
    os.lseek(target, 0, os.SEEK_SET)
    begin = time.monotonic()
    calls = copy_all(target, twin, total)
    print(f"10 GiB copied in {(time.monotonic() - begin) * 1000:.0f} ms by {calls} calls")
    os.fsync(twin)
    taken = (free - os.statvfs(path.rpartition("/")[0]).f_bavail) * 4096
    expect(taken < 32 << 20, f"copies of 20 GiB took {taken} bytes")
    os.pwrite(twin, b"other", 5 << 30)
    expect(os.pread(target, 5, 5 << 30) == piece[:5], "a copy that follows its twin")
    expect(os.pread(twin, 10, 5 << 30) == b"other" + piece[5:10], "a copy that was changed")
    for name in ".source", ".target":
        os.unlink(path + name)
    for fd in source, target, twin:
        os.close(fd)


def verify(folder):
    reserved = os.stat(folder + "/reserved")
    expect((reserved.st_size, reserved.st_blocks) == (4, 2048), "what was reserved before")
    punched = contents(folder + "/fallocate")
    whole = b"0123456789" * 10_000
    expect(punched == whole[:4_097] + bytes(50_000) + whole[54_097:99_000] + bytes(10_500), "a file with holes")
    with open(folder + "/copy.twin", "rb") as twin:
        expect(os.lseek(twin.fileno(), 0, os.SEEK_HOLE) == 10 << 30, "a copy without holes")
        twin.seek(0)
        first = twin.read(1 << 20)
        expect(len(first) == 1 << 20, "a copy that can be read")
        twin.seek(5 << 30)
        expect(twin.read(1 << 20) == b"other" + first[5:], "a copy whose source is gone")


def main():
    folder, what = sys.argv[1:]
    if what == "change":
        os.mkdir(folder)
        check_seek(folder + "/seek")
        check_fallocate(folder + "/fallocate")
        check_reservation(folder + "/reserved")
        check_copy(folder + "/copy")
    verify(folder)


main()
