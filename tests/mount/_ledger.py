"""Writers that keep books of what they did and what was acknowledged, and a check of what came back.

    _ledger.py load MOUNT BOOKS SECONDS     writers and readers until the time is over or the mount fails
    _ledger.py verify MOUNT BOOKS           what is there now becomes the books' new beginning
    _ledger.py verify MOUNT BOOKS FROM TO   what was there at some moment between two times of the monotonic clock
    _ledger.py unhear BOOKS FROM TO         what was acknowledged between two times was heard by nobody

Each writer has a folder of its own and does one thing after the other. Changes survive in their order, so what comes back
must be the folder as it was after some operation at or behind the last one that an fsync acknowledged, whole.
"""

import errno
import hashlib
import os
import pickle
import random
import sys
import threading
import time

WRITERS = int(os.environ.get("CIAOS_WRITERS", "4"))
READERS = 2
FILES = int(os.environ.get("CIAOS_FILES_EACH", "24"))
LARGE_BYTES = int(os.environ.get("CIAOS_LARGE_BYTES", "300000"))
# How a mount ends or refuses: its daemon died, its device failed, it takes no more changes. ECANCELED is how the kernel ends
# what lies on the rings of a daemon in the milliseconds in which it dies (seen on Linux 6.18).
ENDS = {errno.ENOTCONN, errno.ECONNABORTED, errno.ECANCELED, errno.EIO, errno.EROFS, errno.ENODEV, errno.ESHUTDOWN}
if os.environ.get("CIAOS_MAY_BE_DAMAGED"):
    ENDS.add(errno.EUCLEAN)


def digest(contents):
    return None if contents is None else f"{hashlib.blake2b(contents, digest_size=16).hexdigest()}, {len(contents)} bytes"


class Books:
    """Of one writer. An operation is in the books before it is tried; `acknowledged` counts those that are durable."""

    def __init__(self, number):
        self.number = number
        self.files = {}        # name: contents, as of the last operation that returned
        self.begin = {}        # name: digest, before the first operation below
        self.operations = []   # (time when tried, {name: digest afterwards})
        self.acknowledged = [] # (time, how many operations)
        self.locks = {}

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != "locks"}

    def __setstate__(self, state):
        self.__dict__.update(state, locks={})

    def states(self, oldest, newest):
        """The folder after each of the operations oldest to newest, as digests by name."""
        state = dict(self.begin)
        for count in range(newest + 1):
            if count > 0:
                state.update(self.operations[count - 1][1])
            if count >= oldest:
                yield count, {name: value for name, value in state.items() if value is not None}

    def window(self, since=None, until=None):
        oldest = max((count for when, count in self.acknowledged if since is None or when <= since), default=0)
        newest = sum(1 for when, _ in self.operations if until is None or when <= until)
        return oldest, max(oldest, newest)

    def begin_anew(self, files):
        self.files = files
        self.begin = {name: digest(contents) for name, contents in files.items()}
        self.operations, self.acknowledged = [], []


