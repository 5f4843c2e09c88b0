"""Which shared libraries of this machine a tree of programs needs, and which packages they are from (Debian, Ubuntu)."""
import os
import re
import subprocess
from dataclasses import dataclass, field

# What the runtime loads by name while it runs: TLS and certificates. Globalisation is invariant and needs no ICU.
LOADED_BY_NAME = ["libssl.so.3"]
# Loads LTTng, which nobody traces a container with; without the library the runtime leaves it alone.
LEFT_OUT = {"libcoreclrtraceptprovider.so"}
# Where the copyright file is prose.
GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"
PROSE = {"libc6": "LGPL-2.1-or-later", "libgcc-s1": GCC, "libstdc++6": GCC}


@dataclass
class Package:
    name: str
    version: str
    architecture: str
    licences: list
    files: list = field(default_factory=list)


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"}).stdout


def is_elf(path):
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def needed(path):
    return re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", path))


def on_machine():
    """Name and place of every shared library of this machine's own architecture, the loader's first choice first."""
    machine = {"x86_64": "x86-64", "aarch64": "AArch64"}[os.uname().machine]
    found = {}
    for name, where in re.findall(rf"^\t(\S+) \([^)]*{machine}[^)]*\) => (\S+)$", run("/sbin/ldconfig", "-p"), re.M):
        found.setdefault(name, where)
    return found


def closure(tree, program):
    """Every library that the programs below `tree`, `program` and their libraries need: name in the image and file here."""
    elves = [program] + sorted(
        os.path.join(folder, name) for folder, _, names in os.walk(tree) for name in names
        if name not in LEFT_OUT and is_elf(os.path.join(folder, name)))
    own = {os.path.basename(path) for path in elves}
    machine = on_machine()
    wanted = LOADED_BY_NAME + sorted({name for path in elves for name in needed(path)} - own)
    result = {}
    while wanted:
        name = wanted.pop()
        if name in result or name in own:
            continue
        if name not in machine:
            raise SystemExit(f"container: {name} is needed and not on this machine")
        result[name] = os.path.realpath(machine[name])
        wanted += needed(result[name])
    # By its soname, where the loader looks, and not by the name that the link of that name leads to.
    return {f"{os.path.dirname(path)}/{name}": path for name, path in sorted(result.items())}


def packages(files):
    """The packages of these files, which are given as name in the image and file of this machine."""
    found = {}
    for name, path in files.items():
        # dpkg knows a file by the name under which its package installed it, before /lib became a link to /usr/lib.
        owner = search(path) or search(path.removeprefix("/usr"))
        if owner is None:
            raise SystemExit(f"container: no Debian package has {path}: build the image on Debian or Ubuntu")
        if owner not in found:
            package, version, architecture = run(
                "dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}", owner).split("\t")
            found[owner] = Package(package, version, architecture, licences(package))
        found[owner].files.append(name)
    return sorted(found.values(), key=lambda p: p.name)


def search(path):
    result = subprocess.run(["dpkg-query", "-S", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return result.stdout.split(": ")[0].split(",")[0] if result.returncode == 0 else None


def copyright_of(package):
    return f"/usr/share/doc/{package}/copyright"


def licences(package):
    """Names of licences as the package's copyright file gives them."""
    if package in PROSE:
        return [PROSE[package]]
    with open(copyright_of(package), encoding="utf-8", errors="replace") as file:
        names = re.findall(r"^License: *(\S.*)$", file.read(), re.M)
    return sorted({name.strip() for name in names})
