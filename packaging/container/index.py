#!/usr/bin/env python3
"""Makes one OCI archive of the images for both machines, of which a runtime takes its own.

usage: index.py FOLDER     (called by `build`; Environment: VERSION, SOURCE_DATE_EPOCH)
"""
import json
import os
import sys
import tarfile

from archive import annotations, descriptor, index, layout


def main():
    folder, version = sys.argv[1], os.environ["VERSION"]
    blobs, manifests = {}, []
    for architecture in ("amd64", "arm64"):
        with tarfile.open(f"{folder}/netlens-{version}-linux-{architecture}.oci.tar") as image:
            manifests += json.load(image.extractfile("index.json"))["manifests"]
            blobs |= {e.name: image.extractfile(e).read() for e in image if e.isfile() and e.name.startswith("blobs/")}
    for manifest in manifests:
        # The name is the whole's.
        del manifest["annotations"]
    both = index(manifests)
    path = f"{folder}/netlens-{version}.oci.tar"
    content = layout([descriptor("index.v1+json", both, annotations=annotations(version))], [both, *blobs.values()])
    with open(path, "wb") as file:
        file.write(content)
    print(f"{path}: {len(content) / 1e6:.1f} MB, {len(manifests)} machines")


main()