class Writer(threading.Thread):
    def __init__(self, mount, books, until, seed, counts):
        super().__init__()
        self.folder = f"{mount}/{books.number}"
        self.books, self.until, self.counts = books, until, counts
        self.dice = random.Random(seed)
        self.error = None
        self.unexpected = False
        self.names_changed = 0  # operations up to the last one that changed the folder

    def run(self):
        try:
            while time.monotonic() < self.until:
                self.step()
                self.counts["operations"] += 1
        except OSError as error:
            self.error = error
            self.unexpected = error.errno not in ENDS

    def try_change(self, changes, act, names=True):
        """`changes`: contents by name, None where a name goes; `names`: whether the folder itself changes. False: refused
        with ENOSPC, and nothing changed."""
        books = self.books
        locks = [books.locks.setdefault(name, threading.Lock()) for name in sorted(changes)]
        for lock in locks:
            lock.acquire()
        try:
            books.operations.append((time.monotonic(), {name: digest(c) for name, c in changes.items()}))
            try:
                act()
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    books.operations.pop()
                    self.counts["refused"] += 1
                    return False
                raise
            if names:
                self.names_changed = len(books.operations)
            for name, contents in changes.items():
                if contents is None:
                    books.files.pop(name, None)
                else:
                    books.files[name] = contents
            return True
        finally:
            for lock in locks:
                lock.release()

    def synced(self, fd, count=None):
        """`count` operations are durable then: all of them, if what `fd` is of changed in the last one."""
        count = len(self.books.operations) if count is None else count
        os.fsync(fd)
        self.books.acknowledged.append((time.monotonic(), count))
        self.counts["acknowledged"] += 1

    def sync_names(self):
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            self.synced(fd, self.names_changed)
        finally:
            os.close(fd)

    def step(self):
        dice, files = self.dice, self.books.files
        name = f"f{dice.randrange(FILES)}"
        path = f"{self.folder}/{name}"
        chosen = dice.randrange(100)
        if chosen < 30 or name not in files:
            self.replace(name, path)
        elif chosen < 50:
            self.write_at(name, path, len(files[name]))
        elif chosen < 75:
            self.write_at(name, path, dice.randrange(len(files[name]) + 1))
        elif chosen < 80:
            size = dice.randrange(len(files[name]) + 1)
            self.try_change({name: files[name][:size]}, lambda: os.truncate(path, size), names=False)
        elif chosen < 88:
            self.try_change({name: None}, lambda: os.unlink(path))
        elif chosen < 93:
            self.clone(name, path)
        elif chosen < 97:
            other = f"f{dice.randrange(FILES)}"
            if other != name:
                self.try_change({name: None, other: files[name]}, lambda: os.rename(path, f"{self.folder}/{other}"))
        else:
            self.sync_names()

    def replace(self, name, path):
        """By a new file that takes the name; half of them are synced first, which is what programs do."""
        large = self.dice.randrange(10) == 0
        contents = self.dice.randbytes(self.dice.randrange(LARGE_BYTES if large else 9000))

        def act():
            fresh = f"{self.folder}/.new"
            fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                view = memoryview(contents)
                while view:
                    view = view[os.write(fd, view):]
                os.rename(fresh, path)
                return fd
            except BaseException:
                os.close(fd)
                raise

        opened = []
        self.try_change({name: contents}, lambda: opened.append(act()))
        if opened:
            try:
                if self.dice.randrange(2) == 0:
                    self.synced(opened[0])
            finally:
                os.close(opened[0])

    def write_at(self, name, path, offset):
        contents = self.books.files[name]
        # Past the page cache, which cuts at page borders, one write(2) is one request: there whole or not at all (D3).
        piece = self.dice.randbytes(1 + self.dice.randrange(60_000 if self.dice.randrange(4) == 0 else 3000))
        changed = contents[:offset] + piece + contents[offset + len(piece):]
        if len(changed) > 2 * LARGE_BYTES:
            return
        fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
        try:
            done = self.try_change({name: changed}, lambda: os.pwrite(fd, piece, offset), names=False)
            if done and self.dice.randrange(4) == 0:
                self.synced(fd)
        finally:
            os.close(fd)

    def clone(self, name, path):
        contents = self.books.files[name]
        other = f"{self.folder}/c{self.dice.randrange(FILES // 4 + 1)}"

        def act():
            source, fresh = os.open(path, os.O_RDONLY), f"{self.folder}/.new"
            target = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                done = 0
                while done < len(contents):
                    done += os.copy_file_range(source, target, len(contents) - done)
                os.rename(fresh, other)
            finally:
                os.close(source)
                os.close(target)

        self.try_change({os.path.basename(other): contents}, act)


