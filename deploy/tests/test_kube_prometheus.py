"""What the rules and dashboards of kube-prometheus ask for, and who has it here.

kube_prometheus_metrics.txt has the names. What Narthex tells of itself under Prometheus' names
(prometheus_*, alertmanager_*) is a test of the server's; here are the cluster and its nodes.
"""

import re
import unittest
from pathlib import Path

import yaml

import metrics

COMPONENT = Path(__file__).parents[1] / "kubernetes" / "components" / "cluster-state"
# Who is not there, by how the names begin, and why.
NOBODY = {
    "grafana_": "Grafana tells it of itself; the job is its owner's",
    "kube_pod_windows_": "its own rules for nodes with Windows record it",
    "node_exporter_build_info": "there is no node_exporter: the plugin node is part of the server",
    "node_systemd_": "systemd says it on the system bus, which no plugin reaches",
    "prometheus_operator_": "there is no operator: the server reads the objects itself",
    "reloader_last_reload_successful": "there is no reloader beside the server",
    "windows_": "an exporter on Windows, or its own rules for nodes with Windows",
}
# The server's own, which its tests look at.
OWN = ("prometheus_", "alertmanager_")
# Whose names begin so comes from a kubelet.
KUBELET = ("container_", "kubelet_", "storage_operation_", "volume_manager_")


def asked():
    """The names that are asked for."""
    text = (Path(__file__).parent / "kube_prometheus_metrics.txt").read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def jobs(name):
    """The jobs of a file of the component."""
    return yaml.safe_load((COMPONENT / name).read_text())["scrape_configs"]


def nobody(name):
    """Whether nobody has it, and that is known."""
    return any(name.startswith(start) for start in NOBODY)


class KubePrometheus(unittest.TestCase):
    def test_every_name_is_somebodys_or_has_its_reason(self):
        seen = set()
        for name in asked():
            if nobody(name):
                seen |= {start for start in NOBODY if name.startswith(start)}
            elif not name.startswith(OWN):
                self.assertTrue(metrics.is_known(name), name)
        # A reason that nobody needs is none.
        self.assertEqual(seen, set(NOBODY))

    def test_what_is_said_to_be_nobodys_is(self):
        for name in asked():
            if nobody(name):
                self.assertFalse(metrics.is_known(name), name)

    def test_the_state_of_the_cluster_is_the_plugins(self):
        names, _ = metrics.of_plugin("kube-state")
        wanted = [name for name in asked() if name.startswith("kube_") and not nobody(name)]
        self.assertGreaterEqual(len(wanted), 50)
        for name in wanted:
            self.assertIn(name, names)

    def test_no_job_drops_what_is_asked_for(self):
        wanted = [name for name in asked() if name.startswith(KUBELET)]
        self.assertGreaterEqual(len(wanted), 40)
        kept = 0
        for job in [*jobs("scrape-kubelet.yml"), *jobs("scrape-kubernetes.yml")]:
            for step in job.get("metric_relabel_configs", []):
                self.assertEqual(step["action"], "drop")
                if step["source_labels"] == ["__name__"]:
                    for name in asked():
                        self.assertIsNone(re.fullmatch(step["regex"], name), name)
                        kept += 1
        self.assertGreater(kept, 0)

    def test_buckets_that_are_asked_for_stay(self):
        drops = [
            step["regex"]
            for job in [*jobs("scrape-kubelet.yml"), *jobs("scrape-kubernetes.yml")]
            for step in job.get("metric_relabel_configs", [])
            if step["source_labels"] == ["__name__", "le"]
        ]
        # The bounds that its rules about the API server's promises name.
        for bound in ("0.1", "1", "1.0", "5", "5.0", "10", "30", "30.0", "60", "+Inf"):
            for name in (
                "apiserver_request_sli_duration_seconds_bucket",
                "apiserver_request_duration_seconds_bucket",
                "storage_operation_duration_seconds_bucket",
            ):
                for drop in drops:
                    self.assertIsNone(re.fullmatch(drop, f"{name};{bound}"), (name, bound))


if __name__ == "__main__":
    unittest.main()
