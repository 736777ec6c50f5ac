"""The manifests of deploy/kubernetes: schemas, policy, flags and files. What each overlay is for is in test_overlays.py."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

import kustomize
import objects

DEPLOY = Path(__file__).parents[1]
OVERLAYS = sorted((DEPLOY / "kubernetes" / "overlays").iterdir())
# What is rendered beside them: all examples at once, and the one that does not go with shards.
TREES = [*OVERLAYS, DEPLOY / "examples", DEPLOY / "examples" / "autoscaling"]
# Pods of the examples that are there to be watched.
WATCHED = frozenset({
    "details", "load", "productpage", "ratings", "redis", "reviews-v1", "reviews-v2", "reviews-v3",
    "traefik", "whoami",
})


def one(items, kind, name="narthex"):
    """The object of a kind and name."""
    [found] = [i for i in items if (i["kind"], i["metadata"]["name"]) == (kind, name)]
    return found


def arguments(workload):
    """The flags of a server as a map; those that come twice have a list."""
    flags = {}
    for argument in objects.pod_of(workload)["containers"][0]["args"]:
        name, _, value = argument.removeprefix("--").partition("=")
        flags.setdefault(name, []).append(value)
    return flags


def together(resource, components):
    """A tree with components over it, as a folder of somebody's own has them."""
    with tempfile.TemporaryDirectory() as folder:
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": [str(resource)], "components": [str(path) for path in components],
        }
        path = Path(folder) / "kustomization.yaml"
        path.write_text(yaml.safe_dump(kustomization))
        return kustomize.render(folder)


def size_bytes(text):
    """A quantity of Kubernetes or a size of a flag (units of 1024 there) in bytes."""
    number, unit = re.fullmatch(r"(\d+)([A-Za-z]*)", text).groups()
    return int(number) * 1024 ** "BKMGT".index((unit or "B")[0])


def real_kustomize():
    """The command that renders a folder, where a kustomize is installed that knows components."""
    for program, command in (("kustomize", ["build"]), ("kubectl", ["kustomize"])):
        if shutil.which(program):
            probe = subprocess.run(
                [program, *command, OVERLAYS[0]], capture_output=True, text=True
            )
            if probe.returncode == 0:
                return [program, *command]
    return None


