"""All objects of the trees, shown to an API server that says what it would do with each and does nothing: the
cluster of the kubeconfig that `NARTHEX_TEST_KUBECONFIG` names, and where it names none the one of the tests
(apiserver.py). Whoever has a cluster at hand, as `KUBECONFIG` says, need not want it asked by tests.

It is not an installation: namespaces of the trees are made nowhere, and so what lies in them is shown as if it
were in `default`. Who asks a cluster of theirs has to be allowed to make what is shown.
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

import apiserver
import kustomize
import objects
from test_kubernetes import TREES

# Namespaces that every cluster has.
EVERYWHERE = ("default", "kube-system")


def shown():
    """Every object once, where there is a place for it."""
    found = {}
    for tree in TREES:
        for item in kustomize.render(tree):
            if item["metadata"].get("namespace", "default") not in EVERYWHERE:
                item["metadata"]["namespace"] = "default"
            found.setdefault(json.dumps(item, sort_keys=True), item)
    return list(found.values())


@unittest.skipUnless(shutil.which("kubectl"), "kubectl is not installed: no API server is asked")
class Cluster(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.kubeconfig = os.environ.get("NARTHEX_TEST_KUBECONFIG")
        if not self.kubeconfig:
            server = apiserver.ApiServer()
            self.addCleanup(server.stop)
            path = self.home / "kubeconfig"
            path.write_text(json.dumps(server.kubeconfig()))
            self.kubeconfig = str(path)

    def kubectl(self, *arguments, **options):
        """The exit status, and what it said to either side."""
        result = subprocess.run(
            ["kubectl", f"--cache-dir={self.home / 'cache'}", *arguments],
            env={**os.environ, "KUBECONFIG": self.kubeconfig}, capture_output=True, text=True,
            timeout=300, **options,
        )
        return result.returncode, result.stdout, result.stderr

    def served(self):
        """The kinds that there are, by version and kind."""
        _, listed, said = self.kubectl("api-resources", "--no-headers")
        # Name, short names or none, version, whether it lies in a namespace, kind.
        kinds = {(fields[-3], fields[-1]) for fields in map(str.split, listed.splitlines())}
        self.assertIn(("v1", "ConfigMap"), kinds, said)
        return kinds

    def apply(self, items):
        """What a server would say to objects. Nothing is made of them."""
        text = yaml.safe_dump_all(items)
        return self.kubectl("apply", "--dry-run=server", "--filename=-", input=text)

    def test_every_object_is_one_that_an_api_server_takes(self):
        served = self.served()
        items = shown()
        self.assertGreaterEqual(len(items), 80)
        there = [item for item in items if (item["apiVersion"], item["kind"]) in served]
        missing = {item["kind"] for item in items if item not in there}
        # What a cluster has not by itself.
        self.assertLessEqual(missing, {kind for _, kind in objects.OTHERS})
        status, said, faults = self.apply(there)
        self.assertEqual(status, 0, faults)
        told = [line for line in said.splitlines() if line.endswith("(server dry run)")]
        self.assertEqual(len(told), len(there), said)

    def test_what_an_api_server_does_not_take_is_a_fault(self):
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "default"}}
        status, _, faults = self.apply([account | {"automountServiceAcountToken": False}])
        self.assertNotEqual(status, 0)
        self.assertIn("automountServiceAcountToken", faults)
        status, _, _ = self.apply([account])
        self.assertEqual(status, 0)
        # And it was only shown.
        status, _, faults = self.kubectl("get", "serviceaccount", "a", "--namespace=default")
        self.assertNotEqual(status, 0)
        self.assertIn("not found", faults.lower())


if __name__ == "__main__":
    unittest.main()
