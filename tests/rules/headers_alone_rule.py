"""Every header compiles alone: it includes what it uses, and has its guard.

A header that is the first include of the source beside it is compiled alone by every build; only the others are
compiled here.
"""

import concurrent.futures
import os
import re
import shlex
import subprocess

import tree


def cached(variable):
    cache = tree.BUILD / "CMakeCache.txt"
    found = re.search(rf"^{variable}:\w+=(.+)$", cache.read_text(), re.MULTILINE) if cache.exists() else None
    return found.group(1) if found else None


compiler = cached("CMAKE_CXX_COMPILER") or tree.need_tool("c++", "g++", "clang++")
fuse = subprocess.run(["pkg-config", "--cflags", "fuse3"], capture_output=True, text=True, check=False).stdout
roots = [tree.ROOT / "src", tree.ROOT, tree.ROOT / "tests"]
# As cmake/CiaosCompiler.cmake has them, and what flatc made in the build folder.
flags = ["-std=gnu++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror",
         *shlex.split(fuse), *(f"-I{root}" for root in roots),
         *(f"-isystem{folder}" for folder in sorted((tree.BUILD / "generated").glob("*")))]


def is_first_include_of_its_source(header):
    source = header.with_suffix(".cc")
    if not source.exists():
        return False
    first = re.search(r'^#include (.*)$', source.read_text(), re.MULTILINE)
    return first is not None and first.group(1).strip('"') in (
        str(header.relative_to(root)) for root in roots if header.is_relative_to(root))


def offence_of(header):
    if "#pragma once" not in header.read_text():
        return f"{tree.name_of(header)}:1: has no #pragma once"
    if is_first_include_of_its_source(header):
        return None
    run = subprocess.run([compiler, *flags, "-x", "c++", "-"], input=f'#include "{header}"\n', capture_output=True,
                         text=True, check=False)
    return None if run.returncode == 0 else f"{tree.name_of(header)}:1: does not compile alone\n{run.stderr}"


headers = tree.files(".h", under=("src", "tools", "tests", "bench"))
with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count())) as pool:
    tree.end([offence for offence in pool.map(offence_of, headers) if offence], len(headers))
