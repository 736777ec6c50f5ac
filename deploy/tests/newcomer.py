"""The programs that the commands of the README call, as far as they go where there is no cluster.

Run as `newcomer.py PROGRAM ARGUMENT...`, with what is around it in the environment: `SERVER` is an API server
(apiserver.py), `RENDER` the renderer of charts, `KUBECTL` the real kubectl or nothing. What is no command of the
README fails here: there is no other program on the path of the test.

`kubectl` is the real one, but for what a kubelet answers: where a port is forwarded to, it is looked whether the
Service and a pod behind it have one. Where there is none (or one of before 1.25), what is applied is rendered by
kustomize.py. `helm` renders the chart and applies it. `docker` and `istioctl` look at their files and flags only;
`curl` looks whether somebody has what is asked for, and tests/conformance/deploy.rs asks Narthex itself.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import apiserver
import chart
import kustomize
import metrics
import objects


def fail(text):
    sys.exit(f"newcomer: {text}")


def ask(method, path, body=None):
    """The answer of the API server; None where there is nothing."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ["SERVER"] + path, data=data, method=method)
    request.add_header("content-type", "application/merge-patch+json")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404 and method == "GET":
            return None
        fail(json.load(error)["message"])


def place(kind, namespace, name=None):
    """The path of an object, or of its kind."""
    [(version, plural, is_namespaced)] = [
        (key[0], *value) for key, value in apiserver.KINDS.items() if key[1] == kind
    ]
    parts = [apiserver.path_of(version)]
    parts += ["namespaces", namespace] if is_namespaced else []
    return "/" + "/".join([*parts, plural, *([name] if name else [])])


def apply(items):
    """Puts objects there, namespaces first, as kubectl orders them."""
    for item in sorted(items, key=lambda item: item["kind"] != "Namespace"):
        metadata = item["metadata"]
        namespace = metadata.get("namespace", "default")
        path = place(item["kind"], namespace, metadata["name"])
        if ask("GET", path) is None:
            ask("POST", place(item["kind"], namespace), item)
        else:
            ask("PATCH", path, item)


def kubectl(arguments):
    namespace = "default"
    rest = list(arguments)
    if rest[:1] == ["-n"]:
        namespace, rest = rest[1], rest[2:]
    match rest:
        case ["port-forward", what, port]:
            kind, _, name = what.partition("/")
            if kind != "service":
                fail(f"{what} is no Service")
            forward(namespace, name, int(port))
        case _ if os.environ["KUBECTL"]:
            os.execv(os.environ["KUBECTL"], ["kubectl", *arguments])
        case ["apply", "-k", folder]:
            apply(kustomize.render(folder))
        case ["rollout", "status", what]:
            kind, _, name = what.partition("/")
            kinds = {"statefulset": "StatefulSet", "deployment": "Deployment", "daemonset": "DaemonSet"}
            if ask("GET", place(kinds[kind], namespace, name)) is None:
                fail(f"there is no {what} in {namespace}")
        case _:
            fail(f"kubectl {' '.join(arguments)} is not known here")


def forward(namespace, name, port):
    """A port of a Service has to lead to one of a pod behind it."""
    service = ask("GET", place("Service", namespace, name))
    if service is None:
        fail(f"there is no Service {name} in {namespace}")
    targets = [it.get("targetPort", port) for it in service["spec"]["ports"] if it["port"] == port]
    selector = service["spec"]["selector"].items()
    for kind in ("StatefulSet", "Deployment"):
        for workload in ask("GET", place(kind, namespace))["items"]:
            labels = workload["spec"]["template"]["metadata"]["labels"]
            ports = [it for one in objects.pod_of(workload)["containers"] for it in one.get("ports", [])]
            named = {it.get("name") for it in ports} | {it["containerPort"] for it in ports}
            if selector <= labels.items() and set(targets) & named:
                return
    fail(f"port {port} of {name} leads to no pod")


def helm(arguments):
    match arguments:
        case ["install", release, folder, "--namespace", namespace, "--create-namespace", *rest]:
            over = {}
            while rest:
                if rest[0] != "--set":
                    fail(f"helm {rest[0]} is not known here")
                path, _, value = rest[1].partition("=")
                under = over
                *parents, last = path.split(".")
                for name in parents:
                    under = under.setdefault(name, {})
                under[last] = value
                rest = rest[2:]
            if Path(folder).resolve().name != chart.CHART.name:
                fail(f"{folder} is not the chart")
            metadata = {"name": namespace}
            apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
            apply(chart.render(os.environ["RENDER"], over, release, namespace)[0])
        case _:
            fail(f"helm {' '.join(arguments)} is not known here")


def docker(arguments):
    match arguments:
        case ["buildx", "build", "-f", file, "-t", _, "--push", context]:
            if not Path(context, file).is_file() or not Path(context, f"{file}.dockerignore").is_file():
                fail(f"there is no {file}")
        case _:
            fail(f"docker {' '.join(arguments)} is not known here")


def istioctl(arguments):
    # What the job of the pods would read a second time is off, as the example asks for.
    if arguments != ["install", "-y", "--set", "meshConfig.enablePrometheusMerge=false"]:
        fail(f"istioctl {' '.join(arguments)} is not known here")


def curl(arguments):
    match arguments:
        case ["-s", address]:
            url = urlsplit(address)
            [query] = parse_qs(url.query, strict_parsing=True)["query"]
            names = metrics.asked(query)
            if (url.netloc, url.path) != ("localhost:9090", "/api/v1/query") or not names:
                fail(f"nobody answers {address}")
            for name in names:
                if not metrics.is_known(name):
                    fail(f"nobody has {name}")
        case _:
            fail(f"curl {' '.join(arguments)} is not known here")


PROGRAMS = {it.__name__: it for it in (curl, docker, helm, istioctl, kubectl)}


def install(folder):
    """Puts the programs into a folder, each by its name, with those of the system that the README uses."""
    for name in PROGRAMS:
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -B "{__file__}" {name} "$@"\n')
        program.chmod(0o755)
    for name in ("cat", "mkdir"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True)
        (folder / name).symlink_to(found.stdout.strip())


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2:])
