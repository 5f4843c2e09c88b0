"""The bill of materials of an image: CycloneDX 1.6, JSON. Everything in it comes from what was built and installed."""
import base64
import hashlib
import json
import os
import re
import uuid
import xml.etree.ElementTree as xml
from urllib.parse import quote


def encode(tree, system, version, created, licence):
    components = sorted(nuget(tree) + bundled(tree) + debian(system), key=lambda c: c["bom-ref"])
    name = f"pkg:generic/netlens@{version}"
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": created,
            "component": {
                "type": "application", "bom-ref": name, "name": "netlens", "version": version, "purl": name,
                "licenses": [{"expression": licence}],
            },
        },
        "components": components,
        "dependencies": [{"ref": name, "dependsOn": [c["bom-ref"] for c in components]}],
    }
    # The same content has the same number.
    content = json.dumps(bom, sort_keys=True)
    bom["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}"
    return json.dumps(bom, indent=2, sort_keys=True).encode() + b"\n"


def nuget(tree):
    """What NuGet gave: packages and the runtime itself, as the program's own list (netlens.deps.json) names them."""
    with open(f"{tree}/usr/lib/netlens/netlens.deps.json", encoding="utf-8") as file:
        libraries = json.load(file)["libraries"]
    cache = os.environ.get("NUGET_PACKAGES") or os.path.expanduser("~/.nuget/packages")
    result = []
    for key, library in libraries.items():
        if library["type"] == "project":
            continue
        name, version = key.split("/")
        name = name.removeprefix("runtimepack.")
        folder = f"{cache}/{name.lower()}/{version.lower()}"
        with open(f"{folder}/{name.lower()}.{version.lower()}.nupkg.sha512", encoding="ascii") as file:
            digest = base64.b64decode(file.read()).hex()
        purl = f"pkg:nuget/{name}@{version}"
        result.append({
            "type": "framework" if library["type"] == "runtimepack" else "library", "bom-ref": purl, "purl": purl,
            "name": name, "version": version, "hashes": [{"alg": "SHA-512", "content": digest}],
            **licensed(nuspec_licence(f"{folder}/{name.lower()}.nuspec")),
        })
    return result


def nuspec_licence(path):
    """An SPDX expression, or else what the package says about where its licence is."""
    fields = {e.tag.rsplit("}", 1)[-1]: e for e in xml.parse(path).iter()}
    licence = fields.get("license")
    if licence is not None and licence.get("type") == "expression":
        return [{"expression": licence.text}]
    url = fields.get("licenseUrl")
    if licence is not None:
        return [{"license": {"name": licence.text}}]
    return [{"license": {"name": "see its address", "url": url.text}}] if url is not None else []


def bundled(tree):
    """libbpf with libelf and zlib in it, built from Debian's sources, as the payload's copyright file names them."""
    with open(f"{tree}/usr/lib/netlens/libbpf.so.1", "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    with open(f"{tree}/usr/share/doc/netlens/copyright", encoding="utf-8") as file:
        sources = re.findall(r"^  (?:libelf of )?(\w+) (\S+): (.+)$", file.read(), re.M)
    if [name for name, _, _ in sources] != ["libbpf", "elfutils", "zlib"]:
        raise SystemExit("container: the payload's copyright file does not name the sources of libbpf.so.1")
    result = []
    for name, version, licence in sources:
        purl = f"pkg:deb/debian/{name}@{quote(version, safe='.+~-')}?arch=source"
        result.append({
            "type": "library", "bom-ref": purl, "purl": purl, "name": name, "version": version,
            "licenses": [{"expression": licence}],
            **({"hashes": [{"alg": "SHA-256", "content": digest}]} if name == "libbpf" else {}),
        })
    return result


def debian(system):
    """Packages of which files are in the image, and which files."""
    result = []
    for package in system:
        version = quote(package.version, safe=".+~-")
        purl = f"pkg:deb/debian/{package.name}@{version}?arch={package.architecture}"
        result.append({
            "type": "library", "bom-ref": purl, "purl": purl, "name": package.name, "version": package.version,
            **licensed([{"license": {"name": name}} for name in package.licences]),
            "properties": [{"name": "netlens:file", "value": path} for path in sorted(package.files)],
        })
    return result


def licensed(licences):
    return {"licenses": licences} if licences else {}
