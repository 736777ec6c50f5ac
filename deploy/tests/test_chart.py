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
            item["data"] = {name: yaml.safe_load(text) for name, text in item["data"].items()}
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
        ):
            with self.subTest(over), self.assertRaises(jsonschema.ValidationError):
                chart.check(chart.values(over))

    def test_what_leads_nowhere_is_refused(self):
        for over, reason in (
            ({"server": {"ingress": {"enabled": True}}}, "names no host"),
            ({"server": {"route": {"enabled": True}}}, "names no Gateway"),
            ({"clusterState": {"enabled": True}, "rbac": {"namespaced": True}}, "whole cluster"),
            ({"server": {"shards": 2, "replicaCount": 2}}, "single ones"),
            ({"server": {"shards": 2}, "monitors": {"enabled": True}}, "sees all of the cluster"),
        ):
            with self.subTest(reason), self.assertRaisesRegex(ValueError, reason):
                self.render(over)

    def test_the_config_comes_from_values(self):
        jobs = [{"job_name": "mine", "static_configs": [{"targets": ["mine:1"]}]}]
        over = {
            "serverFiles": {"prometheus.yml": {"global": {"scrape_interval": "5s"}},
                            "rules-mine.yml": "groups: []\n"},
            "extraScrapeConfigs": jobs,
            "alertmanager": {"config": {"route": {"receiver": "x"}, "receivers": [{"name": "x"}]}},
        }
        [config] = [item for item in self.render(over) if item["kind"] == "ConfigMap"]
        data = {name: yaml.safe_load(text) for name, text in config["data"].items()}
        self.assertEqual(data["prometheus.yml"], {"global": {"scrape_interval": "5s"}})
        self.assertEqual(data["rules-mine.yml"], {"groups": []})
        self.assertEqual(data["scrape-extra.yml"], {"scrape_configs": jobs})
        self.assertEqual(data["alertmanager.yml"]["route"]["receiver"], "x")
        self.assertIn("scrape-kubernetes.yml", data)

    def test_notes_say_what_is_missing(self):
        _, notes = chart.render(self.program, {"server": {"persistentVolume": {"enabled": False}}})
        self.assertIn("Nothing is kept", notes)
        self.assertIn("Nobody is told", notes)


if __name__ == "__main__":
    unittest.main()
