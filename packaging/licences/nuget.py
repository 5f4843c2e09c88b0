#!/usr/bin/env python3
"""What NuGet gave to a build of the program, by the list of its restore (project.assets.json), and its licences.

usage: nuget.py ASSETS FOLDER     prints a line per package and puts their texts into FOLDER, each once
"""
import base64
import glob
import json
import os
import re
import sys
import xml.etree.ElementTree as xml
from dataclasses import dataclass


@dataclass
class Package:
    name: str
    version: str
    folder: str
    of_the_runtime: bool

    def fields(self):
        with open(glob.glob(f"{self.folder}/*.nuspec")[0], encoding="utf-8-sig") as file:
            return {e.tag.rsplit("}", 1)[-1]: e for e in xml.parse(file).iter()}

    def digest(self):
        """SHA-512 of the package as it came, in hexadecimal."""
        with open(glob.glob(f"{self.folder}/*.nupkg.sha512")[0], encoding="ascii") as file:
            return base64.b64decode(file.read()).hex()

    def texts(self):
        return [path for path in sorted(glob.glob(f"{self.folder}/*"))
                if re.match(r"LICENSE|THIRD-PARTY", os.path.basename(path))]


def packages(assets):
    """Those of which code is in the program: with assemblies, and the parts of .NET itself."""
    with open(assets, encoding="utf-8") as file:
        restored = json.load(file)
    cache = next(iter(restored["packageFolders"]))

    def package(name, version, of_the_runtime):
        return Package(name, version, os.path.join(cache, name.lower(), version.lower()), of_the_runtime)

    target = max(restored["targets"], key=len)  # With a runtime identifier, where there is one.
    found = [package(*key.split("/"), False) for key, library in restored["targets"][target].items()
             if library["type"] == "package" and any(not a.endswith("_._") for a in library.get("runtime", {}))]
    framework = next(iter(restored["project"]["frameworks"].values()))
    downloads = {d["name"]: d["version"].strip("[]").split(",")[0] for d in framework.get("downloadDependencies", [])}
    runtime = [n for n in downloads if ".App.Runtime." in n]
    if native := [n for n in downloads if ".NativeAOT." in n or n.endswith(".ILCompiler")]:
        runtime = native + [n for n in runtime if ".AspNetCore." in n]
    found += [package(name, downloads[name], True) for name in runtime]
    return sorted(found, key=lambda p: p.name)


def main():
    assets, folder = sys.argv[1:]
    seen = set()
    found = packages(assets)
    for package in found:
        fields = package.fields()
        print(f"{package.name} {package.version}: {fields['license'].text}, {fields['copyright'].text}")
    # Packages of one project have the same texts: .NET's under the runtime's name.
    for package in sorted(found, key=lambda p: not p.of_the_runtime):
        for path in package.texts():
            with open(path, "rb") as file:
                text = file.read().replace(b"\r\n", b"\n")
            if text not in seen:
                seen.add(text)
                with open(os.path.join(folder, f"{package.name}.{os.path.basename(path)}"), "wb") as file:
                    file.write(text)


if __name__ == "__main__":
    main()
