"""Keeps files mapped and open while others change what lies below. Usage: _mapped_readers.py FILE...

Says "mapped", and for each line from standard input reads all of them again, past the page cache: "same", or what is not.
"""

import hashlib
import mmap
import os
import sys


def sum_of(memory):
    return hashlib.sha256(memory).hexdigest()


def main():
    files = []
    for path in sys.argv[1:]:
        fd = os.open(path, os.O_RDONLY)
        memory = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ)
        files.append((path, fd, memory, sum_of(memory)))
    print("mapped", flush=True)
    for _ in sys.stdin:
        wrong = []
        for path, fd, memory, expected in files:
            memory.madvise(mmap.MADV_DONTNEED)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            if sum_of(memory) != expected:
                wrong.append(path)
        print("changed: " + " ".join(wrong) if wrong else "same", flush=True)


main()