class Reader(threading.Thread):
    """Compares what it reads with the books, while writers go on elsewhere."""

    def __init__(self, mount, all_books, until, seed, counts):
        super().__init__()
        self.mount, self.all_books, self.until, self.counts = mount, all_books, until, counts
        self.dice = random.Random(seed)
        self.wrong = []

    def run(self):
        while time.monotonic() < self.until:
            books = self.dice.choice(self.all_books)
            name = f"f{self.dice.randrange(FILES)}"
            lock = books.locks.setdefault(name, threading.Lock())
            with lock:
                expected = books.files.get(name)
                try:
                    with open(f"{self.mount}/{books.number}/{name}", "rb") as file:
                        contents = file.read()
                except FileNotFoundError:
                    contents = None
                except OSError as error:
                    if error.errno not in ENDS:
                        self.wrong.append(f"{books.number}/{name}: {error}")
                    return
            # A name that is being changed right now has its lock; what comes with an unfinished change is not looked at.
            if contents != expected:
                self.wrong.append(f"{books.number}/{name}: read {digest(contents)}, expected {digest(expected)}")
            self.counts["reads"] += 1
            time.sleep(0.001)  # writers are more than readers here


def read_books(path):
    if not os.path.exists(path):
        return [Books(number) for number in range(WRITERS)]
    with open(path, "rb") as file:
        return pickle.load(file)


def write_books(path, all_books):
    with open(path + ".new", "wb") as file:
        pickle.dump(all_books, file)
    os.rename(path + ".new", path)


def load(mount, path, seconds):
    all_books = read_books(path)
    seed = int(os.environ.get("CIAOS_SEED") or random.randrange(1 << 30))
    print(f"CIAOS_SEED={seed}", flush=True)
    until = time.monotonic() + float(seconds)
    counts = {"operations": 0, "acknowledged": 0, "refused": 0, "reads": 0}
    for books in all_books:
        os.makedirs(f"{mount}/{books.number}", exist_ok=True)
    writers = [Writer(mount, books, until, seed + books.number, counts) for books in all_books]
    readers = [Reader(mount, all_books, until, seed + 100 + number, counts) for number in range(READERS)]
    for thread in writers + readers:
        thread.start()
    for writer in writers:
        writer.join()
    for reader in readers:
        reader.until = 0
        reader.join()
    write_books(path, all_books)
    errors = {errno.errorcode[w.error.errno] for w in writers if w.error}
    print(" ".join(f"{name} {count}" for name, count in counts.items()), *sorted(errors), flush=True)
    wrong = [line for reader in readers for line in reader.wrong] + [str(w.error) for w in writers if w.unexpected]
    if wrong:
        sys.exit("WRONG: " + "\n".join(wrong[:20]))


def contents_of(folder):
    found = {}
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if not name.startswith("."):
            with open(f"{folder}/{name}", "rb") as file:
                found[name] = file.read()
    return found


def tell_history(books, name, found, oldest):
    print(f"{name}: found {digest(found)}")
    for count, (_, changes) in enumerate(books.operations, 1):
        for changed, value in changes.items():
            if changed == name and (count >= oldest - 100 or value == digest(found)):
                print(f"  after operation {count}: {value}")


def unhear(path, since, until):
    all_books = read_books(path)
    for books in all_books:
        books.acknowledged = [(when, count) for when, count in books.acknowledged if not float(since) <= when <= float(until)]
    write_books(path, all_books)


def verify(mount, path, since=None, until=None):
    all_books = read_books(path)
    compared = 0
    for books in all_books:
        found = contents_of(f"{mount}/{books.number}")
        digests = {name: digest(contents) for name, contents in found.items()}
        oldest, newest = books.window(since and float(since), until and float(until))
        if not any(state == digests for _, state in books.states(oldest, newest)):
            best = min(books.states(oldest, newest), key=lambda item: len(set(item[1].items()) ^ set(digests.items())))
            differs = sorted({name for name, _ in set(best[1].items()) ^ set(digests.items())})
            for name in differs:
                tell_history(books, name, found.get(name), oldest)
            sys.exit(f"LOST OR WRONG: folder {books.number} is none of its states {oldest} to {newest}; "
                     f"nearest is {best[0]}, but for {differs}")
        compared += len(found)
        if since is None:
            books.begin_anew(found)
    if since is None:
        write_books(path, all_books)
    print(f"verified {compared} files")


if __name__ == "__main__":
    {"load": load, "verify": verify, "unhear": unhear}[sys.argv[1]](*sys.argv[2:])
