"""The OCI image layout in a tar file: docker load, podman load, ctr images import and skopeo take it."""
import hashlib
import io
import json
import os
import tarfile

EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])
OCI = "application/vnd.oci.image"


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


def digest(blob):
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def descriptor(kind, blob, **more):
    return {"mediaType": f"{OCI}.{kind}", "digest": digest(blob), "size": len(blob), **more}


def encode(value):
    return json.dumps(value, sort_keys=True).encode()


def annotations(version):
    """What containerd and others name the image by."""
    return {
        "io.containerd.image.name": f"docker.io/library/netlens:{version}",
        "org.opencontainers.image.ref.name": version,
    }


def index(manifests):
    return encode({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": manifests})


def layout(manifests, blobs):
    out = Layer()
    out.file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    out.file("index.json", index(manifests))
    for blob in blobs:
        out.file("blobs/sha256/" + hashlib.sha256(blob).hexdigest(), blob)
    return out.done()
