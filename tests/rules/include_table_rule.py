"""Dependencies point down only: every #include in src/ and tools/ against the picture in doc/architecture.md.

A static library's link line stops nobody from including a neighbour's header, so this is what holds the picture.
"""

import re
import tempfile
import pathlib

import tree

# Who may include whom, besides himself.
ARROWS = {
    "base": set(),
    "store": {"base"},
    "meta": {"base"},
    "engine": {"store", "meta", "base"},
    "rpc": {"engine", "store", "base"},
    "fuse": {"engine", "base"},
    "users": {"base"},
    "sidecar": {"rpc", "users", "base"},
    "daemon": {"fuse", "rpc", "engine", "store", "meta", "base"},
    "tools/mkfs": {"store", "meta", "base"},
    "tools/fsck": {"store", "meta", "base"},
    "tools/ctl": {"rpc", "users", "meta", "base"},
}

# Third-party headers and their one home: a folder, or a single file. fmt formats everybody's messages.
HOMES = [
    (r"sqlite3\.h$", ["meta"]),
    (r"zstd(_errors)?\.h$", ["meta"]),
    (r"liburing(\.h|/.*)$", ["store"]),
    (r"blkid/blkid\.h$", ["tools/mkfs"]),
    (r"(fuse3/)?(fuse|fuse_lowlevel|fuse_opt|fuse_common)\.h$", ["fuse"]),
    (r"linux/fuse\.h$", ["fuse"]),
    (r"xxhash\.h$", ["base"]),
    (r"spdlog/.*", ["src/base/log.cc"]),
    (r"archive(_entry)?\.h$", ["tools/ctl"]),
    (r"CLI/.*", ["tools/mkfs", "tools/fsck", "tools/ctl"]),
    (r"toml\+\+/toml\.h$", ["src/daemon/configuration_file.cc"]),
    (r"wire_generated\.h$", ["rpc"]),
    (r"(file_data_generated|openssl/\w+)\.h$|nlohmann/json\.hpp$", ["sidecar"]),
    (r"fmt/.*", list(ARROWS)),
]

# Standard C++ has no dot in it; these are the C library, the kernel and the compiler.
SYSTEM = re.compile(
    r"^([a-z_]+|(sys|linux|asm|netinet|arpa|bits)/[\w/]+\.h|"
    r"(dirent|errno|fcntl|fts|getopt|grp|immintrin|nmmintrin|arm_acle|limits|mntent|poll|pthread|pwd|sched|signal|spawn|"
    r"stdint|stdlib|string|syslog|time|unistd|endian|malloc|sysexits|netdb)\.h)$")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def part_of(name):
    """'src/store/device.h' -> 'store', 'tools/mkfs/main.cc' -> 'tools/mkfs'."""
    pieces = name.split("/")
    return pieces[1] if pieces[0] == "src" else "/".join(pieces[:2])


def judge(name, part, target):
    """Why `name` may not include <target>, or None."""
    for pattern, homes in HOMES:
        if re.match(pattern, target):
            return None if part in homes or name in homes else f"<{target}> has its home in {', '.join(homes)}"
    return None if SYSTEM.match(target) else f"<{target}> is not in the table of tests/rules/include_table_rule.py"


def judge_own(part, target):
    """Why code in `part` may not include "target", or None."""
    pieces = target.split("/")
    if len(pieces) < 2:
        return f'"{target}" does not say its folder'
    other = "/".join(pieces[:2]) if pieces[0] == "tools" else pieces[0]
    if other not in ARROWS:
        return f'"{target}": the picture has no {other}'
    if other != part and other not in ARROWS[part]:
        return f'"{target}": the picture has no arrow from {part} to {other}'
    return None


def offences_in(path, name):
    found = []
    part = part_of(name)
    if part not in ARROWS:
        return [f"{name}:1: the picture has no {part}"]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            bracket, target = include.groups()
            why = judge(name, part, target) if bracket == "<" else judge_own(part, target)
            if why:
                found.append(f"{name}:{number}: {why}")
    return found


def self_test():
    """A rule that cannot fail holds nothing: plant includes and see which are found."""
    planted = [
        ("src/store/a.cc", '#include "meta/index.h"', True),
        ("src/base/a.h", '#include "store/device.h"', True),
        ("src/fuse/a.cc", '  #  include "store/device.h"', True),
        ("src/engine/a.cc", "#include <sqlite3.h>", True),
        ("src/base/result.cc", "#include <spdlog/spdlog.h>", True),
        ("src/daemon/options.cc", "#include <CLI/CLI.hpp>", True),
        ("tools/fsck/a.cc", '#include "engine/engine.h"', True),
        ("src/store/a.cc", "#include <boost/any.hpp>", True),
        ("src/store/a.cc", '#include "device.h"', True),
        ("src/sidecar2/a.cc", "#include <vector>", True),
        ("src/sidecar/a.cc", '#include "engine/engine.h"', True),
        ("src/rpc/a.cc", "#include <openssl/evp.h>", True),
        ("src/base/log.cc", "#include <spdlog/spdlog.h>", False),
        ("src/engine/a.cc", '#include "store/device.h"', False),
        ("src/store/a.cc", "#include <liburing.h>\n#include <sys/stat.h>\n#include <vector>", False),
        ("tools/fsck/a.cc", '#include "tools/fsck/report.h"\n#include "meta/index.h"', False),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "planted")
        for name, text, is_offence in planted:
            path.write_text(text + "\n")
            if bool(offences_in(path, name)) != is_offence:
                return [f"self-test: {name} with {text!r} should {'' if is_offence else 'not '}be an offence"]
    return []


sources = tree.files(*tree.CODE, under=("src", "tools"))
tree.end(self_test() + [line for path in sources for line in offences_in(path, tree.name_of(path))], len(sources))
