"""The commands of the README's section about Kubernetes: each is run, in their order, as far as it goes where there
is no kubelet (newcomer.py), and what they make is what the section says.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import apiserver
import chart
import metrics
import newcomer
import objects
from test_kubernetes import DEPLOY, real_kustomize

README = metrics.REPOSITORY / "README.md"


def section():
    """The text of the README's section."""
    return README.read_text().split("\n## In Kubernetes\n")[1].split("\n## ")[0]


def blocks(text):
    """What stands in fences, each a script."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert {language for language, _ in found} == {"sh"}, found
    return [script for _, script in found]


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.render = chart.build(folder.name)
        command = real_kustomize()
        cls.kubectl = shutil.which("kubectl") if command and command[0].endswith("kubectl") else ""
        if not cls.kubectl:
            print("\nno kubectl that knows components is installed: what it applies is rendered here")

    def newcomer(self):
        """A folder as that of somebody who has cloned the repository, an empty cluster, and a function that
        runs a script there."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        home = Path(folder.name)
        shutil.copytree(DEPLOY, home / "deploy", ignore=shutil.ignore_patterns("tests"))
        programs = home / "programs"
        programs.mkdir()
        newcomer.install(programs)
        server = apiserver.ApiServer()
        self.addCleanup(server.stop)
        (home / "kubeconfig").write_text(json.dumps(server.kubeconfig()))
        environment = {
            "PATH": str(programs), "HOME": str(home), "KUBECONFIG": str(home / "kubeconfig"),
            "SERVER": server.url, "RENDER": str(self.render), "KUBECTL": self.kubectl or "",
        }

        def run(script):
            # What is put into the background is waited for, and its failure is one of the script.
            script = re.sub(r" &$", "", script, flags=re.MULTILINE)
            return subprocess.run(
                [shutil.which("bash"), "-euo", "pipefail", "-c", script], cwd=home, env=environment,
                capture_output=True, text=True, timeout=120,
            )

        return server, run

    def test_every_command_goes_as_far_as_there_is_a_cluster(self):
        server, run = self.newcomer()
        scripts = blocks(section())
        for script in scripts[:-1]:
            result = run(script)
            self.assertEqual(result.returncode, 0, script + result.stdout + result.stderr)
        workload = server.find("StatefulSet", "narthex", "narthex")
        [container] = objects.pod_of(workload)["containers"]
        self.assertEqual(container["image"], "registry.example/narthex:0.1.0")
        for kind, namespace, name in (
            ("Deployment", "redis", "redis"),
            ("Deployment", "traefik", "traefik"),
            ("Deployment", "bookinfo", "productpage"),
        ):
            self.assertIsNotNone(server.find(kind, namespace, name), name)
        config = server.find("ConfigMap", "narthex", "narthex-config")["data"]
        for name in ("redis", "traefik", "istio"):
            self.assertIn(f"scrape-{name}.yml", config)
        # To change something and apply it again is no different.
        again = run("kubectl apply -k my-narthex")
        self.assertEqual(again.returncode, 0, again.stderr)
        # With Helm, in a cluster that is empty again.
        server, run = self.newcomer()
        result = run(scripts[-1])
        self.assertEqual(result.returncode, 0, scripts[-1] + result.stdout + result.stderr)
        workload = server.find("StatefulSet", "narthex", "narthex")
        [container] = objects.pod_of(workload)["containers"]
        self.assertEqual(container["image"], "registry.example/narthex:0.1.0")

    def test_a_command_that_nothing_tests_fails(self):
        _, run = self.newcomer()
        for script, reason in (
            ("minikube start", "not found"),
            ("docker run narthex", "not known here"),
            ("helm upgrade narthex deploy/helm/narthex", "not known here"),
            ("istioctl install -y", "not known here"),
            ("kubectl apply -k my-narthex", "my-narthex"),
            ("kubectl -n narthex port-forward service/narthex 9090", "no Service"),
            ("curl -s 'http://localhost:9090/api/v1/query?query=redis_upp'", "nobody has"),
            ("curl -s 'http://localhost:9091/api/v1/query?query=redis_up'", "nobody answers"),
        ):
            with self.subTest(script):
                result = run(script)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(reason, result.stdout + result.stderr)

    def test_the_api_server_refuses_what_a_cluster_refuses(self):
        server, run = self.newcomer()
        if not self.kubectl:
            return
        item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
        for change, reason in (
            ({"metadata": {"name": "a", "namespace": "nowhere"}}, "not found"),
            ({"datta": {}}, "is invalid"),
        ):
            text = json.dumps(item | change)
            result = run(f"kubectl apply -f - <<'END'\n{text}\nEND")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(reason, result.stderr)
        self.assertIsNone(server.find("ConfigMap", "default", "a"))

    def test_dashboards_are_those_of_the_plugins(self):
        named = re.findall(r"http://localhost:9090/dashboards/([\w-]+)", section())
        self.assertEqual(named, ["redis", "traefik", "istio"])
        for name in named:
            dashboard = json.loads((metrics.EXPORTERS / name / "dashboard.json").read_text())
            self.assertEqual(dashboard["metadata"]["name"], name)


if __name__ == "__main__":
    unittest.main()
