"""One line for each name below a folder: everything of it that a copy is to keep.

    _tree.py FOLDER

Names of one inode are told by the first of them, so that hard links are seen without inode numbers.
"""

import hashlib
import os
import stat
import sys


def content_of(path, mode):
    if stat.S_ISLNK(mode):
        return os.fsencode(os.readlink(path))
    if not stat.S_ISREG(mode):
        return b""
    with open(path, "rb") as file:
        return file.read()


def line_of(path, name, first_names):
    about = os.lstat(path)
    fields = [repr(name), stat.filemode(about.st_mode), f"{about.st_uid}:{about.st_gid}"]
    if not stat.S_ISDIR(about.st_mode):
        # A folder's size is each filesystem's own business.
        fields += [f"size={about.st_size}", f"links={about.st_nlink}", f"as={first_names.setdefault(about.st_ino, name)!r}"]
    fields.append(f"mtime={about.st_mtime_ns // 10**9}.{about.st_mtime_ns % 10**9:09}")
    fields.append(hashlib.sha256(content_of(path, about.st_mode)).hexdigest()[:16])
    for key in sorted(os.listxattr(path, follow_symlinks=False)):
        fields.append(f"{key}={os.getxattr(path, key, follow_symlinks=False).hex()}")
    return " ".join(fields)


def main():
    root, first_names, names = sys.argv[1], {}, ["."]
    for folder, folders, files in os.walk(root):
        names += [os.path.relpath(os.path.join(folder, name), root) for name in folders + files]
    for name in sorted(names):
        print(line_of(os.path.join(root, name), name, first_names))


main()
