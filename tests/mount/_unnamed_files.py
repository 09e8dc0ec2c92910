"""O_TMPFILE with linkat, and files that are opened by their handles. `change` does it, `verify` looks after a remount."""

import ctypes
import errno
import os
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH = -100, 0x400, 0x1000


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]


def expect(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def checked(result):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def linkat(fd, path):
    source = f"/proc/self/fd/{fd}".encode()
    checked(LIBC.linkat(AT_FDCWD, source, AT_FDCWD, path.encode(), AT_SYMLINK_FOLLOW))


def handle_of(path):
    handle, mount = Handle(bytes=128), ctypes.c_int()
    checked(LIBC.name_to_handle_at(AT_FDCWD, path.encode(), ctypes.byref(handle), ctypes.byref(mount), 0))
    return handle


def open_handle(folder, handle):
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return checked(LIBC.open_by_handle_at(root, ctypes.byref(handle), os.O_RDONLY))
    finally:
        os.close(root)


def refused(code, call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        expect(error.errno == code, f"{call.__name__}: {error}, not {errno.errorcode[code]}")
        return
    sys.exit(f"FAILED: {call.__name__} was not refused with {errno.errorcode[code]}")


def unnamed(folder, name, flags=0):
    fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | flags, 0o640)
    about = os.fstat(fd)
    expect((about.st_nlink, about.st_mode, about.st_size) == (0, 0o100640, 0), "what a file without a name is")
    os.write(fd, name.encode())
    expect(os.pread(fd, 100, 0) == name.encode(), "what was written to it")
    return fd


def change(folder):
    before = os.statvfs(folder).f_files - os.statvfs(folder).f_ffree
    fd = unnamed(folder, "named")
    linkat(fd, folder + "/named")
    expect(os.fstat(fd).st_nlink == 1, "a link count after linkat")
    expect(os.stat(folder + "/named").st_ino == os.fstat(fd).st_ino, "the inode behind the name")
    os.fsync(fd)
    os.unlink(folder + "/named")
    refused(errno.ENOENT, linkat, fd, folder + "/again")
    os.close(fd)
    fd = unnamed(folder, "never", os.O_EXCL)
    refused(errno.ENOENT, linkat, fd, folder + "/never")
    os.close(fd)
    for _ in range(100):
        os.close(unnamed(folder, "gone"))
    expect(os.listdir(folder) == [], "names of files without names")
    expect(os.statvfs(folder).f_files - os.statvfs(folder).f_ffree == before, "files that nobody has open")
    fd = unnamed(folder, "kept")
    linkat(fd, folder + "/kept")
    os.close(fd)
    os.mkdir(folder + "/d")
    with open(folder + "/d/deep", "w") as file:
        file.write("deep")
    with open(folder + "/deleted", "w") as file:
        file.write("deleted")


def forget_all():
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("2")


def check_handles(folder):
    handles = {name: handle_of(f"{folder}/{name}") for name in ("kept", "d", "d/deep", "deleted")}
    os.unlink(folder + "/deleted")
    forget_all()
    for name in ("kept", "d/deep"):
        fd = open_handle(folder, handles[name])
        expect(os.read(fd, 100) == os.path.basename(name).encode(), f"{name} by its handle")
        os.close(fd)
    fd = open_handle(folder, handles["d"])
    expect(os.listdir(fd) == ["deep"], "a directory by its handle")
    os.close(fd)
    refused(errno.ESTALE, open_handle, folder, handles["deleted"])
    with open(folder + ".handle", "wb") as file:
        file.write(bytes(handles["d/deep"]))


def verify(folder):
    with open(folder + ".handle", "rb") as file:
        fd = open_handle(folder, Handle.from_buffer_copy(file.read()))
    expect(os.read(fd, 100) == b"deep", "a file by the handle of another mount")
    os.close(fd)


def main():
    folder, what = sys.argv[1:]
    if what == "change":
        os.mkdir(folder)
        change(folder)
        check_handles(folder)
    else:
        verify(folder)


main()
