"""shellcheck has no warning about any shell script; Python at least compiles."""

import subprocess

import tree

shellcheck = tree.need_tool("shellcheck")
texts = [path for path in tree.files("", ".sh") if path.suffix == ".sh" or path.read_bytes().startswith(b"#!")]
shells = [path for path in texts if path.suffix == ".sh" or b"sh" in path.read_bytes().splitlines()[0]]
run = subprocess.run([shellcheck, "-x", "-P", "SCRIPTDIR", "-S", "warning", "-f", "gcc", *map(str, shells)],
                     cwd=tree.ROOT, capture_output=True, text=True, check=False)
offences = (run.stdout + run.stderr).splitlines()
for path in tree.files(".py"):
    try:
        compile(path.read_bytes(), str(path), "exec")
    except SyntaxError as error:
        offences.append(f"{tree.name_of(path)}:{error.lineno}: {error.msg}")
tree.end(offences, len(shells))
