#!/usr/bin/env python3
"""Makes two OCI image archives with no registry and no image builder:

  pause.tar    localhost/pause:1    one static program that sleeps (pause.c; the program itself is left beside it)
  busybox.tar  localhost/busybox:1  a static busybox with all its applets, and /www/index.html of 100,000 bytes

usage: make-images.py FOLDER BUSYBOX
"""
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile

EPOCH = "1970-01-01T00:00:00Z"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OCI = "application/vnd.oci.image"


def add(tar, name, data=b"", mode=0o755, kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type, entry.linkname, entry.size = mode, kind, link, len(data)
    tar.addfile(entry, io.BytesIO(data))


def archive(fill):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        fill(tar)
    return buffer.getvalue()


def descriptor(kind, blob, **more):
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    return {"mediaType": f"{OCI}.{kind}", "digest": digest, "size": len(blob), **more}


def encode(value):
    return json.dumps(value, sort_keys=True).encode()


def image(path, reference, layer, settings):
    # The layer is not compressed: its digest is also its diff_id.
    layer_descriptor = descriptor("layer.v1.tar", layer)
    config = encode({
        "architecture": ARCHITECTURE, "os": "linux", "created": EPOCH, "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer_descriptor["digest"]]},
    })
    manifest = encode({
        "schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json",
        "config": descriptor("config.v1+json", config), "layers": [layer_descriptor],
    })
    index = encode({
        "schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json",
        "manifests": [descriptor(
            "manifest.v1+json", manifest, platform={"architecture": ARCHITECTURE, "os": "linux"},
            annotations={"io.containerd.image.name": reference})],
    })

    def fill(tar):
        add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}', 0o644)
        add(tar, "index.json", index, 0o644)
        for blob in (config, manifest, layer):
            add(tar, "blobs/sha256/" + hashlib.sha256(blob).hexdigest(), blob, 0o644)

    with open(path, "wb") as file:
        file.write(archive(fill))


def main():
    folder, busybox = sys.argv[1:]
    here = os.path.dirname(os.path.abspath(__file__))
    pause = f"{folder}/pause"
    subprocess.check_call(["gcc", "-static", "-Os", "-s", "-o", pause, f"{here}/pause.c"])

    def fill_pause(tar):
        with open(pause, "rb") as file:
            add(tar, "pause", file.read())

    def fill_busybox(tar):
        for name in ("bin", "etc", "proc", "sys", "dev", "root", "www"):
            add(tar, name, kind=tarfile.DIRTYPE)
        add(tar, "tmp", kind=tarfile.DIRTYPE, mode=0o1777)
        with open(busybox, "rb") as file:
            add(tar, "bin/busybox", file.read())
        for applet in subprocess.check_output([busybox, "--list"], text=True).split():
            if applet != "busybox":
                add(tar, f"bin/{applet}", kind=tarfile.SYMTYPE, link="busybox")
        add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644)
        add(tar, "etc/group", b"root:x:0:\n", 0o644)
        add(tar, "www/index.html", b"x" * 100_000, 0o644)

    image(f"{folder}/pause.tar", "localhost/pause:1", archive(fill_pause), {"Entrypoint": ["/pause"]})
    image(f"{folder}/busybox.tar", "localhost/busybox:1", archive(fill_busybox),
          {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]})


main()
