"""What the rules share: the files of this tree, and how a rule ends.

A rule prints one line per offence, `path:line: what is wrong`, and exits 0, 1, or 77 when this machine lacks a tool.
"""

import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()

# Folders that are ours. Build folders lie beside them and are not looked into.
FOLDERS = (".ci", "bench", "cmake", "doc", "examples", "man", "packaging", "src", "tests", "tools")
CODE = (".cc", ".h")


def files(*suffixes, under=FOLDERS):
    """Every file of the tree below `under` that ends in one of `suffixes` (all when none), sorted, as pathlib.Path."""
    found = []
    for folder in under:
        for place, folders, names in os.walk(ROOT / folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            found += [pathlib.Path(place, name) for name in names]
    if under is FOLDERS:
        found += [path for path in ROOT.iterdir() if path.is_file() and path.name != "compile_commands.json"]
    if suffixes:
        found = [path for path in found if path.suffix in suffixes]
    return sorted(found)


def name_of(path):
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def need_tool(*names):
    for name in names:
        if shutil.which(name):
            return name
    print(f"skipped: none of {', '.join(names)} is installed")
    sys.exit(77)


def end(offences, checked):
    for offence in offences:
        print(offence)
    print(f"{len(offences)} offences in {checked} files")
    sys.exit(1 if offences else 0)
