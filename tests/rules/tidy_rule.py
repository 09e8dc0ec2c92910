"""clang-tidy with the checks of .clang-tidy has nothing to say about src/ and tools/.

A run over everything costs minutes. So a file that passed leaves a stamp in the build folder, named after the content
of all that the verdict depends on: the file, the headers of ours that it reaches, the checks, and how it is compiled.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess

import tree

tidy = tree.need_tool("clang-tidy-14", "clang-tidy")
database = tree.BUILD / "compile_commands.json"
if not database.exists():
    print(f"skipped: there is no {database}")
    raise SystemExit(77)

stamps = tree.BUILD / "tidy-stamps"
stamps.mkdir(exist_ok=True)
common = (tree.ROOT / ".clang-tidy").read_bytes() + subprocess.run(
    [tidy, "--version"], capture_output=True, check=True).stdout
# The database may be of g++, whose warning options clang need not know. In turn only clang checks GUARDED_BY.
EXTRA = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wthread-safety"]
OWN_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def reached(path, seen):
    """`path` and the headers of this tree that it includes, however far."""
    if path in seen:
        return seen
    seen.add(path)
    for target in OWN_INCLUDE.findall(path.read_text()):
        for place in (tree.ROOT / "src", tree.ROOT):
            if (place / target).exists():
                reached(place / target, seen)
                break
    return seen


def stamp_of(path, command):
    digest = hashlib.sha256(common + " ".join([command, *EXTRA]).encode())
    for source in sorted(reached(path, set())):
        digest.update(tree.name_of(source).encode() + b"\0" + source.read_bytes())
    return stamps / digest.hexdigest()


def offence_of(entry):
    path = pathlib.Path(entry["file"])
    stamp = stamp_of(path, entry["command"])
    if stamp.exists():
        return None
    run = subprocess.run([tidy, "-quiet", "-p", str(tree.BUILD), *EXTRA, str(path)],
                         capture_output=True, text=True, check=False)
    if run.returncode == 0 and "warning:" not in run.stdout:
        stamp.touch()
        return None
    return run.stdout + run.stderr


entries = [entry for entry in json.loads(database.read_text())
           if tree.name_of(pathlib.Path(entry["file"])).startswith(("src/", "tools/"))]
offences = []
with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count())) as pool:
    for offence in pool.map(offence_of, entries):
        if offence:
            print(offence, flush=True)  # now: a run over everything takes long, and may be interrupted
            offences.append(offence)
print(f"{len(offences)} of {len(entries)} files have offences")
raise SystemExit(1 if offences else 0)
