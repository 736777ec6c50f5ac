"""The configs, rules and dashboards that deploy/ brings: Prometheus' own tools take them, and every metric
that they ask for is one that somebody has.

Debian's promtool knows neither plugins, nor files of scrape configs, nor monitors, nor Kubernetes (Debian
leaves that out): these are taken out of what it reads here, and tests/conformance/deploy.rs has Narthex read the whole.
"""

import json
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

import jsonschema
import yaml

import kustomize
import metrics
from test_kubernetes import DEPLOY, TREES, one

# The main configs among the files of the ConfigMap.
MAIN = ("agent.yml", "prometheus.yml", "query.yml")


def run(*command, **options):
    """The exit status and all that a program said."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    return result.returncode, result.stdout + result.stderr


def mounted(tree):
    """The files of a tree's ConfigMaps that are ours, by their names."""
    files = {}
    for item in kustomize.render(tree):
        if item["kind"] == "ConfigMap" and item["metadata"]["name"].startswith("narthex-"):
            files |= item["data"]
    return files


def for_promtool(files, name):
    """A config of the files without what Debian's promtool cannot know."""
    config = yaml.safe_load(files[name])
    for section in ("kubernetes_metrics_apis", "kubernetes_monitors", "plugins"):
        config.pop(section, None)
    jobs = config.setdefault("scrape_configs", [])
    if config.pop("scrape_config_files", None):
        for other in sorted(files):
            if other.startswith("scrape-"):
                jobs.extend(yaml.safe_load(files[other])["scrape_configs"])
    for job in jobs:
        job.pop("plugin", None)
        job.pop("plugin_config", None)
        # Prometheus has it since 2.48.
        job.pop("track_timestamps_staleness", None)
        if job.pop("kubernetes_sd_configs", None):
            job["static_configs"] = [{"targets": ["found:1"]}]
    return yaml.safe_dump(config)


class Configs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_promtool_and_amtool_take_what_is_mounted(self):
        # Files by what checks them and by their text: most trees have most of them in common.
        checked = {"config": {}, "rules": {}, "alertmanager": {}}
        for tree in TREES:
            files = mounted(tree)
            for name, text in files.items():
                if name in MAIN:
                    checked["config"][for_promtool(files, name)] = f"{tree.name}-{name}"
                elif name == "alertmanager.yml":
                    checked["alertmanager"][text] = f"{tree.name}-{name}"
                elif name.startswith("rules-"):
                    # Thanos' field, which Prometheus' tools refuse.
                    lines = (line for line in text.splitlines() if "partial_response_strategy" not in line)
                    checked["rules"]["\n".join(lines) + "\n"] = f"{tree.name}-{name}"
                else:
                    # Files of scrape configs; they are read as a part of prometheus.yml.
                    self.assertTrue(name.startswith("scrape-"), name)
        for kind, command in (
            ("config", ["promtool", "check", "config", "--syntax-only"]),
            ("rules", ["promtool", "check", "rules", "--lint=all", "--lint-fatal"]),
            ("alertmanager", ["amtool", "check-config"]),
        ):
            paths = []
            for text, name in checked[kind].items():
                paths.append(self.folder / name)
                paths[-1].write_text(text)
            self.assertTrue(paths)
            status, said = run(*command, *paths)
            self.assertEqual(status, 0, said)

    def test_jobs_have_names_of_their_own(self):
        files = one(kustomize.render(DEPLOY / "examples"), "ConfigMap", "narthex-config")["data"]
        config = yaml.safe_load(for_promtool(files, "prometheus.yml"))
        names = [job["job_name"] for job in config["scrape_configs"]]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(len(names), 17)

    def test_plugins_take_what_jobs_tell_them(self):
        seen = set()
        for tree in TREES:
            for name, text in mounted(tree).items():
                for job in (yaml.safe_load(text) or {}).get("scrape_configs", []):
                    if plugin := job.get("plugin"):
                        manifest = (metrics.EXPORTERS / plugin / "plugin.toml").read_text()
                        schema = tomllib.loads(manifest).get("config", {})
                        jsonschema.validate(job.get("plugin_config", {}), schema)
                        seen.add(plugin)
        self.assertEqual(seen, {"istio", "kube-state", "node", "redis", "traefik"})

    def test_examples_have_the_rules_of_their_plugins(self):
        for name in ("redis", "traefik", "istio"):
            ours = DEPLOY / "examples" / name / f"rules-{name}.yml"
            theirs = metrics.EXPORTERS / name / "rules.yml"
            self.assertEqual(ours.read_text(), theirs.read_text(), name)
        ours = DEPLOY / "kubernetes" / "components" / "cluster-state" / "rules-kube-state.yml"
        theirs = metrics.EXPORTERS / "kube-state" / "rules.yml"
        self.assertEqual(ours.read_text(), theirs.read_text())

    def test_rules_ask_for_metrics_that_there_are(self):
        for path in metrics.rule_files():
            for rule in metrics.of_rules(path):
                for name in metrics.asked(rule["expr"]):
                    self.assertTrue(metrics.is_known(name), f"{path}: {name}")


