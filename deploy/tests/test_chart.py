"""The Helm chart: what it renders with the values of an overlay is that overlay.

Rendered by Go's text/template through chart/render.go, and by helm as well where that is installed.
"""

import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import jsonschema
import yaml

import chart
import kustomize
import objects

DEPLOY = Path(__file__).parents[1]
# Labels that only a chart has.
OWN_LABELS = ("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart")
TRAEFIK = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}}}
GATEWAY = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}
HOST = "narthex.example.org"
# The values that make an overlay of the chart.
SAME = {
    "single": {},
    "ha": {"server": {"replicaCount": 2}},
    "namespaced": {"rbac": {"namespaced": True}},
    "monitors": {"monitors": {"enabled": True}},
    "cluster-state": {"clusterState": {"enabled": True}},
    "metrics-apis": {"metricsApis": {"enabled": True}},
    "store": {"store": {"enabled": True}},
    "nodes": {"nodes": {"enabled": True}},
    "metrics-apis-sharded": {"metricsApis": {"enabled": True}, "server": {"shards": 3}},
    "monitors-sharded": {"monitors": {"enabled": True}, "server": {"shards": 3}},
    "store-sharded": {"store": {"enabled": True}, "server": {"shards": 3}},
    "nodes-sharded": {"nodes": {"enabled": True}, "server": {"shards": 3}},
    "pod-owners": {"rbac": {"podOwners": True}},
    "compact": {"store": {"enabled": True}, "compact": {"enabled": True}},
    "sharded": {"server": {"shards": 3}},
    "ingress": {
        "server": {
            "baseURL": f"https://{HOST}/",
            "ingress": {
                "enabled": True, "ingressClassName": "traefik", "hosts": [HOST],
                "tls": [{"hosts": [HOST], "secretName": "narthex-tls"}],
            },
        },
        "networkPolicy": {"extraFrom": [TRAEFIK]},
    },
    "gateway": {
        "server": {
            "baseURL": f"https://{HOST}/",
            "route": {
                "enabled": True, "hostnames": [HOST],
                "parentRefs": [{"name": "gateway", "namespace": "gateway", "sectionName": "https"}],
            },
        },
        "networkPolicy": {"extraFrom": [GATEWAY]},
    },
}


def plain(items):
    """Objects by kind and name, without what a chart alone has or what is said in another order."""
    found = {}
    for item in items:
        # A release's namespace is there before it.
        if item["kind"] == "Namespace":
            continue
        for label in OWN_LABELS:
            item["metadata"].get("labels", {}).pop(label, None)
        if not item["metadata"].get("labels"):
            item["metadata"].pop("labels", None)
        if item["kind"] == "ConfigMap":
            item["metadata"].pop("labels", None)
            item["data"] = {
                name: yaml.load(text, kustomize.LOADER) for name, text in item["data"].items()
            }
        if item["kind"] == "StatefulSet":
            for container in objects.pod_of(item)["containers"]:
                container["args"].sort()
        found[(item["kind"], item["metadata"]["name"])] = item
    return found


