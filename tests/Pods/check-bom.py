#!/usr/bin/env python3
"""Holds a bill of materials against CycloneDX's own schema; prints each violation.

usage: check-bom.py FILE

The schemas are in a package of npm, fetched once into the user's cache folder.
"""
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import warnings

PACKAGE = "@cyclonedx/cyclonedx-library@10.3.0"
FOLDER = "package/res/schema/"


def schemas():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    archive = f"{cache}/netlens/cyclonedx-library-10.3.0.tgz"
    if not os.path.exists(archive):
        os.makedirs(os.path.dirname(archive), exist_ok=True)
        with tempfile.TemporaryDirectory(dir=os.path.dirname(archive)) as folder:
            name = subprocess.check_output(["npm", "pack", "--silent", PACKAGE], cwd=folder, text=True).split()[-1]
            os.replace(f"{folder}/{name}", archive)
    with tarfile.open(archive) as tar:
        return {
            entry.name.removeprefix(FOLDER): json.load(tar.extractfile(entry))
            for entry in tar if entry.name.startswith(FOLDER) and entry.name.endswith(".schema.json")
        }


def main():
    warnings.simplefilter("ignore")
    import jsonschema

    with open(sys.argv[1], encoding="utf-8") as file:
        bom = json.load(file)
    known = schemas()
    schema = known[f"bom-{bom['specVersion']}.SNAPSHOT.schema.json"]
    store = {f"http://cyclonedx.org/schema/{name}": content for name, content in known.items()}
    resolver = jsonschema.RefResolver(schema["$id"], schema, store=store)
    errors = list(jsonschema.Draft7Validator(schema, resolver=resolver).iter_errors(bom))
    for error in errors:
        print("/".join(map(str, error.path)), error.message)
    return 1 if errors else 0


sys.exit(main())
