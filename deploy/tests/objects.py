"""What is demanded of Kubernetes objects: the schemas of all versions that there are, and a policy.

It is not an API server: what only that knows (admission, defaults, references to other namespaces) is not
looked at. Schemas are those of kubernetes-validate, with no field that they do not name. Of kinds that are
no part of Kubernetes those have a schema here that the tree uses.
"""

import json
import re
from functools import cache

import jsonschema
from kubernetes_validate.utils import all_versions, major_minor, schema_contents
from referencing import Registry, Resource

VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
# The one whose schemas stand for each of them.
RELEASES = {major_minor(release): release for release in all_versions()}
# Who may mount folders of the machine, to read them and nothing else, and which: by the label of the name.
READS_MACHINES = {"narthex-nodes": {"/", "/proc", "/sys"}}

_NAME = {"type": "string", "minLength": 1, "maxLength": 253}
_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}


def _fields(required, **properties):
    return {
        "type": "object", "required": required, "additionalProperties": False, "properties": properties,
    }


# The fields of gateway.networking.k8s.io/v1 that the tree uses.
HTTP_ROUTE = _fields(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "gateway.networking.k8s.io/v1"},
    kind={"const": "HTTPRoute"},
    metadata={"type": "object"},
    spec=_fields(
        ["parentRefs", "rules"],
        parentRefs={
            "type": "array", "minItems": 1, "maxItems": 32,
            "items": _fields(["name"], name=_NAME, namespace=_NAME, sectionName=_NAME),
        },
        hostnames={"type": "array", "maxItems": 16, "items": _NAME},
        rules={
            "type": "array", "minItems": 1, "maxItems": 16,
            "items": _fields(
                ["backendRefs"],
                matches={
                    "type": "array",
                    "items": _fields(
                        ["path"],
                        path=_fields(
                            ["type", "value"],
                            type={"enum": ["Exact", "PathPrefix", "RegularExpression"]},
                            value={"type": "string", "pattern": "^/"},
                        ),
                    ),
                },
                backendRefs={
                    "type": "array", "minItems": 1, "maxItems": 16,
                    "items": _fields(["name", "port"], name=_NAME, port=_PORT),
                },
            ),
        },
    ),
)
OTHERS = {("gateway.networking.k8s.io/v1", "HTTPRoute"): HTTP_ROUTE}


def title(item):
    """What an object is called in a message."""
    return f"{item['kind']}/{item['metadata']['name']}"


def schema_faults(objects):
    """What the schemas find wrong: of each object the first fault, in any version."""
    faults = [_schema_fault(json.dumps(item, sort_keys=True)) for item in objects]
    return [fault for fault in faults if fault]


@cache
def _schema_fault(text):
    item = json.loads(text)
    schema = OTHERS.get((item["apiVersion"], item["kind"]))
    try:
        if schema:
            jsonschema.validate(item, schema)
            return None
        for version in VERSIONS:
            _validator(version, item["kind"], item["apiVersion"]).validate(item)
    except jsonschema.ValidationError as error:
        return f"{title(item)}: {error.message}"
    return None


@cache
def _validator(version, kind, api_version):
    """What knows a kind as a version of Kubernetes has it, and no field beside."""
    # The group without its domain, as the files are called: rbac-v1 of rbac.authorization.k8s.io/v1.
    group, _, rest = api_version.rpartition("/")
    prefix = f"{group.partition('.')[0]}-" if group else ""
    schema = _schema(version, f"{kind.lower()}-{prefix}{rest}")
    registry = Resource.from_contents(schema) @ (_definitions(version) @ Registry())
    return jsonschema.Draft202012Validator(schema, registry=registry)


@cache
def _definitions(version):
    return Resource.from_contents(_schema(version, "_definitions"))


def _schema(version, name):
    folder = f"kubernetes-json-schema/v{RELEASES[version]}-local-strict"
    return schema_contents(f"{folder}/{name}.json", version)


def policy_faults(objects, exempt=frozenset()):
    """What breaks the policy: Pod Security's profile "restricted", and what a pod of a server that keeps
    data needs. Exempt are workloads whose pods only make load."""
    faults = []
    for item in objects:
        def fault(text, item=item):
            faults.append(f"{title(item)}: {text}")

        match item["kind"]:
            case "StatefulSet" | "Deployment" | "DaemonSet" | "Job":
                _check_pod(item, fault)
                if item["metadata"]["name"] not in exempt:
                    _check_server(item, objects, fault)
            case "ClusterRole" | "Role" if item["metadata"]["name"] not in exempt:
                _check_role(item, fault)
            case "Service":
                _check_service(item, objects, fault)
            case "NetworkPolicy" | "PodDisruptionBudget":
                key = "podSelector" if item["kind"] == "NetworkPolicy" else "selector"
                if not _selected(item["spec"][key].get("matchLabels"), item, objects):
                    fault("selects no pod")
            case "ServiceAccount":
                if item.get("automountServiceAccountToken") is not False:
                    fault("gives its token to every pod")
    return faults


def pod_of(item):
    """The spec of a workload's pods."""
    return item["spec"]["template"]["spec"]


def workloads(objects):
    """The objects that make pods."""
    return [item for item in objects if item["kind"] in ("StatefulSet", "Deployment", "DaemonSet")]


def _selected(labels, item, objects):
    place = item["metadata"].get("namespace")
    return [
        workload for workload in workloads(objects)
        if workload["metadata"].get("namespace") == place
        and (labels or {}).items() <= workload["spec"]["template"]["metadata"]["labels"].items()
    ]


