#!/usr/bin/env python3
"""Makes the container image as an OCI archive, FROM scratch, with neither a Docker daemon nor a registry.

usage: image.py PAYLOAD PROGRAM OUT     (called by `build`, which also makes what it needs)

PAYLOAD is the installed tree of packaging/payload, PROGRAM the compiled netlens.c. The archive has two layers: what is
from this machine's packages, which seldom changes, and Netlens. Same input, same bytes: times are SOURCE_DATE_EPOCH.
Environment: VERSION, REVISION, LICENCE (Netlens's own), LICENCES (everything's), SOURCE_DATE_EPOCH.
"""
import datetime
import gzip
import hashlib
import io
import json
import os
import struct
import sys
import tarfile

import libraries
import sbom

USER = 65532  # As other images without a distribution have it; it is nobody's on the usual node.
EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])
CREATED = datetime.datetime.fromtimestamp(EPOCH, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
VERSION = os.environ["VERSION"]
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
OCI = "application/vnd.oci.image"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"

# include/uapi/linux/capability.h. What each is for: docs/container.md.
CAPABILITIES = {
    "DAC_READ_SEARCH": 2, "NET_ADMIN": 12, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_RESOURCE": 24, "SYSLOG": 34,
    "PERFMON": 38, "BPF": 39,
}

TEXTS = {
    "etc/passwd": f"root:x:0:0:root:/:/sbin/nologin\nnetlens:x:{USER}:{USER}:Netlens:/:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nnetlens:x:{USER}:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


class Layer:
    """A tar archive in the making. Folders come by themselves, each once."""

    def __init__(self):
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)
        self._folders = set()

    def _add(self, name, kind, mode, data=b"", **more):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.mtime, entry.size = kind, mode, EPOCH, len(data)
        for key, value in more.items():
            setattr(entry, key, value)
        self._tar.addfile(entry, io.BytesIO(data))

    def folder(self, name, mode=0o755):
        if name and name not in self._folders:
            self.folder(os.path.dirname(name))
            self._folders.add(name)
            self._add(name, tarfile.DIRTYPE, mode)

    def file(self, name, data, mode=0o644, **more):
        self.folder(os.path.dirname(name))
        self._add(name, tarfile.REGTYPE, mode, data, **more)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self._add(name, tarfile.SYMTYPE, 0o777, linkname=target)

    def copy(self, path, name):
        if os.path.islink(path):
            self.link(name, os.readlink(path))
        else:
            self.file(name, read(path), 0o755 if os.access(path, os.X_OK) else 0o644)

    def tree(self, path, name):
        for folder, folders, files in os.walk(path):
            folders.sort()
            for file in sorted(files):
                source = os.path.join(folder, file)
                self.copy(source, os.path.normpath(os.path.join(name, os.path.relpath(source, path))))

    def done(self):
        self._tar.close()
        return self._buffer.getvalue()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def permitted(numbers):
    """security.capability: struct vfs_cap_data, revision 2, these permitted and none effective or inheritable."""
    bits = sum(1 << number for number in numbers)
    value = struct.pack("<IIIII", 0x02000000, bits & 0xFFFFFFFF, 0, bits >> 32, 0)
    return {"pax_headers": {"SCHILY.xattr.security.capability": value.decode("utf-8", "surrogateescape")}}


def system_layer(found, packages):
    layer = Layer()
    for link in ("lib", "lib64"):
        layer.folder(f"usr/{link}")
        layer.link(link, f"usr/{link}")
    for name, path in found.items():
        where = name.removeprefix("/").removeprefix("usr/")
        layer.file(f"usr/{where}", read(path), 0o755)
        # Programs name their loader by this path.
        loader = os.path.basename(name)
        if loader.startswith("ld-linux-x86-64"):
            layer.link(f"usr/lib64/{loader}", f"../{where}")
        elif loader.startswith("ld-linux-aarch64") and where != f"lib/{loader}":
            layer.link(f"usr/lib/{loader}", where.removeprefix("lib/"))
    # The package's own, not what this machine's administrator trusts besides.
    trusted = "/usr/share/ca-certificates/mozilla"
    layer.file(CERTIFICATES, b"".join(read(f"{trusted}/{name}") for name in sorted(os.listdir(trusted))))
    for name, text in TEXTS.items():
        layer.file(name, text.encode())
    layer.folder("etc/netlens")
    layer.folder("tmp", 0o1777)
    for package in packages:
        layer.file(f"usr/share/doc/{package.name}/copyright", read(libraries.copyright_of(package.name)))
    return layer.done()


def netlens_layer(payload, program, bom):
    layer = Layer()
    layer.file("usr/bin/netlens", read(program), 0o755, **permitted(CAPABILITIES.values()))
    layer.tree(f"{payload}/usr/lib/netlens", "usr/lib/netlens")
    layer.tree(f"{payload}/usr/share/doc/netlens", "usr/share/doc/netlens")
    layer.file("usr/share/doc/netlens/sbom.cdx.json", bom)
    return layer.done()


def digest(blob):
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def descriptor(kind, blob, **more):
    return {"mediaType": f"{OCI}.{kind}", "digest": digest(blob), "size": len(blob), **more}


def encode(value):
    return json.dumps(value, sort_keys=True).encode()


def labels():
    title = "org.opencontainers.image"
    return {
        f"{title}.title": "netlens",
        f"{title}.description": "Network observability agent for Kubernetes and Linux nodes",
        f"{title}.version": VERSION,
        f"{title}.revision": os.environ["REVISION"],
        f"{title}.created": CREATED,
        f"{title}.licenses": os.environ["LICENCES"],
        **({f"{title}.source": os.environ["SOURCE"]} if os.environ.get("SOURCE") else {}),
    }


def settings():
    return {
        "User": f"{USER}:{USER}",
        "Entrypoint": ["/usr/bin/netlens"],
        "Cmd": ["run"],
        "WorkingDir": "/",
        "StopSignal": "SIGTERM",
        "ExposedPorts": {"9102/tcp": {}},
        "Env": [
            "PATH=/usr/bin",
            # A read-only root has no place for the runtime's diagnostic socket.
            "DOTNET_EnableDiagnostics=0",
            "TMPDIR=/tmp",
            f"SSL_CERT_FILE=/{CERTIFICATES}",
        ],
        "Labels": labels(),
    }


def archive(layers):
    """The OCI image layout in a tar file: docker load, podman load, ctr images import and skopeo take it."""
    packed = [gzip.compress(layer, 6, mtime=0) for layer in layers]
    config = encode({
        "architecture": ARCHITECTURE, "os": "linux", "created": CREATED, "config": settings(),
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        "history": [
            {"created": CREATED, "created_by": text} for text in ("libraries and certificates", "netlens")],
    })
    manifest = encode({
        "schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": descriptor("config.v1+json", config),
        "layers": [descriptor("layer.v1.tar+gzip", blob) for blob in packed], "annotations": labels(),
    })
    index = encode({
        "schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json",
        "manifests": [descriptor(
            "manifest.v1+json", manifest, platform={"architecture": ARCHITECTURE, "os": "linux"},
            annotations={
                "io.containerd.image.name": f"docker.io/library/netlens:{VERSION}",
                "org.opencontainers.image.ref.name": VERSION,
            })],
    })
    out = Layer()
    out.file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    out.file("index.json", index)
    for blob in (config, manifest, *packed):
        out.file("blobs/sha256/" + hashlib.sha256(blob).hexdigest(), blob)
    return out.done(), digest(manifest), sum(map(len, packed)), sum(map(len, layers))


def main():
    payload, program, out = sys.argv[1:]
    found = libraries.closure(f"{payload}/usr/lib/netlens", program)
    packages = libraries.packages({**found, f"/{CERTIFICATES}": "/usr/share/doc/ca-certificates/copyright"})
    bom = sbom.encode(payload, packages, VERSION, CREATED, os.environ["LICENCE"])
    image, name, packed, unpacked = archive([system_layer(found, packages), netlens_layer(payload, program, bom)])
    base = f"{out}/netlens-{VERSION}-linux-{ARCHITECTURE}"
    for path, content in ((f"{base}.oci.tar", image), (f"{base}.cdx.json", bom)):
        with open(path, "wb") as file:
            file.write(content)
    print(f"{base}.oci.tar: {packed / 1e6:.1f} MB packed, {unpacked / 1e6:.1f} MB unpacked, {name}")


main()
