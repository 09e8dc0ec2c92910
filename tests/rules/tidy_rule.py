"""clang-tidy with the checks of .clang-tidy has nothing to say about src/ and tools/.

Reading the standard library's headers takes most of its time, so neighbours that are compiled alike are read as one
file. Where something is found in such a batch, be it only that two of its files use one name, the files it is said of
are tried again, each alone, and the others without them.

A file that passed leaves a stamp in the build folder, named after the content of all that the verdict depends on: the
file, the headers of ours that it reaches, the checks, and how it is compiled.
"""

import concurrent.futures
import hashlib
import itertools
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile

import tree

BATCH_FILES_MAX = 12

tidy = tree.need_tool("clang-tidy-14", "clang-tidy")
database = tree.BUILD / "compile_commands.json"
if not database.exists():
    print(f"skipped: there is no {database}")
    raise SystemExit(77)

stamps = tree.BUILD / "tidy-stamps"
stamps.mkdir(exist_ok=True)
config = tree.ROOT / ".clang-tidy"
common = config.read_bytes() + subprocess.run([tidy, "--version"], capture_output=True, check=True).stdout
# The database may be of g++, whose warning options clang need not know. In turn only clang checks GUARDED_BY.
EXTRA = ["-Wno-unknown-warning-option", "-Wthread-safety"]
OWN_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
OWN_FILES = r"/(src|tools)/[a-z]+/[a-z0-9_]+\.(h|cc)$"


def options_of(entry):
    """How a file is compiled: the words of its command without compiler, input and output."""
    words = shlex.split(entry["command"])
    begin = next(i for i, word in enumerate(words) if word.startswith("-"))
    return tuple(words[begin:words.index("-o")]) + tuple(EXTRA)


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


def stamp_of(path, options):
    digest = hashlib.sha256(common + " ".join(options).encode())
    for source in sorted(reached(path, set())):
        digest.update(tree.name_of(source).encode() + b"\0" + source.read_bytes())
    return stamps / digest.hexdigest()


def offences_of(paths, options):
    """What clang-tidy says of `paths`, all of which are compiled with `options`."""
    with tempfile.NamedTemporaryFile("w", suffix=".cc") as batch:
        batch.write("".join(f'#include "{path}"\n' for path in paths))
        batch.flush()
        run = subprocess.run(
            [tidy, "-quiet", f"--config-file={config}", f"-header-filter={OWN_FILES}", batch.name, "--", *options],
            capture_output=True, text=True, check=False)
    if run.returncode == 0 and "warning:" not in run.stdout:
        for path in paths:
            stamp_of(path, options).touch()
        return []
    if len(paths) == 1:
        return [run.stdout + run.stderr]
    named = [path for path in paths if re.search(rf"^{re.escape(str(path))}:.*(error|warning):", run.stdout, re.MULTILINE)]
    alone = named if 0 < len(named) < len(paths) else paths
    others = [path for path in paths if path not in alone]
    return [offence for part in ([path] for path in alone) for offence in offences_of(part, options)] + (
        offences_of(others, options) if others else [])


def batches():
    """Lists of files that have no stamp yet, with their options."""
    entries = sorted((options_of(entry), pathlib.Path(entry["file"])) for entry in json.loads(database.read_text())
                     if tree.name_of(pathlib.Path(entry["file"])).startswith(("src/", "tools/")))
    for options, group in itertools.groupby(entries, key=lambda entry: entry[0]):
        paths = [path for _, path in group if not stamp_of(path, options).exists()]
        for begin in range(0, len(paths), BATCH_FILES_MAX):
            yield paths[begin:begin + BATCH_FILES_MAX], options


checked, offences = 0, []
with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count())) as pool:
    work = list(batches())
    for (paths, _), found in zip(work, pool.map(lambda one: offences_of(*one), work)):
        checked += len(paths)
        for offence in found:
            print(offence, flush=True)  # now: a run over everything takes long, and may be interrupted
        offences += found
print(f"{len(offences)} offences in {checked} files")
raise SystemExit(1 if offences else 0)
