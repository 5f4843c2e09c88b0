"""Which shared libraries of this machine a tree of programs needs, and which packages they are from (Debian, Ubuntu)."""
import os
import re
import subprocess
from dataclasses import dataclass, field

# What the runtime loads by name while it runs: TLS and certificates. Globalisation is invariant and needs no ICU.
LOADED_BY_NAME = ["libssl.so.3"]
# Loads LTTng, which nobody traces a container with; without the library the runtime leaves it alone.
LEFT_OUT = {"libcoreclrtraceptprovider.so"}


@dataclass
class Package:
    name: str
    version: str
    architecture: str
    source: str
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
    """Soname and file of every library that the programs below `tree`, `program` and their libraries need."""
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
    return dict(sorted(result.items()))


def packages(files):
    """The packages of these files, by name."""
    found = {}
    for path in files:
        # dpkg knows a file by the name under which its package installed it, before /lib became a link to /usr/lib.
        names = [path, path.removeprefix("/usr")]
        output = next((o for o in map(search, names) if o), None)
        if output is None:
            raise SystemExit(f"container: no Debian package has {path}: build the image on Debian or Ubuntu")
        name = output.split(": ")[0].split(",")[0]
        if name not in found:
            package, version, architecture, source = run(
                "dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\t${source:Package}", name).split("\t")
            found[name] = Package(package, version, architecture, source, licences(package))
        found[name].files.append(path)
    return sorted(found.values(), key=lambda p: p.name)


def search(path):
    result = subprocess.run(["dpkg-query", "-S", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return result.stdout.strip() if result.returncode == 0 else None


def copyright_of(package):
    return f"/usr/share/doc/{package}/copyright"


def licences(package):
    """Names of licences as the package's copyright file gives them; none where it has prose instead."""
    with open(copyright_of(package), encoding="utf-8", errors="replace") as file:
        names = re.findall(r"^License: *(\S.*)$", file.read(), re.M)
    return sorted({name.strip() for name in names})
