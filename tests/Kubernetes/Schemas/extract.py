#!/usr/bin/env python3
"""Takes from a schema of the whole of Kubernetes what our objects need, closed against unknown keys.

usage: extract.py DEFINITIONS.json NAME... >kubernetes.json

NAME is that of a definition, such as io.k8s.api.apps.v1.DaemonSet, or a file with a CustomResourceDefinition (needs
python3-yaml). One definition per line.
"""
import json
import sys

REFERENCE = "#/definitions/"
# What the API server takes as a number or a text, whatever the definition says of it.
LOOSE = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["integer", "string"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["number", "string"]},
}


def closed(schema):
    """The schema without prose, with every object closed."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    kept = {}
    for key, value in schema.items():
        if key == "properties":
            kept[key] = {name: closed(of) for name, of in sorted(value.items())}
        elif key not in ("description", "title", "default") and not key.startswith("x-kubernetes"):
            kept[key] = closed(value)
    open_object = schema.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in kept and "additionalProperties" not in kept and not open_object:
        kept["additionalProperties"] = False
    return kept


def references(schema):
    if isinstance(schema, list):
        return [r for item in schema for r in references(item)]
    if not isinstance(schema, dict):
        return []
    found = [schema["$ref"][len(REFERENCE):]] if "$ref" in schema else []
    return found + [r for item in schema.values() for r in references(item)]


def kubernetes(path, kinds):
    with open(path) as file:
        everything = json.load(file)
    everything = everything.get("definitions", everything)
    taken, todo = {}, list(kinds)
    while todo:
        name = todo.pop()
        if name in taken:
            continue
        taken[name] = LOOSE.get(name) or closed(everything[name])
        if name in kinds:
            # Written by the API server, never by us: a manifest that has it is wrong.
            taken[name]["properties"].pop("status", None)
            taken[name]["required"] = sorted({"apiVersion", "kind", *taken[name].get("required", [])})
        # The bookkeeping of servers would be most of the file.
        if name.endswith(".ObjectMeta"):
            for key in ("managedFields", "ownerReferences", "creationTimestamp", "deletionTimestamp"):
                taken[name]["properties"].pop(key, None)
        todo += references(taken[name])
    return taken


def custom(path):
    import yaml

    with open(path) as file:
        spec = yaml.safe_load(file)["spec"]
    version = next(v for v in spec["versions"] if v["served"])
    schema = closed(version["schema"]["openAPIV3Schema"])
    schema["properties"].pop("status", None)
    schema["properties"]["metadata"] = {"$ref": REFERENCE + "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    return {f"{spec['group']}.{version['name']}.{spec['names']['kind']}": schema}


def main():
    path, *names = sys.argv[1:]
    definitions = kubernetes(path, [name for name in names if not name.endswith(".yaml")])
    for name in names:
        if name.endswith(".yaml"):
            definitions.update(custom(name))
    lines = [f"{json.dumps(name)}: {json.dumps(schema, sort_keys=True)}" for name, schema in sorted(definitions.items())]
    print('{"definitions": {\n' + ",\n".join(lines) + "\n}}")


main()
