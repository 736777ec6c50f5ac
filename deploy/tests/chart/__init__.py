"""Renders the Helm chart through render.go, in place of helm."""

import copy
import json
import subprocess
from pathlib import Path

import jsonschema
import yaml

import kustomize

CHART = Path(__file__).parents[2] / "helm" / "narthex"


def values(over=None):
    """The chart's values with others over them, as Helm merges them: null takes one away."""
    return _merge(yaml.load((CHART / "values.yaml").read_text(), kustomize.LOADER), over or {})


def _merge(under, over):
    merged = copy.deepcopy(under)
    for name, value in over.items():
        is_map = isinstance(value, dict) and isinstance(merged.get(name), dict)
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged[name], value) if is_map else value
    return merged


def check(given):
    """Raises where values are not of the chart's schema."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(given)


def build(folder):
    """Compiles the renderer into a folder and returns the program."""
    program = Path(folder) / "render"
    command = ["go", "build", "-o", program, "."]
    subprocess.run(command, cwd=Path(__file__).parent, check=True)
    return program


def render(program, over=None, release="narthex", namespace="narthex"):
    """The objects of a release, and its notes."""
    given = values(over)
    check(given)
    metadata = yaml.safe_load((CHART / "Chart.yaml").read_text())
    # Helm gives the fields of Chart.yaml with capitals.
    data = {
        "Values": given,
        "Chart": {name[0].upper() + name[1:]: value for name, value in metadata.items()},
        "Release": {"Name": release, "Namespace": namespace, "Service": "Helm"},
    }
    result = subprocess.run(
        [program, CHART], input=json.dumps(data), capture_output=True, text=True
    )
    if result.returncode != 0:
        raise ValueError(result.stderr)
    objects = [item for item in yaml.load_all(result.stdout, kustomize.LOADER) if item]
    return objects, result.stderr