class Trees(unittest.TestCase):
    def each(self):
        for tree in TREES:
            with self.subTest(tree.name):
                yield tree, kustomize.render(tree)

    def test_every_object_is_valid_in_every_version_of_kubernetes(self):
        for _, rendered in self.each():
            self.assertGreaterEqual(len(rendered), 9)
            self.assertEqual(objects.schema_faults(rendered), [])

    def test_schemas_refuse_what_they_do_not_know(self):
        rendered = kustomize.render(OVERLAYS[0])
        one(rendered, "StatefulSet")["spec"]["replica"] = 1
        one(rendered, "Service")["spec"]["ports"][0]["port"] = "9090"
        self.assertEqual(len(objects.schema_faults(rendered)), 2)

    def test_every_object_keeps_the_policy(self):
        for _, rendered in self.each():
            self.assertEqual(objects.policy_faults(rendered, WATCHED), [])

    def test_the_policy_refuses(self):
        breaks = {
            "runAsNonRoot is not true": lambda pod: pod["securityContext"].pop("runAsNonRoot"),
            "no seccomp profile": lambda pod: pod["securityContext"].pop("seccompProfile"),
            "hostNetwork": lambda pod: pod.update(hostNetwork=True),
            "root is of no allowed kind": lambda pod: pod["volumes"].append(
                {"name": "root", "hostPath": {"path": "/"}}),
            "no allowed kind": lambda pod: pod["volumes"].append({"name": "host", "hostPath": {}}),
            "not dropped": lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"),
            "read-only": lambda pod: pod["containers"][0]["securityContext"].pop(
                "readOnlyRootFilesystem"),
            "names no version": lambda pod: pod["containers"][0].update(image="narthex:latest"),
            "no memory limit": lambda pod: pod["containers"][0]["resources"].pop("limits"),
            "subPath": lambda pod: pod["containers"][0]["volumeMounts"][0].update(subPath="x"),
            "no readinessProbe": lambda pod: pod["containers"][0].pop("readinessProbe"),
            "no ConfigMap": lambda pod: pod["volumes"][0]["configMap"].update(name="other"),
        }
        for text, break_it in breaks.items():
            with self.subTest(text):
                rendered = kustomize.render(OVERLAYS[0])
                break_it(objects.pod_of(one(rendered, "StatefulSet")))
                faults = objects.policy_faults(rendered, WATCHED)
                self.assertEqual([text in fault for fault in faults], [True], faults)

    def test_the_renderer_agrees_with_kustomize(self):
        command = real_kustomize()
        if command is None:
            print("\nno kustomize that knows components is installed: its output is not compared")
            return

        def key(item):
            return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]

        for tree, rendered in self.each():
            output = subprocess.run([*command, tree], capture_output=True, text=True, check=True)
            real = [item for item in yaml.safe_load_all(output.stdout) if item]
            self.assertEqual(sorted(rendered, key=key), sorted(real, key=key))

    def test_limits_leave_room(self):
        for _, rendered in self.each():
            for workload in objects.workloads(rendered):
                if workload["metadata"]["name"] in WATCHED:
                    continue
                flags = arguments(workload)
                # A compactor measures its volume before it begins with anything, and an agent's log is
                # bounded by its time.
                if "compact" in flags or "agent" in flags:
                    continue
                [claim] = workload["spec"]["volumeClaimTemplates"]
                volume = size_bytes(claim["spec"]["resources"]["requests"]["storage"])
                # Of a store, what the object store's config says of the cache where it says nothing; a querier
                # keeps no samples.
                kept = flags.get("storage.tsdb.retention.size", ["1G"])[0]
                self.assertTrue("storage.tsdb.retention.size" in flags or {"store", "serve"} & set(flags))
                self.assertLessEqual(size_bytes(kept), 0.8 * volume)
                container = objects.pod_of(workload)["containers"][0]
                [query] = flags["query.max-bytes"]
                memory = size_bytes(container["resources"]["limits"]["memory"])
                self.assertLessEqual(size_bytes(query), memory / 4)

    def test_a_flag_is_given_once_and_not_taken_back(self):
        many = {"cluster.peer", "endpoint", "query.replica-label"}
        for _, rendered in self.each():
            for workload in objects.workloads(rendered):
                if workload["metadata"]["name"] in WATCHED:
                    continue
                flags = arguments(workload)
                twice = {name for name, values in flags.items() if len(values) > 1}
                self.assertLessEqual(twice, many)
                self.assertFalse({name for name in flags if f"no-{name}" in flags})

    def test_a_pod_has_the_time_that_its_end_needs(self):
        # --storage.remote.flush-deadline, and the ten seconds of requests that are under way then.
        sends = 60 + 10
        for _, rendered in self.each():
            for workload in objects.workloads(rendered):
                if workload["metadata"]["name"] in WATCHED:
                    continue
                flags = arguments(workload)
                grace = objects.pod_of(workload)["terminationGracePeriodSeconds"]
                if "storage.tsdb.path" in flags:
                    # What is in memory is written down after that: seconds for each million series, of which
                    # a volume and a memory of any size may hold dozens.
                    self.assertGreaterEqual(grace, sends + 120)
                elif "storage.agent.path" in flags:
                    self.assertGreater(grace, sends)
        unit = (DEPLOY / "systemd" / "narthex.service").read_text()
        self.assertGreaterEqual(int(re.search(r"^TimeoutStopSec=(\d+)s$", unit, re.MULTILINE)[1]), sends + 120)

    def test_files_that_flags_name_are_mounted(self):
        for _, rendered in self.each():
            for workload in objects.workloads(rendered):
                if workload["metadata"]["name"] in WATCHED:
                    continue
                flags = arguments(workload)
                # A store and a compactor have none but the secret one of their bucket.
                if "store" in flags or "compact" in flags:
                    self.assertNotIn("config.file", flags)
                    continue
                config = "narthex-nodes" if "agent" in flags else "narthex-config"
                files = one(rendered, "ConfigMap", config)["data"]
                [mount] = [
                    mount for mount in objects.pod_of(workload)["containers"][0]["volumeMounts"]
                    if mount["name"] == "config"
                ]
                paths = flags["config.file"] + flags.get("alertmanager.config.file", [])
                for path in paths:
                    for number in range(workload["spec"].get("replicas", 1)):
                        name = f"{workload['metadata']['name']}-{number}"
                        folder, _, file = path.replace("$(POD_NAME)", name).rpartition("/")
                        self.assertEqual(folder, mount["mountPath"])
                        self.assertIn(file, files)


if __name__ == "__main__":
    unittest.main()
