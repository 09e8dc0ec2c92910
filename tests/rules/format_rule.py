"""clang-format 14 has nothing to say. `clang-format -i FILE` mends what it finds."""

import subprocess

import tree

formatter = tree.need_tool("clang-format-14", "clang-format")
sources = tree.files(*tree.CODE)
run = subprocess.run([formatter, "--dry-run", "-Werror", *map(str, sources)], capture_output=True, text=True,
                     check=False) if sources else None
offences = [line for line in run.stderr.splitlines() if "error:" in line] if run else []
tree.end(offences or ([run.stderr] if run and run.returncode else []), len(sources))
