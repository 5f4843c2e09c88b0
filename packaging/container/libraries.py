"""Which of Debian's shared libraries a tree of programs needs, and which packages they are from."""
import os
import re
import subprocess
from dataclasses import dataclass, field

# What the runtime loads by name while it runs: TLS and certificates. Globalisation is invariant and needs no ICU.
LOADED_BY_NAME = ["libssl.so.3"]
# Where the copyright file is prose.
PROSE = {"libc6": "LGPL-2.1-or-later"}


@dataclass
class Package:
    """As `debian` unpacked it: its files, and its control file beside them."""
    folder: str
    files: list = field(default_factory=list)

    def control(self, key):
        with open(f"{self.folder}.control", encoding="utf-8") as file:
            return re.search(rf"^{key}: (.*)$", file.read(), re.M).group(1)

    @property
    def name(self):
        return os.path.basename(self.folder)

    @property
    def copyright(self):
        return f"{self.folder}/usr/share/doc/{self.name}/copyright"

    @property
    def licences(self):
        """Names of licences as the package's copyright file gives them."""
        if self.name in PROSE:
            return [PROSE[self.name]]
        with open(self.copyright, encoding="utf-8", errors="replace") as file:
            return sorted({name.strip() for name in re.findall(r"^License: *(\S.*)$", file.read(), re.M)})


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"}).stdout


def is_elf(path):
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def needed(path):
    return re.findall(r"NEEDED\s+(\S+)", run(os.environ["OBJDUMP"], "-p", path))


def packages(debian):
    return [Package(f"{debian}/{name.removesuffix('.control')}")
            for name in sorted(os.listdir(debian)) if name.endswith(".control")]


def closure(tree, program, system):
    """Every library that the programs below `tree`, `program` and their libraries need: its name in the image and its file,
    of the packages `system`, each of which is told what of it is taken."""
    elves = [program] + sorted(
        os.path.join(folder, name) for folder, _, names in os.walk(tree) for name in names
        if is_elf(os.path.join(folder, name)) and not os.path.islink(os.path.join(folder, name)))
    own = {os.path.basename(path) for path in elves}
    there = {os.path.basename(path): (package, path) for package in system for path in libraries(package.folder)}
    wanted = LOADED_BY_NAME + sorted({name for path in elves for name in needed(path)} - own)
    result = {}
    while wanted:
        name = wanted.pop()
        if name in own or name in result:
            continue
        if name not in there:
            raise SystemExit(f"container: {name} is needed and not in Debian's packages that are fetched")
        result[name] = there[name]
        wanted += needed(there[name][1])
    found = {}
    for _, (package, path) in sorted(result.items()):
        # The image has no /lib but the link to /usr/lib.
        name = "/usr/" + os.path.relpath(path, package.folder).removeprefix("usr/")
        package.files.append(name)
        found[name] = path
    return found


def libraries(folder):
    return [path for where, _, names in os.walk(folder) for path in (os.path.join(where, name) for name in names)
            if ".so." in path and not os.path.islink(path) and is_elf(path)]