class Grafana(unittest.TestCase):
    def test_dashboards_are_what_is_written_from_their_sources(self):
        status, said = run("python3", "-B", DEPLOY / "grafana" / "dashboards.py", "--check")
        self.assertEqual(status, 0, said)

    def test_dashboards_ask_for_metrics_that_there_are(self):
        seen = set()
        for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
            for expression in expressions(json.loads(path.read_text())):
                names = metrics.asked(expression)
                self.assertTrue(names, f"{path.name}: {expression}")
                for name in names:
                    self.assertTrue(metrics.is_known(name), f"{path.name}: {name}")
                seen |= names
        self.assertGreaterEqual(len(seen), 120)
        self.assertFalse(metrics.is_known("narthex_no_such_metric"))
        self.assertFalse(metrics.is_known("redis_no_such_metric_total"))

    def test_every_query_is_one(self):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
                dashboard = json.loads(path.read_text())
                rules = [
                    # A variable stands in quotes, so that any name does; but for one duration.
                    {"record": f"query:{number}", "expr": plain(expression)}
                    for number, expression in enumerate(expressions(dashboard))
                ]
                files.append(Path(folder) / f"{path.stem}.yml")
                groups = {"groups": [{"name": "queries", "rules": rules}]}
                files[-1].write_text(yaml.safe_dump(groups))
            status, said = run("promtool", "check", "rules", *files)
            self.assertEqual(status, 0, said)

    def test_panels_do_not_overlap(self):
        for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
            taken = set()
            for panel in json.loads(path.read_text())["panels"]:
                place = panel["gridPos"]
                columns = range(place["x"], place["x"] + place["w"])
                rows = range(place["y"], place["y"] + place["h"])
                cells = {(x, y) for x in columns for y in rows}
                self.assertFalse(taken & cells, f"{path.name}: {panel['title']}")
                self.assertLessEqual(place["x"] + place["w"], 24)
                taken |= cells

    def test_provisioning_names_what_dashboards_ask(self):
        folder = DEPLOY / "grafana" / "provisioning"
        sources = yaml.safe_load((folder / "datasources" / "narthex.yml").read_text())["datasources"]
        kinds = {source["uid"]: source["type"] for source in sources}
        for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
            [chosen, *_] = json.loads(path.read_text())["templating"]["list"]
            self.assertEqual(kinds[chosen["current"]["value"]], chosen["query"])


def plain(expression):
    """An expression of a dashboard as one that can be read without it."""
    return expression.replace("$__rate_interval", "5m").replace("$", "")


def expressions(dashboard):
    """All that a dashboard asks, its variables included."""
    asked = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])
    ]
    for variable in dashboard["templating"]["list"][1:]:
        asked.append(variable["definition"].removeprefix("label_values(").rpartition(",")[0])
    return asked


class Machines(unittest.TestCase):
    def test_the_dockerfile_has_no_fault(self):
        folder = DEPLOY / "docker"
        status, said = run("hadolint", folder / "Dockerfile")
        self.assertEqual(status, 0, said)
        toolchain = (metrics.REPOSITORY / "rust-toolchain.toml").read_text()
        channel = toolchain.split('channel = "')[1].split('"')[0]
        text = (folder / "Dockerfile").read_text()
        self.assertIn(f"rust:{channel}-", text)
        self.assertIn("USER 65534:65534", text)

    def test_the_image_is_built_of_all_that_is_compiled(self):
        ignored = [
            line for line in (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
            if line and not line.startswith("#")
        ]
        roots = ["Cargo.toml", "Cargo.lock", "LICENSE", "host", "plugins", "sdk", "tests", "wit"]
        for root in roots:
            self.assertNotIn(root, ignored)
        anywhere = [line.removeprefix("**/") for line in ignored if line.startswith("**/")]
        for root in ("host", "plugins", "sdk", "wit"):
            for path in (metrics.REPOSITORY / root).rglob("*"):
                if path.name in anywhere:
                    # What a tool left there.
                    self.assertFalse(list(path.rglob("*.rs")), path)

    def test_the_unit_of_systemd_is_one(self):
        unit = DEPLOY / "systemd" / "narthex.service"
        if run("which", "systemd-analyze")[0] != 0:
            print("\nsystemd-analyze is not installed: the unit is not verified")
            return
        with tempfile.TemporaryDirectory() as folder:
            # It looks for the program that it is to start.
            program = Path(folder) / "narthex"
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
            copy = Path(folder) / unit.name
            copy.write_text(unit.read_text().replace("/usr/local/bin/narthex", str(program)))
            status, said = run("systemd-analyze", "verify", "--man=no", copy)
            ours = [line for line in said.splitlines() if unit.name in line]
            self.assertEqual((status, ours), (0, []), said)
            status, said = run("systemd-analyze", "security", "--offline=true", "--threshold=30", copy)
            self.assertEqual(status, 0, said)


if __name__ == "__main__":
    unittest.main()
