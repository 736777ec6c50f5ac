"""Renders the Kustomize tree of deploy/kubernetes where no kustomize is to be had.

It is not kustomize: it knows the fields that the tree uses (FIELDS) and refuses all others, JSON patches
(add, replace, remove, test), the patch that deletes an object, and no strategic merge. The test beside it
compares it with the real one where that is installed.
"""

import copy
import re
from pathlib import Path

import yaml

# The one in C, where it is there, is ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FIELDS = {
    "apiVersion", "kind", "namespace", "resources", "components", "patches", "configMapGenerator",
    "images",
}
# Kinds that lie in no namespace.
CLUSTER_KINDS = {"APIService", "Namespace", "ClusterRole", "ClusterRoleBinding"}


def render(folder):
    """The objects of a folder with a kustomization.yaml, in the order of their files."""
    objects = []
    _apply(Path(folder).resolve(), objects)
    return objects


def _apply(folder, objects):
    path = folder / "kustomization.yaml"
    kustomization = yaml.load(path.read_text(), LOADER)
    unknown = set(kustomization) - FIELDS
    if unknown:
        raise ValueError(f"{path}: this renderer does not know {sorted(unknown)}")
    # A component works on what is there, anything else on what it brings itself.
    is_component = kustomization["kind"] == "Component"
    own = objects if is_component else []
    for resource in kustomization.get("resources", []):
        place = folder / resource
        if place.is_dir():
            _apply(place, own)
        else:
            own.extend(_documents(place))
    for generator in kustomization.get("configMapGenerator", []):
        _generate(folder, generator, own)
    for component in kustomization.get("components", []):
        _apply(folder / component, own)
    for patch in kustomization.get("patches", []):
        _patch(folder, patch, own)
    if namespace := kustomization.get("namespace"):
        _set_namespace(own, namespace)
    for image in kustomization.get("images", []):
        _set_image(own, image)
    if not is_component:
        objects.extend(own)


def _documents(path):
    documents = yaml.load_all(path.read_text(), LOADER)
    return [document for document in documents if document]


def _generate(folder, generator, objects):
    unknown = set(generator) - {"name", "namespace", "behavior", "files", "options"}
    if unknown or generator.get("options") != {"disableNameSuffixHash": True}:
        raise ValueError(f"{folder}: configMapGenerator: this renderer does not know {generator}")
    data = {Path(file).name: (folder / file).read_text() for file in generator["files"]}
    existing = [
        item for item in objects
        if item["kind"] == "ConfigMap" and item["metadata"]["name"] == generator["name"]
    ]
    match generator.get("behavior", "create"), existing:
        case "create", []:
            metadata = {name: generator[name] for name in ("name", "namespace") if name in generator}
            objects.append(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            )
        case "merge", [config]:
            config["data"].update(data)
        case behavior, found:
            raise ValueError(f"{folder}: {behavior} of {generator['name']}, {len(found)} are there")


def _patch(folder, patch, objects):
    target = patch["target"]
    text = patch["patch"] if "patch" in patch else (folder / patch["path"]).read_text()
    operations = yaml.load(text, LOADER)
    # The name is a regular expression for all of it.
    found = [
        item for item in objects
        if item["kind"] == target["kind"] and re.fullmatch(target["name"], item["metadata"]["name"])
    ]
    if not found:
        raise ValueError(f"{folder}: patch of {target}: there is none")
    if isinstance(operations, dict):
        if operations.get("$patch") != "delete":
            raise ValueError(f"{folder}: patch of {target}: this renderer merges nothing")
        for item in found:
            objects.remove(item)
        return
    for item in found:
        for operation in operations:
            _operate(item, operation)


def _operate(item, operation):
    parts = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    parent = item
    for part in parts[:-1]:
        parent = parent[int(part)] if isinstance(parent, list) else parent[part]
    last = parts[-1]
    if isinstance(parent, list) and last != "-":
        last = int(last)
    value = copy.deepcopy(operation.get("value"))
    match operation["op"]:
        case "add" if isinstance(parent, list):
            parent.insert(len(parent) if last == "-" else last, value)
        case "add":
            parent[last] = value
        case "replace":
            parent[last]  # An error where there is nothing to replace.
            parent[last] = value
        case "remove":
            del parent[last]
        case "test":
            if parent[last] != value:
                raise ValueError(f"{operation['path']} is {parent[last]!r} and not {value!r}")
        case other:
            raise ValueError(f"this renderer does not know the operation {other}")


def _set_image(objects, image):
    new = f"{image['newName']}:{image['newTag']}"
    for item in objects:
        pod = item.get("spec", {}).get("template", {}).get("spec", {})
        for container in pod.get("containers", []):
            if container["image"].rpartition(":")[0] == image["name"]:
                container["image"] = new


def _set_namespace(objects, namespace):
    for item in objects:
        if item["kind"] == "Namespace":
            item["metadata"]["name"] = namespace
        elif item["kind"] not in CLUSTER_KINDS:
            item["metadata"]["namespace"] = namespace
        for subject in item.get("subjects", []):
            subject["namespace"] = namespace
