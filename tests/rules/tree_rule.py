"""What a file of this tree must not be: too long, too wide, unfinished, or bound to one machine."""

import re

import tree

CODE_LINES_MAX = 600
WIDTH_MAX = 130

# Spelled so that this file does not find itself.
FORBIDDEN = [
    (re.compile("TO" + "DO|FIX" + "ME|\\bXX" + "X\\b"), "unfinished work belongs in an issue"),
    (re.compile("/wo" + "rk/|/ho" + "me/[a-z]|/ro" + "ot/"), "an absolute path of somebody's machine"),
    (re.compile(r"\bDIS" + r"ABLED_"), "a test out of the build does not exist"),
    (re.compile(r"\bGTEST_SK" + r"IP\(\)\s*;"), "a skipped test says why"),
]
TEXT = {".cc", ".h", ".py", ".js", ".css", ".html", ".svg", ".sh", ".md", ".8", ".cmake", ".json", ".txt", ".service", ".yml", ""}


def offences_in(path):
    name = tree.name_of(path)
    lines = path.read_text().splitlines()
    if path.suffix in {*tree.CODE, ".py", ".js", ".css", ".html"}:
        if len(lines) > CODE_LINES_MAX:
            yield f"{name}:{len(lines)}: {len(lines)} lines, the wall is at {CODE_LINES_MAX}"
        for number, line in enumerate(lines, 1):
            if len(line) > WIDTH_MAX:
                yield f"{name}:{number}: {len(line)} columns, the bound is {WIDTH_MAX}"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield f"{name}:{number}: space at the end of the line"
        for pattern, why in FORBIDDEN:
            if pattern.search(line):
                yield f"{name}:{number}: {why}: {line.strip()}"


texts = [path for path in tree.files() if path.suffix in TEXT]
tree.end([offence for path in texts for offence in offences_in(path)], len(texts))
