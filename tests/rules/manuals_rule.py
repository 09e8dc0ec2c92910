"""groff sets every manual page without a warning."""

import subprocess

import tree

groff = tree.need_tool("groff")
pages = tree.files(".8", under=("man",))
offences = []
for page in pages:
    run = subprocess.run([groff, "-man", "-ww", "-z", "-Tutf8", str(page)], capture_output=True, text=True, check=False)
    offences += run.stderr.splitlines()
tree.end(offences, len(pages))
