#!/usr/bin/env python3
"""Makes localhost/netlens:1 from an installed tree: the tree, and of this machine the libraries that it needs. No shell,
nothing else.

usage: make-agent-image.py TREE ARCHIVE
"""
import importlib.util
import os
import re
import subprocess
import sys
import tarfile

here = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("images", f"{here}/make-images.py")
images = importlib.util.module_from_spec(spec)
spec.loader.exec_module(images)

# Opened by name at run time: eBPF and, for OTLP over TLS, OpenSSL.
OPENED = ("libbpf.so.1", "libssl.so.3", "libcrypto.so.3")


def libraries(tree):
    """What the tree's programs are linked with: path in the image -> file here."""
    cache = subprocess.check_output(["ldconfig", "-p"], text=True)
    known = dict(re.findall(r"(\S+) \(libc6,x86-64.*\) => (\S+)", cache))
    ours = {name for _, _, files in os.walk(tree) for name in files}
    programs = [os.path.join(folder, name) for folder, _, files in os.walk(tree) for name in files
                if name == "netlens" or ".so" in name]
    programs += [known[name] for name in OPENED if name in known and name not in ours]
    found = {known[name]: known[name] for name in OPENED if name in known and name not in ours}
    for program in programs:
        output = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        for name, path in re.findall(r"(\S+)(?: => (\S+))? \(0x", output):
            path = path or name
            if path.startswith("/") and not path.startswith(os.path.abspath(tree)):
                found[path] = path
    return found


def main():
    tree, target = sys.argv[1:]

    def fill(tar):
        for name in ("proc", "sys", "dev", "etc", "tmp"):
            images.add(tar, name, kind=tarfile.DIRTYPE)
        images.add(tar, "etc/passwd", b"root:x:0:0:root:/:/sbin/nologin\n", 0o644)
        for name in sorted(os.listdir(tree)):
            tar.add(os.path.join(tree, name), arcname=name)
        for path, file in sorted(libraries(tree).items()):
            with open(os.path.realpath(file), "rb") as content:
                images.add(tar, path.lstrip("/"), content.read())

    images.image(target, "localhost/netlens:1", images.archive(fill),
                 {"Entrypoint": ["/usr/bin/netlens"], "Env": ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1"]})


main()
