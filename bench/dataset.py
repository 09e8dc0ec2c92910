#!/usr/bin/env python3
"""Copies a tree of files and reads it back as a data loader does: whole files, in shuffled order, by a few workers.

  dataset.py copy SOURCE TARGET --manifest FILE   copies regular files, notes size and SHA-256 of what it read
  dataset.py read TARGET --manifest FILE          reads them shuffled and compares every sum

Both show a progress bar on a terminal, and append one line with rates to --report.
"""

import argparse
import concurrent.futures
import hashlib
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import time

WORKERS = 4
PIECE_BYTES = 1 << 20
BAR_CELLS = 32


class Progress:
    """Counts files and bytes; draws at most ten times a second, and only for people."""

    def __init__(self, title, files, total_bytes):
        self.title, self.files, self.total_bytes = title, files, max(total_bytes, 1)
        self.files_done = self.bytes_done = 0
        self.started = self.drawn = time.monotonic()

    def add(self, count):
        self.files_done += 1
        self.bytes_done += count
        now = time.monotonic()
        if sys.stdout.isatty() and (now - self.drawn > 0.1 or self.files_done == self.files):
            self.drawn = now
            cells = BAR_CELLS * self.bytes_done // self.total_bytes
            print(f"\r{self.title:<30} [{'#' * cells:<{BAR_CELLS}}] {100 * self.bytes_done // self.total_bytes:3d}% "
                  f"{self.files_done}/{self.files} files {self.bytes_done / 1e6 / (now - self.started):7.1f} MB/s",
                  end="", flush=True)

    def end(self):
        """The line for the report."""
        seconds = max(time.monotonic() - self.started, 1e-6)
        line = (f"{self.title:<30} {self.files_done:7d} files {self.bytes_done / 1e6:8.1f} MB {seconds:7.2f} s "
                f"{self.files_done / seconds:9.0f} files/s {self.bytes_done / 1e6 / seconds:8.1f} MB/s")
        print(("\r" if sys.stdout.isatty() else "") + line, flush=True)
        return line


def copy_file(source, target):
    """Returns (size, SHA-256) of the bytes read from `source`."""
    digest, count = hashlib.sha256(), 0
    with open(source, "rb", buffering=0) as reader, open(target, "wb", buffering=0) as writer:
        while piece := reader.read(PIECE_BYTES):
            digest.update(piece)
            count += len(piece)
            while piece:
                piece = piece[writer.write(piece):]
    return count, digest.hexdigest()


def read_file(path):
    digest, count = hashlib.sha256(), 0
    with open(path, "rb", buffering=0) as reader:
        while piece := reader.read(PIECE_BYTES):
            digest.update(piece)
            count += len(piece)
    return count, digest.hexdigest()


def regular_files(source, bytes_max):
    """(relative path, size) of what is to be copied, in the order of names, up to `bytes_max` bytes."""
    found, total = [], 0
    for place, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = pathlib.Path(place, name)
            if path.is_symlink() or not path.is_file() or not os.access(path, os.R_OK):
                continue
            size = path.stat().st_size
            if total + size > bytes_max:
                return found
            total += size
            found.append((str(path.relative_to(source)), size))
    return found


def make_durable(target):
    """On return all that was copied survives a crash. sync(2) brings the kernel's dirty pages to the daemon and ends
    there; the fsync of a file that is new then commits everything that came before it."""
    subprocess.run(["sync", "-f", target], check=True)
    marker = os.path.join(target, ".synced")
    with open(marker, "wb") as file:
        file.write(b"now")
        file.flush()
        os.fsync(file.fileno())
    os.unlink(marker)


def copy(arguments):
    listed = regular_files(arguments.tree, arguments.bytes_max)
    if not listed:
        sys.exit(f"dataset.py: there is no regular file below {arguments.tree}")
    progress = Progress(arguments.title or "copy in", len(listed), sum(size for _, size in listed))
    for folder in sorted({os.path.dirname(name) for name, _ in listed}):
        os.makedirs(os.path.join(arguments.target, folder), exist_ok=True)
    manifest = {}
    for name, _ in listed:
        manifest[name] = copy_file(os.path.join(arguments.tree, name), os.path.join(arguments.target, name))
        progress.add(manifest[name][0])
    make_durable(arguments.target)
    pathlib.Path(arguments.manifest).write_text(json.dumps(manifest))
    return progress.end(), []


def read(arguments):
    manifest = json.loads(pathlib.Path(arguments.manifest).read_text())
    names = sorted(manifest)
    random.Random(arguments.seed).shuffle(names)
    progress = Progress(arguments.title or "read shuffled", len(names), sum(size for size, _ in manifest.values()))

    def offence_of(name):
        try:
            size, digest = read_file(os.path.join(arguments.tree, name))
        except OSError as error:
            return 0, f"{name}: {error.strerror}"
        right = [size, digest] == manifest[name]
        return size, None if right else f"{name}: {size} bytes with another content than was copied in"

    offences = []
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for size, offence in pool.map(offence_of, names):
            progress.add(size)
            if offence:
                offences.append(offence)
    return progress.end(), offences


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    for verb in (copy, read):
        command = verbs.add_parser(verb.__name__)
        command.add_argument("tree")
        if verb is copy:
            command.add_argument("target")
            command.add_argument("--bytes-max", type=int, default=1 << 40)
        else:
            command.add_argument("--seed", type=int, default=1)
        command.add_argument("--manifest", required=True)
        command.add_argument("--title")
        command.add_argument("--report")
        command.set_defaults(verb=verb)
    arguments = parser.parse_args()
    try:
        line, offences = arguments.verb(arguments)
    except OSError as error:
        sys.exit(f"\ndataset.py: {error.filename or arguments.tree}: {error.strerror}")
    if arguments.report:
        with open(arguments.report, "a", encoding="utf-8") as report:
            report.write(line + "\n")
    for offence in itertools.islice(offences, 20):
        print(offence, file=sys.stderr)
    if offences:
        sys.exit(f"dataset.py: {len(offences)} files are not what was copied in")


if __name__ == "__main__":
    main()