def _check_pod(item, fault):
    """Pod Security, profile "restricted": every control of it, but for who reads machines."""
    pod = pod_of(item)
    context = pod.get("securityContext", {})
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            fault(name)
    allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
               "projected", "secret"}
    of_machine = set()
    for volume in pod.get("volumes", []):
        name = item["metadata"].get("labels", {}).get("app.kubernetes.io/name")
        if volume.get("hostPath", {}).get("path") in READS_MACHINES.get(name, ()):
            of_machine.add(volume["name"])
        elif not set(volume) - {"name"} <= allowed:
            fault(f"volume {volume['name']} is of no allowed kind")
    for container in pod.get("initContainers", []) + pod["containers"]:
        own = container.get("securityContext", {})
        name = container["name"]
        if not (own.get("runAsNonRoot", context.get("runAsNonRoot")) is True):
            fault(f"{name}: runAsNonRoot is not true")
        if own.get("runAsUser", context.get("runAsUser")) == 0:
            fault(f"{name}: runs as root")
        profile = own.get("seccompProfile", context.get("seccompProfile", {}))
        if profile.get("type") not in ("RuntimeDefault", "Localhost"):
            fault(f"{name}: no seccomp profile")
        if own.get("allowPrivilegeEscalation") is not False:
            fault(f"{name}: allowPrivilegeEscalation is not false")
        capabilities = own.get("capabilities", {})
        if capabilities.get("drop") != ["ALL"]:
            fault(f"{name}: capabilities are not dropped")
        if not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
            fault(f"{name}: capabilities are added")
        if own.get("privileged") or own.get("procMount", "Default") != "Default":
            fault(f"{name}: privileged")
        for port in container.get("ports", []):
            if "hostPort" in port:
                fault(f"{name}: hostPort")
        # Not of the profile: what it can be checked for beside it.
        if own.get("readOnlyRootFilesystem") is not True:
            fault(f"{name}: the root is not read-only")
        if not re.search(r":v?\d+(\.\d+)+[-.\w]*(@|$)", container["image"]):
            fault(f"{name}: image {container['image']} names no version")
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= set(resources.get("requests", {})):
            fault(f"{name}: no requests")
        if "memory" not in resources.get("limits", {}):
            fault(f"{name}: no memory limit")
        mounts = [volume["name"] for volume in pod.get("volumes", [])]
        templates = item["spec"].get("volumeClaimTemplates", [])
        mounts += [template["metadata"]["name"] for template in templates]
        for mount in container.get("volumeMounts", []):
            # The kubelet never updates a file that is mounted alone.
            if "subPath" in mount or "subPathExpr" in mount:
                fault(f"{name}: {mount['mountPath']} is mounted by subPath")
            if mount["name"] not in mounts:
                fault(f"{name}: no volume {mount['name']}")
            if mount["name"] in of_machine and mount.get("readOnly") is not True:
                fault(f"{name}: {mount['mountPath']} of the machine may be written")


def _check_server(item, objects, fault):
    """A server: probes, a budget, a policy of the network, an account and a config that are there."""
    pod = pod_of(item)
    labels = item["spec"]["template"]["metadata"]["labels"]
    place = item["metadata"].get("namespace")
    if not item["spec"]["selector"]["matchLabels"].items() <= labels.items():
        fault("does not select its own pods")
    for container in pod["containers"]:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if probe not in container:
                fault(f"{container['name']}: no {probe}")

    def is_there(kind, name=None):
        return [
            other for other in objects
            if other["kind"] == kind and other["metadata"].get("namespace") == place
            and (name is None or other["metadata"]["name"] == name)
        ]

    needed = [("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")]
    # Pods of a DaemonSet are not evicted from a node that is drained.
    for kind, key in needed[item["kind"] == "DaemonSet":]:
        selectors = [other["spec"][key].get("matchLabels", {}) for other in is_there(kind)]
        if not any(selector.items() <= labels.items() for selector in selectors):
            fault(f"no {kind}")
    if not is_there("ServiceAccount", pod["serviceAccountName"]):
        fault(f"no ServiceAccount {pod['serviceAccountName']}")
    for volume in pod.get("volumes", []):
        if name := volume.get("configMap", {}).get("name"):
            if not is_there("ConfigMap", name):
                fault(f"no ConfigMap {name}")
    if item["kind"] == "StatefulSet":
        if not is_there("Service", item["spec"]["serviceName"]):
            fault(f"no Service {item['spec']['serviceName']}")
        policy = item["spec"].get("persistentVolumeClaimRetentionPolicy", {})
        if policy != {"whenDeleted": "Retain", "whenScaled": "Retain"}:
            fault("its volumes may go with it")


def _check_role(item, fault):
    for rule in item["rules"]:
        # Nothing is written but a word on an object that is wrong.
        writes = rule.get("resources") == ["events"] and rule["verbs"] == ["create"]
        if not (writes or set(rule["verbs"]) <= {"get", "list", "watch"}):
            fault(f"may do more than read: {rule['verbs']}")
        everything = [rule.get(key, []) for key in ("apiGroups", "resources", "nonResourceURLs")]
        if any("*" in name for names in everything for name in names):
            fault("has a wildcard")
        if "secrets" in rule.get("resources", []):
            # Where a Role says so, of one namespace; by list and watch a new value is known at once.
            if item["kind"] != "Role" or rule["verbs"] != ["get", "list", "watch"]:
                fault("reads secrets")


def _check_service(item, objects, fault):
    if item["spec"].get("type") == "ExternalName":
        return
    selected = _selected(item["spec"].get("selector"), item, objects)
    if not selected:
        fault("selects no pod")
    for workload in selected:
        containers = pod_of(workload)["containers"]
        ports = [port for container in containers for port in container.get("ports", [])]
        named = {port.get("name") for port in ports} | {port["containerPort"] for port in ports}
        for port in item["spec"]["ports"]:
            if port.get("targetPort", port["port"]) not in named:
                fault(f"{title(workload)} has no port {port}")
