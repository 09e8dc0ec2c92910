"""Debian packages and RPMs are built from what packaging/packages.sh names, and systemd takes the units as they are."""

import pathlib
import re
import subprocess
import tempfile

import tree

PACKAGING = tree.ROOT / "packaging"
# What every Debian package is built with, and not this project.
OF_DEBIAN = {"debhelper-compat", "dh-sequence-installsysusers"}
# What every Debian build has.
ALWAYS_THERE = {"make"}
EXPOSURE_MAX = 2.0


def build_packages():
    shell = f'. "{PACKAGING}/packages.sh"; printf "%s\\n" "${{packages_build[@]}}"'
    return set(subprocess.run(["bash", "-euc", shell], capture_output=True, text=True, check=True).stdout.split())


def check_build_depends():
    control = (PACKAGING / "debian/control").read_text()
    depends = re.search(r"^Build-Depends:((?:.*\n)(?: .*\n)*)", control, re.M).group(1)
    named = {re.sub(r"\(.*", "", word).strip() for word in depends.split(",")} - OF_DEBIAN
    for name in sorted(named ^ (build_packages() - ALWAYS_THERE)):
        yield f"packaging/debian/control:1: {name} is in one of Build-Depends and packages_build, and not in both"


def check_version():
    project = re.search(r"project\(ciaosfs VERSION (\S+)", (tree.ROOT / "CMakeLists.txt").read_text()).group(1)
    packaged = re.match(r"ciaosfs \((\S+)\)", (PACKAGING / "debian/changelog").read_text()).group(1)
    if project != packaged:
        yield f"packaging/debian/changelog:1: version {packaged}, and the project's is {project}"


# Packages whose development files the two systems name alike, but for these.
RPM_NAMES = {"g++": "gcc-c++", "libcli11-dev": "cli11-devel", "libsqlite3-dev": "sqlite-devel", "libssl-dev": "openssl-devel",
             "nlohmann-json3-dev": "json-devel", "pkg-config": "pkgconfig"}
RPM_MACROS = {"_bindir": "usr/bin", "_sbindir": "usr/sbin", "_unitdir": "usr/lib/systemd/system",
              "_tmpfilesdir": "usr/lib/tmpfiles.d", "_sysusersdir": "usr/lib/sysusers.d", "_mandir": "usr/share/man",
              "_datadir": "usr/share"}


def rpm_name(package):
    plain = re.sub(r"^lib(?!archive|blkid|uring|zstd)", "", re.sub(r"-dev$", "-devel", package))
    return RPM_NAMES.get(package, plain)


def check_spec():
    """The spec file for RPMs has the version, the needs and the files of Debian's packages."""
    name = "packaging/rpm/ciaosfs.spec:1"
    spec = (PACKAGING / "rpm/ciaosfs.spec").read_text()
    packaged = re.match(r"ciaosfs \((\S+)\)", (PACKAGING / "debian/changelog").read_text()).group(1)
    if f"Version:        {packaged}\n" not in spec:
        yield f"{name}: another version than {packaged}"
    required = set(re.findall(r"^BuildRequires:\s+(\S+)", spec, re.M)) - {"systemd-rpm-macros"}
    for package in sorted(required ^ {rpm_name(package) for package in build_packages() - ALWAYS_THERE}):
        yield f"{name}: {package} is in one of BuildRequires and packages_build, and not in both"
    for package, header in (("ciaosfs", "%files\n"), ("ciaos-sidecar", "%files -n ciaos-sidecar\n")):
        section = spec[spec.index(header) + len(header):].split("\n\n")[0]
        listed = {re.sub(r"%{(\w+)}", lambda found: RPM_MACROS[found[1]], line).rstrip("*") for line in section.splitlines()
                  if not line.startswith("%dir")}
        debian = {line.rstrip("*") for line in (PACKAGING / f"debian/{package}.install").read_text().split()}
        for path in sorted(listed ^ debian):
            yield f"{name}: {path} is in one of %files and debian/{package}.install, and not in both"


def check_exposure(unit, folder):
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(folder / unit)],
                          capture_output=True, text=True).stdout
    level = re.search(r"exposure level for \S+: ([\d.]+)", said)
    if level is None:
        yield f"packaging/systemd/{unit}:1: systemd-analyze tells no exposure level"
    elif float(level.group(1)) > EXPOSURE_MAX:
        yield f"packaging/systemd/{unit}:1: exposed {level.group(1)}, and {EXPOSURE_MAX} is allowed"


def check_units():
    units = sorted(path.name for path in (PACKAGING / "systemd").glob("*.service"))
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        for unit in units:
            text = (PACKAGING / "systemd" / unit).read_text()
            # The programs are where they were built, and are not installed here.
            (folder / unit).write_text(re.sub(r"^(Exec\w+=-?)(\S+)", r"\1/bin/true", text, flags=re.M))
        said = subprocess.run(["systemd-analyze", "verify", "--man=no", *(str(folder / unit) for unit in units)],
                              capture_output=True, text=True)
        for line in (said.stdout + said.stderr).splitlines():
            if place in line or any(unit.split("@")[0] + "@" in line for unit in units):
                yield f"packaging/systemd:1: {line.replace(place + '/', '')}"
        yield from check_exposure("ciaos-sidecar@.service", folder)


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def check_container():
    """The image has the library packages that the programs ask for."""
    image = (PACKAGING / "container" / "Containerfile").read_text()
    final = image[image.rindex("FROM"):]
    for program in sorted((tree.BUILD / "bin").iterdir()):
        linked = output_of("readelf", "-d", program)
        paths = dict(re.findall(r"(\S+) => (\S+)", output_of("ldd", program)))
        for library in re.findall(r"\(NEEDED\).*\[(.*)\]", linked):
            owner = subprocess.run(["dpkg", "-S", pathlib.Path(paths.get(library, library)).name],
                                   capture_output=True, text=True, check=False).stdout
            names = {line.split(":")[0] for line in owner.splitlines()}
            if names and not names & {"libc6", "libgcc-s1", "libstdc++6", *re.findall(r"[\w.+-]+", final)}:
                yield f"packaging/container/Containerfile:1: {program.name} needs {library} of {', '.join(sorted(names))}"


def check_manifests():
    """Options of mounts in manifests are options."""
    found = 0
    for path in sorted((PACKAGING / "kubernetes").iterdir()):
        for options in re.findall(r"ciaosfs -f -o (\S+)", path.read_text()):
            found += 1
            # The user is the container's to know.
            known = re.sub(r"socket_user=\d+", "socket_user=root", options)
            asked = subprocess.run([tree.BUILD / "bin" / "ciaosfs", "--print-config", "-o", known, "store", "mountpoint"],
                                   capture_output=True, text=True, check=False)
            if asked.returncode != 0:
                yield f"{tree.name_of(path)}:1: {asked.stderr.strip()}"
    if found == 0:
        yield "packaging/kubernetes: mounts nothing"


offences = [*check_build_depends(), *check_version(), *check_spec(), *check_container(), *check_manifests()]
if not offences:
    tree.need_tool("systemd-analyze")
    offences += check_units()
tree.end(offences, len(tree.files(under=("packaging",))))
