"""groff sets every manual page without a warning, and programs and pages name the same options.

What a program takes is what its --help shows; for the keys of ciaosfs.conf, what --print-config shows.
"""

import re
import subprocess

import tree

PROGRAMS = ["ciaosfs", "ciaos-sidecar", "mkfs.ciaos", "fsck.ciaos"]
OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
# Of the table of mount options: what a page need not list word by word.
NOT_LISTED = ("passed over", "always so", "not supported")


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def source_of(page):
    """The page as it is written, without what roff escapes."""
    text = (tree.ROOT / "man" / page).read_text()
    return re.sub(r"\\f[A-Z]", "", text).replace("\\-", "-").replace("\\~", " ")


def options_of(help_text):
    """What stands before the texts of the table: "  -p,-a Excludes: -n", "  -h, --help     this text"."""
    found = set()
    for line in help_text.splitlines():
        head = re.match(r"^ +(-{1,2}[A-Za-z][\w-]*(, ?-{1,2}[A-Za-z][\w-]*)*)", line)
        if head:
            found.update(OPTION.findall(head.group(1)))
    return found


def options_headed_in(source):
    """What stands in the lines behind .TP, which head the paragraphs of a list."""
    found = set()
    for line in re.findall(r"^\.TP\n(.*)$", source, re.M):
        found.update(OPTION.findall(line))
    return found


def mount_options_of(help_text):
    words, rows = set(), help_text.split("Mount options:\n")[1].splitlines()
    for row, following in zip(rows, [*rows[1:], ""]):
        names, _, text = row.strip().partition("  ")
        # Rows with long names have their text in the line behind.
        if row.startswith("   ") or any(mark in (text or following) for mark in NOT_LISTED):
            continue
        words.update(word.split("=")[0] for word in names.split())
    return words


def offences_of(program):
    path, page = tree.BUILD / "bin" / program, f"{program}.8"
    if not path.exists():
        return [f"{path}: not built, so nothing can be compared with its page"]
    help_text, source = output_of(str(path), "--help"), source_of(page)
    found = [f"man/{page}: silent of {option}, which {program} takes"
             for option in sorted(options_of(help_text) - set(OPTION.findall(source)))]
    found += [f"man/{page}: names {option}, which {program} --help does not"
              for option in sorted(options_headed_in(source) - options_of(help_text))]
    if program == "ciaosfs":
        words = set(re.findall(r"[a-z_]+", source))
        found += [f"man/{page}: silent of the mount option {option}"
                  for option in sorted(mount_options_of(help_text) - words)]
    return found


def offences_of_configuration():
    page = "ciaosfs.conf.5"
    shown = output_of("env", "CIAOSFS_CONFIG=/dev/null", str(tree.BUILD / "bin/ciaosfs"), "--print-config")
    taken = set(re.findall(r"^(?:# )?([a-z_]+)\b", shown, re.M))
    listed = set(re.findall(r"^\.TP\n\.BR (\w+) ", source_of(page), re.M))
    return [f"man/{page}: {key} is in one only of page and program" for key in sorted(taken ^ listed)]


def verbs_of(program, path=()):
    """Every verb of a program that has some, as its words: what --help lists under "Subcommands", at any depth; with its help."""
    help_text = output_of(str(program), *path, "--help")
    _, _, listed = help_text.partition("\nSubcommands:\n")
    names = re.findall(r"^  ([a-z][\w-]*)", listed.split("\n\n")[0], re.M)
    if not names:
        yield path, help_text
    for name in names:
        yield from verbs_of(program, (*path, name))


def offences_of_verbs(name, page):
    program, source = tree.BUILD / "bin" / name, source_of(page)
    if not program.exists():
        return [f"{program}: not built, so nothing can be compared with its page"]
    helps = dict(verbs_of(program))
    listed = set(re.findall(r"^\.SS (.*)$", source, re.M))
    found = [f"man/{page}: the verb {verb} is in one only of page and program"
             for verb in sorted(listed ^ {" ".join(path) for path in helps})]
    taken = options_of(output_of(str(program), "--help")).union(*map(options_of, helps.values()))
    named = options_headed_in(source)
    return found + [f"man/{page}: {option} is in one only of page and program" for option in sorted(taken ^ named)]


groff = tree.need_tool("groff")
pages = tree.files(".1", ".5", ".7", ".8", under=("man",))
offences = []
for each in pages:
    run = subprocess.run([groff, "-man", "-ww", "-z", "-Tutf8", str(each)], capture_output=True, text=True, check=False)
    offences += run.stderr.splitlines()
for name in PROGRAMS:
    offences += offences_of(name)
offences += offences_of_verbs("ciaosctl", "ciaosctl.1")
offences += offences_of_configuration()
tree.end(offences, len(pages))
