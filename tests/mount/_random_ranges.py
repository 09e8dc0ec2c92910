"""Random reads, writes, mapped writes, truncations, punches and copies of two files, compared with bytes in memory: the
kernel's pages and the store have to tell the same. Usage: FOLDER STEPS [SEED]; STEPS may be a time, as 300s"""

import ctypes
import mmap
import os
import random
import sys
import time

KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
SIZE_MAX = 400_000
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


class File:
    def __init__(self, path):
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        self.bytes = bytearray()

    def resize(self, size):
        del self.bytes[size:]
        self.bytes.extend(bytes(size - len(self.bytes)))

    def put(self, offset, data):
        if len(self.bytes) < offset + len(data):
            self.resize(offset + len(data))
        self.bytes[offset : offset + len(data)] = data


def any_range(dice):
    offset = dice.choice([dice.randrange(SIZE_MAX), 4096 * dice.randrange(SIZE_MAX // 4096)])
    return offset, dice.randint(1, min(SIZE_MAX - offset, dice.choice([100, 4096, 60_000])))


def write(dice, files):
    file = dice.choice(files)
    offset, length = any_range(dice)
    data = dice.randbytes(length)
    os.pwrite(file.fd, data, offset)
    file.put(offset, data)


def write_mapped(dice, files):
    file = dice.choice(files)
    if not file.bytes:
        return
    offset = dice.randrange(len(file.bytes))
    data = dice.randbytes(dice.randint(1, min(5000, len(file.bytes) - offset)))
    with mmap.mmap(file.fd, len(file.bytes)) as memory:
        memory[offset : offset + len(data)] = data
        if dice.random() < 0.3:
            memory.flush()
    file.put(offset, data)


def truncate(dice, files):
    file = dice.choice(files)
    size = dice.randrange(SIZE_MAX)
    os.ftruncate(file.fd, size)
    file.resize(size)


def change_range(dice, files):
    file = dice.choice(files)
    offset, length = any_range(dice)
    mode = dice.choice([PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE | KEEP_SIZE, ZERO_RANGE, KEEP_SIZE, 0])
    if LIBC.fallocate(file.fd, mode, offset, length) != 0:
        sys.exit(f"FAILED: fallocate: {os.strerror(ctypes.get_errno())}")
    if mode & KEEP_SIZE == 0 and len(file.bytes) < offset + length:
        file.resize(offset + length)
    end = min(offset + length, len(file.bytes))
    if offset < end and mode & ~KEEP_SIZE:  # else it reserves and changes no byte
        file.put(offset, bytes(end - offset))


def copy(dice, files):
    source, target = dice.choice(files), dice.choice(files)
    offset, length = any_range(dice)
    into = dice.randrange(SIZE_MAX - length)
    length = min(length, max(0, len(source.bytes) - offset))
    if length == 0 or (source is target and abs(into - offset) < length):
        return
    data = bytes(source.bytes[offset : offset + length])
    done = os.copy_file_range(source.fd, target.fd, length, offset, into)
    if done != length:
        sys.exit(f"FAILED: copy_file_range did {done} of {length} bytes")
    target.put(into, data)


def sync(dice, files):
    os.fsync(dice.choice(files).fd)


def check(file, step):
    found = os.pread(file.fd, SIZE_MAX + 1, 0)
    if len(found) != len(file.bytes):
        sys.exit(f"FAILED: step {step}: {file.path} has {len(found)} bytes, not {len(file.bytes)}")
    for at, (a, b) in enumerate(zip(found, file.bytes)):
        if a != b:
            sys.exit(f"FAILED: step {step}: {file.path} differs at {at}")


def main():
    folder, steps = sys.argv[1], sys.argv[2]
    until = time.monotonic() + float(steps[:-1]) if steps.endswith("s") else None
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    files = [File(f"{folder}/{name}") for name in "ab"]
    steps_of = [write] * 4 + [write_mapped] * 3 + [truncate] + [change_range] * 3 + [copy] * 4 + [sync]
    step = 0
    while step < int(steps) if until is None else time.monotonic() < until:
        step += 1
        dice.choice(steps_of)(dice, files)
        for file in files:
            if bytes(file.bytes) != os.pread(file.fd, SIZE_MAX + 1, 0):
                check(file, step)
    for file in files:
        os.close(file.fd)
        with open(file.path, "rb") as again:
            if again.read() != bytes(file.bytes):
                sys.exit(f"FAILED: {file.path} differs when it is opened again")


main()
