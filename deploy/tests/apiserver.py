"""An API server that kubectl can apply to, for the commands of the README.

It takes objects as a real one does: what it does not know, what the schema of a version of Kubernetes refuses,
and what lies in a namespace that is not there, is an error. It is not a cluster: nothing is scheduled, defaulted
or admitted. For the controllers and kubelets that are not here, a workload is said to be complete when it is
made. tests/harness/cluster.rs is the one that Narthex discovers targets by.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import objects

# The kinds that there are: by version and kind the name in paths, and whether they lie in a namespace.
KINDS = {
    ("v1", "ConfigMap"): ("configmaps", True),
    ("v1", "Namespace"): ("namespaces", False),
    ("v1", "Secret"): ("secrets", True),
    ("v1", "Service"): ("services", True),
    ("v1", "ServiceAccount"): ("serviceaccounts", True),
    ("apps/v1", "DaemonSet"): ("daemonsets", True),
    ("apps/v1", "Deployment"): ("deployments", True),
    ("apps/v1", "StatefulSet"): ("statefulsets", True),
    ("apiregistration.k8s.io/v1", "APIService"): ("apiservices", False),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): ("horizontalpodautoscalers", True),
    ("networking.k8s.io/v1", "Ingress"): ("ingresses", True),
    ("networking.k8s.io/v1", "NetworkPolicy"): ("networkpolicies", True),
    ("policy/v1", "PodDisruptionBudget"): ("poddisruptionbudgets", True),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): ("clusterroles", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("clusterrolebindings", False),
    ("rbac.authorization.k8s.io/v1", "Role"): ("roles", True),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("rolebindings", True),
}
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


class Refused(Exception):
    """What a request is answered that is not granted."""

    def __init__(self, code, reason, message):
        super().__init__(message)
        self.status = {
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": code,
            "reason": reason, "message": message,
        }


class ApiServer:
    """The server; `stop` ends it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.version = 1
        # By version, name in paths, namespace and name.
        self.objects = {}
        for name in ("default", "kube-system"):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.objects[("v1", "namespaces", "", name)] = namespace
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except ConnectionError:
                    # kubectl has what it wanted.
                    pass

            def handle_request(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                try:
                    with server.lock:
                        code, answer = server.answer(self, body)
                except Refused as refused:
                    code, answer = refused.status["code"], refused.status
                text = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_request

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def kubeconfig(self):
        """What a kubeconfig file has to say for this server."""
        return {
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {}}],
        }

    def stop(self):
        self.http.shutdown()
        self.http.server_close()

    def find(self, kind, namespace, name):
        """The object, or None."""
        [(version, plural)] = [(key[0], value[0]) for key, value in KINDS.items() if key[1] == kind]
        return self.objects.get((version, plural, namespace, name))

    def answer(self, request, body):
        url = urlsplit(request.path)
        parameters = {name: values[-1] for name, values in parse_qs(url.query).items()}
        parts = [part for part in url.path.split("/") if part]
        match request.command, parts:
            case "GET", ["version"]:
                return 200, {"major": "1", "minor": "37", "gitVersion": "v1.37.0"}
            case "GET", ["api"]:
                return 200, {"kind": "APIVersions", "versions": ["v1"]}
            case "GET", ["apis"]:
                return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups()}
            case "GET", ["openapi", "v3"]:
                paths = {
                    path_of(version): {"serverRelativeURL": f"/openapi/v3/{path_of(version)}"}
                    for version, _ in KINDS
                }
                return 200, {"paths": paths}
            case "GET", ["openapi", "v3", *rest]:
                return 200, openapi(version_of(rest)[0])
        version, rest = version_of(parts)
        if not rest and request.command == "GET":
            return 200, resources(version)
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        known = [key[1] for key, value in KINDS.items() if (key[0], value[0]) == (version, rest[0])]
        if not known:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        [kind], plural = known, rest[0]
        is_dry = parameters.get("dryRun") == "All"
        match request.command, rest[1:]:
            case "GET", []:
                return 200, self.list(version, kind, plural, namespace, parameters)
            case "GET", [name]:
                return 200, self.get(version, plural, namespace, name)
            case "POST", []:
                item = json.loads(body)
                key = (version, plural, namespace, item["metadata"]["name"])
                if key in self.objects:
                    raise Refused(409, "AlreadyExists", f'{plural} "{key[3]}" already exists')
                return 201, self.put(key, kind, item, is_dry)
            case "PATCH", [name]:
                found = self.get(version, plural, namespace, name)
                if "apply" in request.headers["content-type"] or "json-patch" in request.headers["content-type"]:
                    raise Refused(415, "UnsupportedMediaType", "only patches that are merged are known here")
                item = merged(found, json.loads(body))
                return 200, self.put((version, plural, namespace, name), kind, item, is_dry)
        raise Refused(405, "MethodNotAllowed", f"{request.command} {request.path}")

    def get(self, version, plural, namespace, name):
        try:
            return self.objects[(version, plural, namespace, name)]
        except KeyError:
            raise Refused(404, "NotFound", f'{plural} "{name}" not found') from None

    def list(self, version, kind, plural, namespace, parameters):
        name = parameters.get("fieldSelector", "").removeprefix("metadata.name=")
        items = [
            item for key, item in self.objects.items()
            if key[:2] == (version, plural) and namespace in ("", key[2]) and name in ("", key[3])
        ]
        metadata = {"resourceVersion": str(self.version)}
        return {"apiVersion": version, "kind": f"{kind}List", "metadata": metadata, "items": items}

    def put(self, key, kind, item, is_dry):
        version, plural, namespace, name = key
        if (item["apiVersion"], item["kind"]) != (version, kind):
            raise Refused(400, "BadRequest", f"{item['kind']} is no {kind}")
        is_namespaced = KINDS[(version, kind)][1]
        if is_namespaced and ("v1", "namespaces", "", namespace) not in self.objects:
            raise Refused(404, "NotFound", f'namespaces "{namespace}" not found')
        for fault in objects.schema_faults([item]):
            raise Refused(422, "Invalid", f'{kind} "{name}" is invalid: {fault}')
        if is_dry:
            return item
        self.version += 1
        metadata = item["metadata"]
        metadata.setdefault("uid", f"uid-{self.version}")
        metadata["resourceVersion"] = str(self.version)
        if kind in ("DaemonSet", "Deployment", "StatefulSet"):
            metadata["generation"] = metadata.get("generation", 0) + 1
            count = item["spec"].get("replicas", 1)
            item["status"] = {
                "observedGeneration": metadata["generation"], "replicas": count, "readyReplicas": count,
                "updatedReplicas": count, "availableReplicas": count,
            }
            if kind == "StatefulSet":
                item["status"] |= {"currentRevision": "1", "updateRevision": "1"}
            if kind == "DaemonSet":
                names = ("desiredNumberScheduled", "currentNumberScheduled", "numberMisscheduled",
                         "numberReady", "updatedNumberScheduled", "numberAvailable")
                item["status"] = {"observedGeneration": metadata["generation"]} | dict.fromkeys(names, 1)
                item["status"]["numberMisscheduled"] = 0
        self.objects[key] = item
        return item


