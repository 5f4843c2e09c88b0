#!/usr/bin/env python3
"""Packs the Windows package: sorted names, one time, so that the same content is the same file.

usage: zip.py PROGRAM TEXTS SCRIPTS OUT EPOCH
"""
import os
import sys
import time
import zipfile

SCRIPTS = ["install.cmd", "uninstall.cmd", "netlens.yaml"]


def main():
    program, texts, scripts, out, epoch = sys.argv[1:]
    # The format counts from 1980, in steps of two seconds.
    stamp = max(time.gmtime(int(epoch))[:6], (1980, 1, 1, 0, 0, 0))
    top = os.path.basename(out).removesuffix(".zip")
    content = {}
    for name in SCRIPTS:
        with open(f"{scripts}/{name}", "rb") as file:
            # cmd.exe loses its place in files with plain line feeds.
            content[f"{top}/{name}"] = file.read().replace(b"\n", b"\r\n")
    for source, target in ((program, f"{top}/program"), (texts, top)):
        for folder, _, files in os.walk(source):
            for name in files:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    content[f"{target}/{os.path.relpath(path, source)}"] = file.read()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, stamp)
            entry.create_system = 0
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content[name])
    print(f"{out}: {os.path.getsize(out) / 1e6:.1f} MB packed, {sum(map(len, content.values())) / 1e6:.1f} MB unpacked")


main()
