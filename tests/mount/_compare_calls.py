"""The same random system calls in two folders on two filesystems, and what comes of them compared.

    _compare_calls.py calls OURS THEIRS COUNT SEED
    _compare_calls.py trees OURS THEIRS

Each call is made in both folders by the same user. Compared are what it returns (errno, or number, data, names) and what it
did: type, mode, owner, links, size and device of every inode it was about and of the directories that hold their names, and
which of their times moved. `trees` compares everything below the folders, contents and extended attributes too.

What may differ, and why, is in LEGITIMATE below and in doc/semantics.md.
"""

import collections
import errno
import os
import stat
import sys

from _random_calls import Caller, Calls, Side, NOT_OPEN, perform, xattr_names

REFUSALS = [NOT_OPEN, *errno.errorcode.values()]


class Difference(Exception):
    pass


def moved(before, after):
    """Which times are others now: (mtime, ctime). Nothing where another inode took the place."""
    if before[1] is None or after[1] is None or before[1][0] != after[1][0]:
        return None
    return tuple(old != new for old, new in zip(before[1][1:], after[1][1:]))


KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
         stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}


def kind_of(look):
    """What a look saw, in one word."""
    facts = look[0]
    return KINDS[stat.S_IFMT(int(facts[0], 8))] if isinstance(facts, tuple) else "nothing"


def shortened(value):
    text = repr(value)
    return text if len(text) < 300 else f"{text[:200]}... ({len(text)} characters)"


# What may differ: (reason, test of the call's words, of our result and theirs, and of what else differs: "times of fifo").
LEGITIMATE = [
    ("chown to nobody else looks to a FUSE daemon like the write of somebody who was handed an open file: no error",
     lambda words, results, others: "chown(" in words and "-1, -1" in words and results == [None, "EPERM"] and not others),
    ("over a directory that is not empty, XFS says EEXIST, and we ENOTEMPTY like the rest of Linux; POSIX has both",
     lambda words, results, others: words.startswith("renameat2") and results == ["ENOTEMPTY", "EEXIST"] and not others),
    ("bytes through a fifo move its times; they pass through the kernel, which does not tell a FUSE daemon",
     lambda words, results, others: "].write" in words and results[0] == results[1] and others <= {"times of fifo"}),
    ("truncate() to the size that is there moves the times, as POSIX wants; XFS finds nothing to do",
     lambda words, results, others: words.startswith("truncate(") and results == [None, None] and
     others == {"times of file"}),
    ("RENAME_EXCHANGE moves the ctime of both inodes, as every rename does; XFS only if it was between two directories",
     lambda words, results, others: words.startswith("renameat2") and words.endswith(", 2)") and
     results == [None, None] and all(other.startswith("times of ") for other in others)),
]


def compare(sides, count, seed):
    caller, calls = Caller(), Calls(seed)
    history = collections.deque(maxlen=25)
    allowed, worked = collections.Counter(), collections.Counter()
    for number in range(count):
        user, call = calls.next()
        history.append(f"{number} {user[0]}: {call.words}")
        before = [[side.look(what) for what in call.looks] for side in sides]
        results = [perform(call, side, caller, user) for side in sides]
        after = [[side.look(what) for what in call.looks] for side in sides]
        name = call.words.split("(")[0].split("] = ")[-1].split("].")[-1]
        if results[0] not in REFUSALS:
            worked[name] += 1
            if call.makes:
                calls.note_made(call.makes, name == "mkdir")
        differences, others = [], set()
        if results[0] != results[1]:
            differences.append(f"returned {shortened(results[0])}, not {shortened(results[1])}")
        for index, what in enumerate(call.looks):
            if after[0][index][0] != after[1][index][0]:
                differences.append(f"{what}: {after[0][index][0]}, not {after[1][index][0]}")
                others.add(f"facts of {kind_of(after[0][index])}")
            times = [moved(before[side][index], after[side][index]) for side in (0, 1)]
            if times[0] != times[1]:
                differences.append(f"{what}: (mtime, ctime) moved: {times[0]}, not {times[1]}")
                others.add(f"times of {kind_of(after[0][index])}")
        if not differences:
            continue
        reason = next((reason for reason, test in LEGITIMATE if test(call.words, results, others)), None)
        if reason is None:
            raise Difference("\n".join([*history, *differences]))
        allowed[reason] += 1
    for reason, times in allowed.items():
        print(f"{times} differences as expected: {reason}")
    print("worked:", ", ".join(f"{name} {times}" for name, times in worked.most_common()))
    # A run in which nothing succeeds compares nothing but refusals.
    if count >= 10000 and (len(worked) < 25 or sum(worked.values()) < count / 6):
        raise Difference("too few calls worked for the comparison to mean something")


def tree(root):
    side, found = Side(root), {}
    for folder, folders, files in os.walk(root):
        for name in [".", *folders, *files]:
            path = os.path.join(folder, name)
            about = side.about(os.lstat(path))[0]
            xattrs = [(key, os.getxattr(path, key, follow_symlinks=False))
                      for key in xattr_names(path, follow_symlinks=False)]
            content = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                content = sparse_content(path)
            found[os.path.relpath(path, root)] = (about, xattrs, content)
    return found


def sparse_content(path):
    """The pages that are not zero; a file may be much longer than what is in it."""
    pages = []
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        for begin, length in [(0, 1 << 20), (1 << 33, 1 << 20), (end - (1 << 16), 1 << 16)]:
            file.seek(max(begin, 0))
            data = file.read(length)
            pages.append(data.rstrip(b"\0"))
    return pages


def main():
    what, ours, theirs = sys.argv[1:4]
    if what == "trees":
        one, other = tree(ours), tree(theirs)
        for path in sorted(one.keys() | other.keys()):
            if one.get(path) != other.get(path):
                raise Difference(f"{path}: {shortened(one.get(path))}, not {shortened(other.get(path))}")
        print(f"{len(one)} names are the same")
        return
    count, seed = int(sys.argv[4]), int(sys.argv[5])
    print(f"{count} calls, seed {seed}")
    os.umask(0)
    sides = [Side(ours), Side(theirs)]
    for side in sides:
        os.chmod(side.root, 0o777)
    compare(sides, count, seed)


try:
    main()
except Difference as difference:
    sys.exit(str(difference))