class Chart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.program = chart.build(cls.folder.name)

    def render(self, over=None, **release):
        return chart.render(self.program, over, **release)[0]

    def test_with_the_values_of_an_overlay_it_is_that_overlay(self):
        for name, over in SAME.items():
            with self.subTest(name):
                expected = plain(kustomize.render(DEPLOY / "kubernetes" / "overlays" / name))
                rendered = plain(self.render(over))
                self.assertEqual(set(rendered), set(expected))
                for key, item in expected.items():
                    self.assertEqual(rendered[key], item, key)

    def test_every_set_of_values_gives_valid_objects_that_keep_the_policy(self):
        for path in sorted((chart.CHART / "ci").glob("*.yaml")):
            with self.subTest(path.name):
                over = yaml.safe_load(path.read_text())
                rendered = self.render(over, release="metrics", namespace="team")
                self.assertEqual(objects.schema_faults(rendered), [])
                self.assertEqual(objects.policy_faults(rendered), [])
                names = {
                    item["metadata"]["name"] for item in rendered if item["kind"] != "APIService"
                }
                self.assertTrue(all("metrics" in name or "extra" in name for name in names), names)
                for item in rendered:
                    namespace = item["metadata"].get("namespace")
                    is_cluster = item["kind"] in kustomize.CLUSTER_KINDS
                    # What is bound to a Role of the cluster's own lies where that is.
                    is_bound = item["metadata"]["name"].endswith("-auth-reader")
                    expected = "kube-system" if is_bound else "team"
                    if item["metadata"].get("labels", {}).get("app.kubernetes.io/name") == "narthex-nodes":
                        expected = "metrics-narthex-nodes"
                    self.assertEqual(namespace, None if is_cluster else expected)

    def test_helm_renders_the_same(self):
        if not shutil.which("helm"):
            print("\nhelm is not installed: its output is not compared")
            return
        for name, over in SAME.items():
            with self.subTest(name):
                command = ["helm", "template", "narthex", chart.CHART, "--namespace=narthex",
                           "--api-versions=gateway.networking.k8s.io/v1", "--values=-"]
                output = subprocess.run(
                    command, input=json.dumps(over), capture_output=True, text=True, check=True
                )
                real = [item for item in yaml.safe_load_all(output.stdout) if item]
                self.assertEqual(plain(real), plain(self.render(over)))

    def test_values_that_are_none_are_refused(self):
        for over in (
            {"server": {"retentoin": "15d"}},
            {"server": {"retention": "two weeks"}},
            {"server": {"retentionSize": "6Gi"}},
            {"server": {"replicaCount": "2"}},
            {"server": {"shards": 0}},
            {"server": {"service": {"servicePort": 0}}},
            {"configmapReload": {"enabled": True}},
            {"querier": {"nodeselector": {}}},
            {"querier": {"nodeSelector": {"disk": 1}}},
            {"store": {"tolerations": {"operator": "Exists"}}},
            {"compact": {"podDisruptionBudget": {"minAvailable": 1}}},
            {"nodes": {"podDisruptionBudget": {"enabled": True}}},
            {"server": {"dnsPolicy": "Cluster"}},
            {"server": {"terminationGracePeriodSeconds": 0}},
            {"server": {"sidecarContainers": [{"name": "proxy", "image": "x"}]}},
            {"server": {"startupProbe": {"failures": 60}}},
            {"rbac": {"podOwners": "yes"}},
        ):
            with self.subTest(over), self.assertRaises(jsonschema.ValidationError):
                chart.check(chart.values(over))

    def test_what_leads_nowhere_is_refused(self):
        for over, reason in (
            ({"server": {"ingress": {"enabled": True}}}, "names no host"),
            ({"server": {"route": {"enabled": True}}}, "names no Gateway"),
            ({"clusterState": {"enabled": True}, "rbac": {"namespaced": True}}, "whole cluster"),
            ({"server": {"shards": 2, "replicaCount": 2}}, "single ones"),
        ):
            with self.subTest(reason), self.assertRaisesRegex(ValueError, reason):
                self.render(over)

    def test_pods_of_every_workload_take_what_pods_are_told(self):
        volume = {"name": "more", "emptyDir": {}}
        mount = {"name": "more", "mountPath": "/more"}
        spread = {
            "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"a": "b"}},
        }
        node = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["fast"]}]}
        kind = "requiredDuringSchedulingIgnoredDuringExecution"
        # A field of the pod for each value.
        pod_fields = {
            "terminationGracePeriodSeconds": 77,
            "priorityClassName": "high",
            "runtimeClassName": "kata",
            "schedulerName": "mine",
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {"nodeAffinity": {kind: {"nodeSelectorTerms": [node]}}},
            "topologySpreadConstraints": [spread],
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["bucket.example"]}],
            "dnsPolicy": "None",
            "dnsConfig": {"nameservers": ["10.0.0.2"]},
        }
        resources = {"requests": {"cpu": "2", "memory": "3Gi"}, "limits": {"memory": "4Gi"}}
        limited = {
            "resources": resources,
            "securityContext": {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
        }
        # Not our own containers: those have no probes here.
        sidecar = {"image": "registry.example/proxy:1.2", **limited}
        told = {
            **pod_fields,
            "podAnnotations": {"note": "text"},
            "podLabels": {"tier": "metrics"},
            "env": [{"name": "MORE", "value": "yes"}],
            "extraVolumes": [volume],
            "extraVolumeMounts": [mount],
            "extraArgs": {"log.level": "debug"},
            "extraFlags": ["web.enable-lifecycle"],
            "sidecarContainers": {"proxy": sidecar},
            "extraInitContainers": [{"name": "before", **sidecar}],
            "resources": resources,
        }
        budget = {"podDisruptionBudget": {"maxUnavailable": "50%"}}
        for key, names in (
            ("server", {"narthex"}), ("querier", {"narthex-query"}), ("store", {"narthex-store"}),
            ("compact", {"narthex-compact"}), ("nodes", {"narthex-nodes"}),
        ):
            over = {
                "server": {"shards": 2}, "store": {"enabled": True}, "compact": {"enabled": True},
                "nodes": {"enabled": True},
            }
            over[key] = over.get(key, {}) | told | ({} if key == "nodes" else budget)
            rendered = self.render(over)
            self.assertEqual(objects.schema_faults(rendered), [], key)
            workloads = {item["metadata"]["name"]: item for item in objects.workloads(rendered)}
            self.assertEqual(len(workloads), 5)
            for name, item in workloads.items():
                is_told = name in names
                with self.subTest(key, workload=name):
                    pod, template = objects.pod_of(item), item["spec"]["template"]["metadata"]
                    container = pod["containers"][0]
                    # Agents of nodes stay with Linux.
                    pod.get("nodeSelector", {}).pop("kubernetes.io/os", None)
                    for field, value in pod_fields.items():
                        self.assertEqual(pod.get(field) == value, is_told, field)
                    for field, value, there in (
                        ("annotations", "text", template.get("annotations", {}).get("note")),
                        ("labels", "metrics", template["labels"].get("tier")),
                        ("resources", resources, container["resources"]),
                    ):
                        self.assertEqual(there == value, is_told, field)
                    for field, value, there in (
                        ("volumes", volume, pod["volumes"]),
                        ("mounts", mount, container["volumeMounts"]),
                        ("arguments", "--log.level=debug", container["args"]),
                        ("before", "before", [other["name"] for other in pod.get("initContainers", [])]),
                        ("beside", {"name": "proxy", **sidecar}, pod["containers"]),
                    ):
                        self.assertEqual(value in there, is_told, field)
                    self.assertEqual(len(pod["containers"]), 1 + is_told)
                    # Queriers read the same config as servers, so what its variables are is said once.
                    has_more = is_told or (key == "server" and name == "narthex-query")
                    self.assertEqual(told["env"][0] in container.get("env", []), has_more)
                    # A pod that its workload does not select is refused by the API server.
                    selected = item["spec"]["selector"]["matchLabels"]
                    self.assertLessEqual(selected.items(), template["labels"].items())
            budgets = {
                item["metadata"]["name"]: item["spec"]["maxUnavailable"]
                for item in rendered if item["kind"] == "PodDisruptionBudget"
            }
            for name in set(workloads) - {"narthex-nodes"}:
                self.assertEqual(budgets[name] == "50%", name in names, name)

    def test_users_and_classes_are_left_to_a_cluster_that_has_its_own(self):
        over = {
            "server": {
                "shards": 2,
                "securityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
                "persistentVolume": {"storageClass": "-"},
            },
            "store": {"enabled": True, "podAnnotations": {"prometheus.io/scrape": "false"}},
            "compact": {"enabled": True, "storageClass": "slow", "podDisruptionBudget": {"enabled": False}},
            "querier": {"podDisruptionBudget": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}},
        }
        rendered = self.render(over)
        # Kubernetes before 1.27 does not know that field.
        [budget] = [
            item for item in rendered
            if (item["kind"], item["metadata"]["name"]) == ("PodDisruptionBudget", "narthex-query")
        ]
        self.assertEqual(budget["spec"].pop("unhealthyPodEvictionPolicy"), "AlwaysAllow")
        self.assertEqual(objects.schema_faults(rendered), [])
        workloads = {item["metadata"]["name"]: item for item in objects.workloads(rendered)}
        for name, item in workloads.items():
            context = objects.pod_of(item)["securityContext"]
            self.assertEqual(
                set(context), {"runAsNonRoot", "fsGroupChangePolicy", "seccompProfile"}, name
            )
        classes = {
            name: item["spec"]["volumeClaimTemplates"][0]["spec"].get("storageClassName")
            for name, item in workloads.items()
        }
        expected = {
            "narthex": "", "narthex-query": None, "narthex-store": None, "narthex-compact": "slow",
        }
        self.assertEqual(classes, expected)
        annotations = workloads["narthex-store"]["spec"]["template"]["metadata"]["annotations"]
        self.assertEqual(annotations["prometheus.io/scrape"], "false")
        budgets = {
            item["metadata"]["name"] for item in rendered if item["kind"] == "PodDisruptionBudget"
        }
        self.assertEqual(budgets, {"narthex", "narthex-query", "narthex-store"})

    def test_remote_writes_are_taken_once_by_whom_they_are_sent_to(self):
        flag = "web.enable-remote-write-receiver"
        for over, is_taken in (
            ({}, False),
            ({"server": {"extraFlags": [flag]}}, True),
            ({"nodes": {"enabled": True}}, True),
            # It was there twice, and the server did not start.
            ({"nodes": {"enabled": True}, "server": {"extraFlags": [flag]}}, True),
            ({"server": {"shards": 2, "extraFlags": [flag]}}, True),
        ):
            with self.subTest(over):
                [server] = [
                    item for item in objects.workloads(self.render(over))
                    if item["metadata"]["name"] == "narthex"
                ]
                arguments = objects.pod_of(server)["containers"][0]["args"]
                told = [argument for argument in arguments if argument.endswith(flag)]
                self.assertEqual(told, [f"--{flag}" if is_taken else f"--no-{flag}"])

    def test_a_service_is_what_its_cloud_asks_for(self):
        service = {
            "type": "LoadBalancer", "servicePort": 80, "nodePort": 30090, "clusterIP": "10.1.2.3",
            "loadBalancerIP": "192.0.2.1", "loadBalancerClass": "internal.example/lb",
            "loadBalancerSourceRanges": ["192.0.2.0/24"], "externalIPs": ["192.0.2.2"],
            "labels": {"zone": "a"}, "annotations": {"b.example/c": "d"},
        }
        rendered = self.render({"server": {"service": service}})
        self.assertEqual(objects.schema_faults(rendered), [])
        [found] = [
            item for item in rendered
            if item["kind"] == "Service" and item["metadata"]["name"] == "narthex"
        ]
        spec = found["spec"]
        [port] = spec["ports"]
        self.assertEqual((port["port"], port["nodePort"]), (80, 30090))
        for name in ("type", "clusterIP", "loadBalancerIP", "loadBalancerClass", "externalIPs",
                     "loadBalancerSourceRanges"):
            self.assertEqual(spec[name], service[name])
        self.assertEqual(found["metadata"]["labels"]["zone"], "a")
        self.assertEqual(found["metadata"]["annotations"], service["annotations"])

    def test_rights_to_owners_of_pods_are_of_the_namespace_where_all_are(self):
        for is_namespaced, scope in ((False, "ClusterRole"), (True, "Role")):
            rendered = self.render({"rbac": {"podOwners": True, "namespaced": is_namespaced}})
            self.assertEqual(objects.policy_faults(rendered), [])
            found = {
                (item["kind"], item["metadata"].get("namespace"))
                for item in rendered if item["metadata"]["name"] == "narthex-pod-owners"
            }
            place = "narthex" if is_namespaced else None
            self.assertEqual(found, {(scope, place), (f"{scope}Binding", place)})

    def test_the_config_comes_from_values(self):
        jobs = [{"job_name": "mine", "static_configs": [{"targets": ["mine:1"]}]}]
        over = {
            "serverFiles": {"prometheus.yml": {"global": {"scrape_interval": "5s"}},
                            "rules-mine.yml": "groups: []\n",
                            "alerting_rules.yml": {"groups": [{"name": "a", "rules": []}]},
                            "recording_rules.yml": {}},
            "extraScrapeConfigs": jobs,
            "alertmanager": {"config": {"route": {"receiver": "x"}, "receivers": [{"name": "x"}]}},
        }
        [config] = [item for item in self.render(over) if item["kind"] == "ConfigMap"]
        data = {name: yaml.safe_load(text) for name, text in config["data"].items()}
        self.assertEqual(data["prometheus.yml"], {"global": {"scrape_interval": "5s"}})
        self.assertEqual(data["rules-mine.yml"], {"groups": []})
        # Under their own names nobody would read them.
        self.assertEqual(data["rules-alerting.yml"], {"groups": [{"name": "a", "rules": []}]})
        self.assertEqual(data["rules-recording.yml"], {})
        self.assertFalse({"alerting_rules.yml", "recording_rules.yml"} & set(data))
        self.assertEqual(data["scrape-extra.yml"], {"scrape_configs": jobs})
        self.assertEqual(data["alertmanager.yml"]["route"]["receiver"], "x")
        self.assertIn("scrape-kubernetes.yml", data)

    def test_a_file_of_rules_that_a_config_names_keeps_its_name(self):
        rules = {"groups": [{"name": "a", "rules": []}]}
        named = {"rule_files": ["alerting_rules.yml"]}
        for main in (named, yaml.safe_dump(named)):
            over = {"serverFiles": {"prometheus.yml": main, "alerting_rules.yml": rules,
                                    "recording_rules.yml": rules}}
            [config] = [item for item in self.render(over) if item["kind"] == "ConfigMap"]
            self.assertIn("alerting_rules.yml", config["data"])
            self.assertIn("rules-recording.yml", config["data"])
            self.assertFalse({"rules-alerting.yml", "recording_rules.yml"} & set(config["data"]))

    def test_notes_say_what_is_missing(self):
        _, notes = chart.render(self.program, {"server": {"persistentVolume": {"enabled": False}}})
        self.assertIn("Nothing is kept", notes)
        self.assertIn("Nobody is told", notes)


if __name__ == "__main__":
    unittest.main()
