"""Random system calls for _compare_calls.py: who makes them, on what, and how each is made in one of the two folders."""

import collections
import ctypes
import errno
import os
import random
import stat
import struct

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW = -100, 0x100, 0x400
UTIME_NOW, UTIME_OMIT = 0x3FFFFFFF, 0x3FFFFFFE
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16

ROOT = (0, 0)
USERS = [(60001, 60001), (60002, 60002), (60003, 60001)]
SHARED_GROUP = 60077  # a further group of everybody
GROUPS = [0, 60001, 60002, SHARED_GROUP]

# Few names, so that calls meet each other.
NAMES = ["a", "b", "c", "d", "e", "f"]
LONGEST, TOO_LONG = "n" * 255, "n" * 256
XATTRS = ["user.a", "user.b", "trusted.t", "security.s", "user." + "n" * 250, "user.", "nobody.knows"]
SLOTS = 7
NOT_OPEN = "not open"


def checked(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def linkat(old, new, follow):
    """Python's os.link() follows symlinks in no case."""
    checked(libc.linkat(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), AT_SYMLINK_FOLLOW if follow else 0))


class Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


def acl_bytes(entries):
    """Linux's form of an access control list; see acl(5)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def xattr_names(where, **named):
    """XFS shows access control lists a second time under names of its own."""
    return sorted(name for name in os.listxattr(where, **named) if not name.startswith("trusted.SGI_ACL_"))


class Side:
    """One of the two folders, and what is open in it."""

    def __init__(self, root):
        self.root = root
        self.slots = [None] * SLOTS

    def path(self, name):
        return f"{self.root}/{name}"

    def about(self, result):
        kind = stat.S_IFMT(result.st_mode)
        size = None if kind == stat.S_IFDIR else result.st_size
        facts = (oct(result.st_mode), result.st_nlink, result.st_uid, result.st_gid, size, result.st_rdev)
        return facts, (result.st_ino, result.st_mtime_ns, result.st_ctime_ns)

    def look(self, what):
        """Facts and times of a name, of what it leads to, or of an open file."""
        follow, name = what
        try:
            if follow == "slot":
                return self.about(os.fstat(self.slots[name])) if self.slots[name] is not None else (None, None)
            return self.about(os.stat(self.path(name), follow_symlinks=follow == "follow"))
        except OSError as error:
            return errno.errorcode[error.errno], None


class Caller:
    """Who makes the calls. Looking is done by root, who sees everything."""

    def __init__(self):
        os.setgroups([SHARED_GROUP])
        self.now = ROOT

    def become(self, user):
        if user == self.now:
            return
        os.seteuid(0)
        os.setegid(user[1])
        os.seteuid(user[0])
        self.now = user


# One call: its words for the report, what it does to a side, what to look at before and after, and the path that is there
# if it worked.
Call = collections.namedtuple("Call", "words act looks makes", defaults=[None])


class Calls:
    """Makes up calls. Everything is decided by the seed, and by what worked, which is the same on both sides."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        # What was made lately, so that not every path leads nowhere.
        self.folders = collections.deque(["", "", ""], maxlen=12)
        self.made = collections.deque([NAMES[0]], maxlen=20)

    def name(self):
        roll = self.random.random()
        if roll < 0.004:
            return self.random.choice([LONGEST, TOO_LONG])
        return self.random.choice(NAMES)

    def path(self):
        roll = self.random.random()
        if roll < 0.5:
            path = self.random.choice(self.folders) + self.name()
        elif roll < 0.85:
            path = self.random.choice(self.made)
        else:
            path = "/".join(self.name() for _ in range(self.random.randrange(1, 5)))
        if self.random.random() < 0.02:
            path += self.random.choice(["/", "/.", "/..", "//a", "/./a"])
        return path

    def mode(self):
        mode = self.random.choice([0o644, 0o600, 0o755, 0o755, 0o777, 0o777, 0o777, 0o777, 0o000, 0o4755, 0o2755, 0o2770,
                                   0o6711, 0o1777, self.random.randrange(0o10000)])
        # Who is outside the group and writes clears set-group-id where the group may execute. Where it may not, Linux 6 clears
        # it as well, but not for FUSE: there the protocol says what writing clears, and knows only the one case.
        return mode | 0o010 if mode & 0o2000 else mode

    def bytes(self):
        size = self.random.choice([0, 1, 10, 100, 1000, 4096, 5000, self.random.randrange(1, 70000)])
        return self.random.randbytes(size)

    def offset(self):
        return self.random.choice([0, 0, 1, 100, 4095, 4096, self.random.randrange(200000), 1 << 33, -1])

    def note_made(self, path, folder):
        """A call that makes names has worked on `path`."""
        path = path.rstrip("/.")
        self.made.append(path)
        if folder and path.count("/") < 4:
            self.folders.append(self.random.choice([path + "/", ""]))

    def looks(self, *paths):
        looks = []
        for path in paths:
            looks += [("nofollow", path), ("follow", path), ("nofollow", os.path.dirname(path.rstrip("/")))]
        return tuple(dict.fromkeys(looks))

    # --- names ---

    def mkdir(self):
        path, mode = self.path(), self.random.choice([0o777, 0o777, 0o777, 0o777, 0o1777, 0o2777, self.mode()])
        return Call(f"mkdir({path!r}, {mode:#o})", lambda side: os.mkdir(side.path(path), mode), self.looks(path), path)

    def rmdir(self):
        path = self.path()
        return Call(f"rmdir({path!r})", lambda side: os.rmdir(side.path(path)), self.looks(path))

    def unlink(self):
        path = self.path()
        return Call(f"unlink({path!r})", lambda side: os.unlink(side.path(path)), self.looks(path))

    def link(self):
        old, new = self.path(), self.path()
        follow = self.random.random() < 0.3
        return Call(f"link({old!r}, {new!r}, follow={follow})",
                    lambda side: linkat(side.path(old), side.path(new), follow),
                    self.looks(old, new), new)

    def symlink(self):
        # Never up, so that no path leads out of the folder; and of the length that XFS can take.
        target = self.random.choice([self.path().replace("/..", ""), "x" * 1023, "x" * 4096, ""])
        path = self.path()
        return Call(f"symlink({target[:40]!r}, {path!r})", lambda side: os.symlink(target, side.path(path)),
                    self.looks(path))

    def readlink(self):
        path = self.path()
        return Call(f"readlink({path!r})", lambda side: os.readlink(side.path(path)), self.looks(path))

    def rename(self):
        old, new = self.path(), self.path()
        flags = self.random.choice([0, 0, 0, 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE,
                                    RENAME_EXCHANGE | RENAME_NOREPLACE, 8])
        return Call(f"renameat2({old!r}, {new!r}, {flags})",
                    lambda side: checked(libc.renameat2(AT_FDCWD, os.fsencode(side.path(old)), AT_FDCWD,
                                                        os.fsencode(side.path(new)), flags)),
                    self.looks(old, new), new)

    def mknod(self):
        path, mode = self.path(), self.mode()
        # Major 511 is nobody's, so opening that block device reaches no disk.
        kind, device = self.random.choice([(stat.S_IFREG, 0), (0, 0), (stat.S_IFIFO, 0), (stat.S_IFSOCK, 0),
                                           (stat.S_IFCHR, os.makedev(1, 3)), (stat.S_IFBLK, os.makedev(511, 70000)),
                                           (stat.S_IFDIR, 0)])
        return Call(f"mknod({path!r}, {kind | mode:#o}, {device})",
                    lambda side: os.mknod(side.path(path), kind | mode, device), self.looks(path), path)

    def listing(self):
        path = self.path()
        return Call(f"listdir({path!r})", lambda side: sorted((entry.name, entry.is_dir(follow_symlinks=False),
                                                               entry.is_symlink())
                                                              for entry in os.scandir(side.path(path))),
                    self.looks(path))

    # --- attributes ---

    def lstat(self):
        path = self.path()
        return Call(f"lstat({path!r})", lambda side: side.about(os.lstat(side.path(path)))[0], self.looks(path))

    def access(self):
        path, wanted = self.path(), self.random.randrange(8)
        return Call(f"access({path!r}, {wanted})",
                    lambda side: os.access(side.path(path), wanted, effective_ids=True), self.looks(path))

    def chmod(self):
        path, mode = self.path(), self.mode()
        return Call(f"chmod({path!r}, {mode:#o})", lambda side: os.chmod(side.path(path), mode), self.looks(path))

    def owner(self):
        # Never (-1, -1): of another's set-id file, XFS refuses it and FUSE's part of the kernel asks us to clear the bits.
        uid = self.random.choice([-1, -1, 0] + [user[0] for user in USERS])
        return uid, self.random.choice(GROUPS if uid == -1 else [-1] + GROUPS)

    def chown(self):
        path, (uid, gid), follow = self.path(), self.owner(), self.random.random() < 0.7
        return Call(f"chown({path!r}, {uid}, {gid}, follow={follow})",
                    lambda side: os.chown(side.path(path), uid, gid, follow_symlinks=follow), self.looks(path))

    def truncate(self):
        # XFS takes truncate() of an empty file to nothing for no call at all and leaves set-user-id, which we clear. O_TRUNC and
        # ftruncate() empty files.
        path, size = self.path(), self.offset() or 7
        return Call(f"truncate({path!r}, {size})", lambda side: os.truncate(side.path(path), size), self.looks(path))

    def times(self):
        one = lambda: Timespec(self.random.randrange(-(1 << 30), 1 << 33),  # noqa: E731
                               self.random.choice([UTIME_NOW, UTIME_OMIT, 0, 999999999, 1000000000]))
        path, flags, pair = self.path(), self.random.choice([0, AT_SYMLINK_NOFOLLOW]), (Timespec * 2)(one(), one())
        words = ", ".join(f"{time.seconds}.{time.nanoseconds:#x}" for time in pair)

        def act(side):
            checked(libc.utimensat(AT_FDCWD, os.fsencode(side.path(path)), pair, flags))
            after = os.stat(side.path(path), follow_symlinks=flags == 0)
            said = zip(pair, (after.st_atime_ns, after.st_mtime_ns))
            return [ns for time, ns in said if time.nanoseconds not in (UTIME_NOW, UTIME_OMIT)]

        return Call(f"utimensat({path!r}, {words}, {flags})", act, self.looks(path))

    def setxattr(self):
        path, name, flags = self.path(), self.random.choice(XATTRS), self.random.choice([0, 0, 1, 2])
        value = self.random.randbytes(self.random.choice([0, 1, 30, 30, 30, 30, 30, 1000, 65536, 65537]))
        follow = self.random.random() < 0.5
        return Call(f"setxattr({path!r}, {name[:20]}, {len(value)} bytes, {flags}, follow={follow})",
                    lambda side: os.setxattr(side.path(path), name, value, flags, follow_symlinks=follow),
                    self.looks(path))

    def getxattr(self):
        path, name = self.path(), self.random.choice(XATTRS)
        return Call(f"getxattr({path!r}, {name[:20]})", lambda side: os.getxattr(side.path(path), name),
                    self.looks(path))

    def listxattr(self):
        path = self.path()
        return Call(f"listxattr({path!r})", lambda side: xattr_names(side.path(path)), self.looks(path))

    def removexattr(self):
        path, name = self.path(), self.random.choice(XATTRS + ["system.posix_acl_access", "system.posix_acl_default"])
        return Call(f"removexattr({path!r}, {name[:20]})", lambda side: os.removexattr(side.path(path), name),
                    self.looks(path))

    def setfacl(self):
        path, name = self.path(), self.random.choice(["system.posix_acl_access", "system.posix_acl_default"])
        bits = lambda: self.random.randrange(8)  # noqa: E731
        nobody = 0xFFFFFFFF
        entries = [(1, bits(), nobody)]
        entries += [(2, bits(), self.random.choice(USERS)[0])] * self.random.randrange(2)
        # With the group's x, for the reason that mode() gives.
        entries += [(4, bits() | 1, nobody)]
        entries += [(8, bits(), SHARED_GROUP)] * self.random.randrange(2)
        entries += [(16, bits() | 1, nobody)] * self.random.choice([0, 1, 1])
        entries += [(32, bits(), nobody)]
        if self.random.random() < 0.05:
            entries = []
        return Call(f"setxattr({path!r}, {name}, {entries})",
                    lambda side: os.setxattr(side.path(path), name, acl_bytes(entries)), self.looks(path))

    def getfacl(self):
        path, name = self.path(), self.random.choice(["system.posix_acl_access", "system.posix_acl_default"])
        return Call(f"getxattr({path!r}, {name})", lambda side: os.getxattr(side.path(path), name), self.looks(path))

    # --- open files ---

    def open(self):
        path, mode, slot = self.path(), self.mode(), self.random.randrange(SLOTS)
        flags = self.random.choice([os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR])
        for flag, chance in [(os.O_CREAT, 0.7), (os.O_EXCL, 0.1), (os.O_TRUNC, 0.2), (os.O_APPEND, 0.2),
                             (os.O_DIRECTORY, 0.05), (os.O_NOFOLLOW, 0.1), (os.O_SYNC, 0.02), (os.O_DSYNC, 0.02),
                             (os.O_NOATIME, 0.05), (os.O_PATH, 0.03)]:
            if self.random.random() < chance:
                flags |= flag

        def act(side):
            # Without O_NONBLOCK a fifo waits for its other end.
            fd = os.open(side.path(path), flags | os.O_NONBLOCK, mode)
            if side.slots[slot] is not None:
                os.close(side.slots[slot])
            side.slots[slot] = fd

        return Call(f"[{slot}] = open({path!r}, {flags:#o}, {mode:#o})", act, self.looks(path) + (("slot", slot),),
                    path)

    def open_unnamed(self):
        path, mode, slot = os.path.dirname(self.path()), self.mode(), self.random.randrange(SLOTS)
        flags = os.O_TMPFILE | self.random.choice([os.O_WRONLY, os.O_RDWR, os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_EXCL])

        def act(side):
            fd = os.open(side.path(path), flags, mode)
            if side.slots[slot] is not None:
                os.close(side.slots[slot])
            side.slots[slot] = fd

        return Call(f"[{slot}] = open({path!r}, O_TMPFILE {flags:#o}, {mode:#o})", act,
                    self.looks(path) + (("slot", slot),))

    def link_open(self):
        slot, path = self.random.randrange(SLOTS), self.path()

        def act(side):
            if side.slots[slot] is None:
                return NOT_OPEN
            return linkat(f"/proc/self/fd/{side.slots[slot]}", side.path(path), follow=True)

        return Call(f"[{slot}].linkat({path!r})", act, self.looks(path) + (("slot", slot),), path)

    def close(self):
        slot = self.random.randrange(SLOTS)

        def act(side):
            if side.slots[slot] is not None:
                os.close(side.slots[slot])
                side.slots[slot] = None

        return Call(f"close([{slot}])", act, ())

    def on_slot(self, words, act):
        slot = self.random.randrange(SLOTS)

        def act_if_open(side):
            return act(side.slots[slot]) if side.slots[slot] is not None else NOT_OPEN

        return Call(f"[{slot}].{words}", act_if_open, (("slot", slot),))

    def read(self):
        count = self.random.choice([0, 1, 100, 4096, self.random.randrange(100000)])
        return self.on_slot(f"read({count})", lambda fd: os.read(fd, count))

    def write(self):
        data = self.bytes()
        return self.on_slot(f"write({len(data)} bytes)", lambda fd: os.write(fd, data))

    def pread(self):
        count, offset = self.random.choice([1, 100, 4096, self.random.randrange(100000)]), self.offset()
        return self.on_slot(f"pread({count}, {offset})", lambda fd: os.pread(fd, count, offset))

    def pwrite(self):
        data, offset = self.bytes(), self.offset()
        return self.on_slot(f"pwrite({len(data)} bytes, {offset})", lambda fd: os.pwrite(fd, data, offset))

    def lseek(self):
        offset, whence = self.offset(), self.random.choice([os.SEEK_SET, os.SEEK_CUR, os.SEEK_END])
        return self.on_slot(f"lseek({offset}, {whence})",
                            lambda fd: None if stat.S_ISDIR(os.fstat(fd).st_mode) else os.lseek(fd, offset, whence))

    def ftruncate(self):
        size = self.offset()
        return self.on_slot(f"ftruncate({size})", lambda fd: os.ftruncate(fd, size))

    def fallocate(self):
        mode = self.random.choice([PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE, PUNCH_HOLE])
        offset, length = self.offset(), self.random.choice([-1, 0, 1, 100, 4096, self.random.randrange(1, 100000)])
        return self.on_slot(f"fallocate({mode}, {offset}, {length})",
                            lambda fd: checked(libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length))))

    def copy_file_range(self):
        one, other = self.random.randrange(SLOTS), self.random.randrange(SLOTS)
        count, begin, end = self.random.randrange(70000), abs(self.offset()), abs(self.offset())

        def act(side):
            fds = [side.slots[one], side.slots[other]]
            return NOT_OPEN if None in fds else os.copy_file_range(*fds, count, begin, end)

        return Call(f"[{one}].copy_file_range([{other}], {count}, {begin}, {end})", act, (("slot", one), ("slot", other)))

    def fchmod(self):
        mode = self.mode()
        return self.on_slot(f"fchmod({mode:#o})", lambda fd: os.fchmod(fd, mode))

    def fchown(self):
        uid, gid = self.owner()
        return self.on_slot(f"fchown({uid}, {gid})", lambda fd: os.fchown(fd, uid, gid))

    def fsync(self):
        return self.on_slot("fsync()", os.fsync)

    def fdatasync(self):
        return self.on_slot("fdatasync()", os.fdatasync)

    def flisting(self):
        return self.on_slot("listdir()", lambda fd: sorted(os.listdir(fd)))

    def fxattr(self):
        name, value = self.random.choice(XATTRS), self.bytes()[:100]
        return self.on_slot(f"fsetxattr({name[:20]}, {len(value)} bytes)", lambda fd: os.setxattr(fd, name, value))

    # --- the process ---

    def umask(self):
        mask = self.random.choice([0, 0, 0, 0, 0o022, 0o066, 0o007])

        def act(_):
            os.umask(mask)

        return Call(f"umask({mask:#o})", act, ())

    WEIGHTS = {
        open: 14, mkdir: 10, write: 8, pwrite: 5, read: 4, pread: 5, unlink: 7, rename: 9, link: 6, symlink: 5, readlink: 3,
        rmdir: 5, mknod: 3, listing: 3, lstat: 2, access: 4, chmod: 5, chown: 4, truncate: 3, times: 3, setxattr: 2,
        getxattr: 2, listxattr: 2, removexattr: 2, setfacl: 2, getfacl: 1, close: 2, lseek: 2, ftruncate: 3, fchmod: 2,
        fallocate: 3, copy_file_range: 3, open_unnamed: 2, link_open: 2,
        fchown: 2, fsync: 0.3, fdatasync: 0.3, flisting: 1, fxattr: 1, umask: 0.5,
    }

    def next(self):
        make = self.random.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0]
        user = ROOT if self.random.random() < 0.5 else self.random.choice(USERS)
        return user, make(self)


def perform(call, side, caller, user):
    caller.become(user)
    try:
        result = call.act(side)
    except OSError as error:
        result = errno.errorcode[error.errno]
    except ValueError as error:
        result = str(error)
    caller.become(ROOT)
    return result
