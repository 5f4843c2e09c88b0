"""The bill of materials of an image: CycloneDX 1.6, JSON. Everything in it comes from what was built and installed."""
import base64
import hashlib
import json
import os
import re
import sys
import uuid
from urllib.parse import quote

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "licences"))
import nuget  # noqa: E402


def encode(tree, assets, system, version, created, licence):
    components = sorted(linked(assets) + page() + bundled(tree) + debian(system), key=lambda c: c["bom-ref"])
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


def linked(assets):
    """What NuGet gave: packages, and the runtime itself."""
    result = []
    for package in nuget.packages(assets):
        purl = f"pkg:nuget/{package.name}@{package.version}"
        result.append({
            "type": "framework" if package.of_the_runtime else "library", "bom-ref": purl, "purl": purl,
            "name": package.name, "version": package.version,
            "hashes": [{"alg": "SHA-512", "content": package.digest()}],
            **licensed(nuspec_licence(package.fields())),
        })
    return result


def page():
    """What the page of a node is bundled with; esbuild makes the bundle and is not in it."""
    lock = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "web", "package-lock.json")
    with open(lock, encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    result = []
    for name in ("preact", "uplot"):
        package = packages[f"node_modules/{name}"]
        purl = f"pkg:npm/{name}@{package['version']}"
        result.append({
            "type": "library", "bom-ref": purl, "purl": purl, "name": name, "version": package["version"],
            "licenses": [{"expression": package["license"]}],
            "hashes": [{"alg": "SHA-512", "content": base64.b64decode(package["integrity"].removeprefix("sha512-")).hex()}],
        })
    return result


def nuspec_licence(fields):
    """An SPDX expression, or else what the package says about where its licence is."""
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
        version, architecture = package.control("Version"), package.control("Architecture")
        purl = f"pkg:deb/debian/{package.name}@{quote(version, safe='.+~-')}?arch={architecture}"
        result.append({
            "type": "library", "bom-ref": purl, "purl": purl, "name": package.name, "version": version,
            **licensed([{"license": {"name": name}} for name in package.licences]),
            "properties": [{"name": "netlens:file", "value": path} for path in sorted(package.files)],
        })
    return result


def licensed(licences):
    return {"licenses": licences} if licences else {}