def merged(under, over):
    """A patch over an object. Of lists only whole ones are known, as they are in ConfigMaps."""
    if not isinstance(over, dict):
        return over
    if any(name.startswith("$") for name in over):
        raise Refused(415, "UnsupportedMediaType", "directives of strategic patches are not known here")
    result = dict(under) if isinstance(under, dict) else {}
    for name, value in over.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def path_of(version):
    """Where the kinds of a version lie."""
    return f"apis/{version}" if "/" in version else f"api/{version}"


def version_of(parts):
    """The version that a path begins with, and the rest of it."""
    match parts:
        case ["api", version, *rest]:
            return version, rest
        case ["apis", group, version, *rest]:
            return f"{group}/{version}", rest
    raise Refused(404, "NotFound", "the server could not find the requested resource")


def groups():
    found = []
    for version in sorted({key[0] for key in KINDS if "/" in key[0]}):
        one = {"groupVersion": version, "version": version.partition("/")[2]}
        found.append(
            {"name": version.partition("/")[0], "versions": [one], "preferredVersion": one}
        )
    return found


def resources(version):
    if version not in {key[0] for key in KINDS}:
        raise Refused(404, "NotFound", "the server could not find the requested resource")
    found = [
        {"name": plural, "singularName": kind.lower(), "namespaced": is_namespaced, "kind": kind,
         "verbs": VERBS}
        for (of, kind), (plural, is_namespaced) in KINDS.items() if of == version
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": found}


def openapi(version):
    """As much as says that fields are validated by the server."""
    group, _, number = version.rpartition("/")
    paths = {
        f"/{path_of(version)}/{plural}/{{name}}": {
            "patch": {
                "x-kubernetes-group-version-kind": {"group": group, "kind": kind, "version": number},
                "parameters": [{"name": "fieldValidation", "in": "query"}],
                "responses": {},
            }
        }
        for (of, kind), (plural, _) in KINDS.items() if of == version
    }
    info = {"title": "Kubernetes", "version": "v1.37.0"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}
