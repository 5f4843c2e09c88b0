#!/usr/bin/env python3
"""Makes the container image as an OCI archive, FROM scratch, with neither a Docker daemon nor a registry.

usage: image.py PAYLOAD ASSETS PROGRAM DEBIAN OUT     (called by `build`, which also makes what it needs)

PAYLOAD is the installed tree of packaging/payload, ASSETS the list of its packages, PROGRAM the compiled netlens.c, DEBIAN what
`debian` fetched. The archive has two layers: what is Debian's, which seldom changes, and Netlens. Same input, same bytes:
times are SOURCE_DATE_EPOCH. Environment: ARCHITECTURE, OBJDUMP, VERSION, REVISION, LICENCE (Netlens's own), LICENCES
(everything's), SOURCE_DATE_EPOCH.
"""
import datetime
import gzip
import os
import struct
import sys

import libraries
import sbom
from archive import EPOCH, OCI, Layer, annotations, descriptor, digest, encode, layout, read

USER = 65532  # As other images without a distribution have it; it is nobody's on the usual node.
CREATED = datetime.datetime.fromtimestamp(EPOCH, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
VERSION = os.environ["VERSION"]
ARCHITECTURE = os.environ["ARCHITECTURE"]
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
    layer.file(CERTIFICATES, certificates(packages))
    for name, text in TEXTS.items():
        layer.file(name, text.encode())
    layer.folder("etc/netlens")
    layer.folder("tmp", 0o1777)
    for package in packages:
        layer.file(f"usr/share/doc/{package.name}/copyright", read(package.copyright))
    return layer.done()


def certificates(packages):
    package = next(p for p in packages if p.name == "ca-certificates")
    package.files.append(f"/{CERTIFICATES}")
    trusted = f"{package.folder}/usr/share/ca-certificates/mozilla"
    return b"".join(read(f"{trusted}/{name}") for name in sorted(os.listdir(trusted)))


def netlens_layer(payload, program, bom):
    layer = Layer()
    layer.file("usr/bin/netlens", read(program), 0o755, **permitted(CAPABILITIES.values()))
    layer.tree(f"{payload}/usr/lib/netlens", "usr/lib/netlens")
    layer.tree(f"{payload}/usr/share/doc/netlens", "usr/share/doc/netlens")
    layer.file("usr/share/doc/netlens/sbom.cdx.json", bom)
    return layer.done()


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
    image = descriptor(
        "manifest.v1+json", manifest, platform={"architecture": ARCHITECTURE, "os": "linux"},
        annotations=annotations(VERSION))
    return layout([image], [config, manifest, *packed]), digest(manifest), sum(map(len, packed)), sum(map(len, layers))


def main():
    payload, assets, program, debian, out = sys.argv[1:]
    packages = libraries.packages(debian)
    found = libraries.closure(f"{payload}/usr/lib/netlens", program, packages)
    system = system_layer(found, packages)
    bom = sbom.encode(payload, assets, packages, VERSION, CREATED, os.environ["LICENCE"])
    image, name, packed, unpacked = archive([system, netlens_layer(payload, program, bom)])
    base = f"{out}/netlens-{VERSION}-linux-{ARCHITECTURE}"
    for path, content in ((f"{base}.oci.tar", image), (f"{base}.cdx.json", bom)):
        with open(path, "wb") as file:
            file.write(content)
    print(f"{base}.oci.tar: {packed / 1e6:.1f} MB packed, {unpacked / 1e6:.1f} MB unpacked, {name}")


main()
