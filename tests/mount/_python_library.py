"""What Python's library does to files: shutil, tarfile, zipfile, tempfile, mmap, dbm, and locks.

    _python_library.py FOLDER
"""

import dbm.dumb
import fcntl
import filecmp
import hashlib
import mmap
import os
import pathlib
import random
import shutil
import sys
import tarfile
import tempfile
import zipfile

folder = pathlib.Path(sys.argv[1])
seed = int(os.environ.get("CIAOS_SEED", random.randrange(1 << 30)))
print(f"seed {seed}")
choices = random.Random(seed)


def equal_trees(one, other):
    comparison = filecmp.dircmp(one, other, ignore=[])
    assert not comparison.left_only and not comparison.right_only, (comparison.left_only, comparison.right_only)
    _, mismatch, errors = filecmp.cmpfiles(one, other, comparison.common_files, shallow=False)
    assert not mismatch and not errors, (mismatch, errors)
    for name in comparison.common_dirs:
        equal_trees(os.path.join(one, name), os.path.join(other, name))


def copies_and_moves(tree):
    shutil.copytree(tree, folder / "copy", symlinks=True)
    equal_trees(tree, folder / "copy")
    shutil.move(folder / "copy", folder / "moved")
    equal_trees(tree, folder / "moved")
    with tempfile.TemporaryDirectory() as elsewhere:
        shutil.move(folder / "moved", elsewhere)
        equal_trees(tree, os.path.join(elsewhere, "moved"))
        shutil.move(os.path.join(elsewhere, "moved"), folder / "back")
    equal_trees(tree, folder / "back")
    shutil.rmtree(folder / "back")
    assert not (folder / "back").exists()


def archives(tree):
    for kind in ["tar", "gztar", "zip"]:
        name = shutil.make_archive(str(folder / "archive"), kind, tree)
        shutil.unpack_archive(name, folder / f"from_{kind}")
        equal_trees(tree, folder / f"from_{kind}")
    with tarfile.open(folder / "archive.tar", "a") as archive:
        archive.add(tree / "0", "appended")
    with zipfile.ZipFile(folder / "archive.zip", "a") as archive:
        archive.write(tree / "0", "appended")
        assert archive.testzip() is None
        assert archive.read("appended") == (tree / "0").read_bytes()


def temporary_files():
    with tempfile.TemporaryFile(dir=folder) as file:
        assert os.fstat(file.fileno()).st_nlink == 0
        file.write(b"x" * 100000)
        file.seek(0)
        assert file.read() == b"x" * 100000
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        assert pathlib.Path(file.name).exists()
    assert not pathlib.Path(file.name).exists()


def mapped_files():
    """A shared mapping, a second one and plain reads and writes see one file."""
    size = 300000
    model = bytearray(choices.randbytes(size))
    path = folder / "mapped"
    path.write_bytes(model)
    with open(path, "r+b", buffering=0) as file, open(path, "r+b", buffering=0) as second:
        one = mmap.mmap(file.fileno(), size)
        other = mmap.mmap(second.fileno(), size)
        for _ in range(300):
            at, data = choices.randrange(size - 5000), choices.randbytes(choices.randrange(1, 5000))
            model[at : at + len(data)] = data
            if choices.random() < 0.5:
                one[at : at + len(data)] = data
            else:
                assert os.pwrite(second.fileno(), data, at) == len(data)
            begin = choices.randrange(size - 1000)
            for seen in [other[begin : begin + 1000], os.pread(file.fileno(), 1000, begin)]:
                assert seen == model[begin : begin + 1000]
        one.flush()
        one.close()
        other.close()
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(model).digest()


def databases():
    with dbm.dumb.open(str(folder / "dumb"), "c") as database:
        for number in range(200):
            database[str(number)] = bytes([number % 256]) * number
    with dbm.dumb.open(str(folder / "dumb"), "r") as database:
        assert all(database[str(number)] == bytes([number % 256]) * number for number in range(200))


def locks():
    """Who holds a lock keeps another process out, and does no longer when it is gone."""
    path = folder / "lock"
    path.touch()
    for lock in [fcntl.flock, fcntl.lockf]:
        with open(path, "r+b") as file:
            lock(file, fcntl.LOCK_EX)
            assert not lockable_by_another(path, lock)
        assert lockable_by_another(path, lock)


def lockable_by_another(path, lock):
    child = os.fork()
    if child == 0:
        with open(path, "r+b") as file:
            try:
                lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def main():
    tree = folder / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    for number in range(30):
        (tree / f"{number}").write_bytes(choices.randbytes(choices.randrange(50000)))
        (tree / "deep" / f"{number}").write_text(f"{number}\n" * number)
    (tree / "deep" / "er" / "link").symlink_to("../1")
    copies_and_moves(tree)
    archives(tree)
    temporary_files()
    mapped_files()
    databases()
    locks()


main()
