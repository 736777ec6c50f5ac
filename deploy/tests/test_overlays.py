"""What each overlay and component of deploy/kubernetes is for: what it adds, what it asks of the cluster, and what goes
with what. Schemas and policy are test_kubernetes.py's.
"""

import re
import tomllib
import unittest

import yaml

import kustomize
import metrics
import objects
from test_kubernetes import DEPLOY, OVERLAYS, WATCHED, arguments, one, size_bytes, together


class Overlays(unittest.TestCase):
    def test_each_is_in_the_table_of_the_page(self):
        page = (DEPLOY.parent / "docs" / "kubernetes.md").read_text()
        table = page.split("\n## The overlays\n")[1].strip().split("\n\n")[0]
        named = {
            name for line in table.splitlines()[2:] for name in re.findall(r"`([\w-]+)`", line.split("|")[1])
        }
        self.assertEqual(named, {path.name for path in OVERLAYS})

    def overlay(self, name):
        return kustomize.render(DEPLOY / "kubernetes" / "overlays" / name)

    def test_a_pair_knows_each_peer_by_its_name(self):
        rendered = self.overlay("ha")
        workload = one(rendered, "StatefulSet")
        self.assertEqual(workload["spec"]["replicas"], 2)
        headless = workload["spec"]["serviceName"]
        peers = [f"narthex-{number}.{headless}:9094" for number in range(2)]
        self.assertEqual(arguments(workload)["cluster.peer"], peers)
        ports = {port["port"] for port in one(rendered, "Service", headless)["spec"]["ports"]}
        self.assertEqual(ports, {9090, 9094, 10901})

    def test_a_store_reads_the_bucket_that_servers_write(self):
        rendered = self.overlay("store")
        store = one(rendered, "StatefulSet", "narthex-store")
        server = one(rendered, "StatefulSet")
        [written] = arguments(server)["storage.object-store.config"]
        [read] = arguments(store)["objstore.config-file"]
        for workload, path in ((server, written), (store, read)):
            container = objects.pod_of(workload)["containers"][0]
            mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
            self.assertIn(path.rpartition("/")[0], mounts)
        self.assertIn("$(POD_NAME)", written)
        # Of shards, each writes to a place of its own and the queriers ask the store.
        shards = self.overlay("store-sharded")
        self.assertEqual(arguments(one(shards, "StatefulSet"))["storage.object-store.config"], [written])
        service = one(shards, "Service", store["spec"]["serviceName"])
        self.assertIn("grpc", [port["name"] for port in service["spec"]["ports"]])
        self.assertEqual(
            arguments(one(shards, "StatefulSet", "narthex-query"))["endpoint"][-1],
            f"dnssrv+_grpc._tcp.{service['metadata']['name']}",
        )
        # Caches and one answer of each kind fit in half of the memory.
        names = ("index-cache-size", "query.max-bytes", "store.limits.request-bytes")
        sizes = [size_bytes(arguments(store)[name][0]) for name in names]
        [container] = objects.pod_of(store)["containers"]
        memory = size_bytes(container["resources"]["limits"]["memory"])
        self.assertLessEqual(sum(sizes), memory / 2)

    def test_compactors_work_on_the_bucket_that_a_store_reads(self):
        rendered = self.overlay("compact")
        compactor = one(rendered, "StatefulSet", "narthex-compact")
        # None is a singleton.
        self.assertGreater(compactor["spec"]["replicas"], 1)
        flags = arguments(compactor)
        self.assertIn("wait", flags)
        [config] = flags["objstore.config-file"]
        [container] = objects.pod_of(compactor)["containers"]
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        self.assertIn(config.rpartition("/")[0], mounts)
        self.assertIn(flags["data-dir"][0], mounts)

    def test_shards_share_the_targets_and_queriers_read_them_all(self):
        rendered = self.overlay("sharded")
        shards = one(rendered, "StatefulSet")
        flags = arguments(shards)
        self.assertEqual(flags["scrape.shard"], [f"$(POD_NAME)/{shards['spec']['replicas']}"])
        self.assertIn("web.enable-remote-write-receiver", flags)
        files = one(rendered, "ConfigMap", "narthex-config")["data"]
        config = yaml.safe_load(files["prometheus.yml"])
        # A shard sees a part: rules over that are none.
        self.assertFalse({"rule_files", "alerting"} & set(config))
        self.assertNotIn("alertmanager.config.file", flags)
        query = yaml.safe_load(files["query.yml"])
        self.assertEqual(query["rule_files"], ["rules-*.yml"])
        # Those that tell of a shard that is away must not wait until it is back.
        groups = yaml.safe_load(files["rules-narthex.yml"])["groups"]
        self.assertEqual({group.get("partial_response_strategy") for group in groups}, {"warn"})
        # What tells the samples of shards and the results of queriers apart is what queriers leave out.
        querier = one(rendered, "StatefulSet", "narthex-query")
        asked = arguments(querier)
        labels = [*config["global"]["external_labels"], *query["global"]["external_labels"]]
        self.assertEqual(asked["query.replica-label"], labels)
        headless = one(rendered, "Service", shards["spec"]["serviceName"])
        self.assertIn("grpc", [port["name"] for port in headless["spec"]["ports"]])
        name = headless["metadata"]["name"]
        # By their names, and for ever: a shard that DNS has not is said to be missing.
        self.assertEqual(
            asked["endpoint"],
            [f"narthex-{number}.{name}:10901" for number in range(shards["spec"]["replicas"])],
        )
        self.assertEqual(asked["store.unhealthy-timeout"], ["1y"])
        [sender] = query["remote_write"]
        self.assertEqual(sender["url"], f"http://narthex-0.{name}:9090/api/v1/write")
        peers = querier["spec"]["serviceName"]
        self.assertEqual(
            asked["cluster.peer"],
            [f"narthex-query-{number}.{peers}:9094" for number in range(querier["spec"]["replicas"])],
        )
        selector = one(rendered, "Service")["spec"]["selector"]
        self.assertEqual(selector, querier["spec"]["template"]["metadata"]["labels"])

    def test_agents_of_nodes_read_what_their_plugin_asks_for_where_the_machine_is_mounted(self):
        rendered = self.overlay("nodes")
        config = one(rendered, "ConfigMap", "narthex-nodes")
        self.assertEqual(config["metadata"]["namespace"], "narthex-nodes")
        agent = yaml.safe_load(config["data"]["agent.yml"])
        [job] = [job for job in agent["scrape_configs"] if job.get("plugin") == "node"]
        places = job["plugin_config"]
        daemons = one(rendered, "DaemonSet", "narthex-nodes")
        [container] = objects.pod_of(daemons)["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        paths = {
            volume["hostPath"]["path"]: mounts[volume["name"]]
            for volume in objects.pod_of(daemons)["volumes"] if "hostPath" in volume
        }
        self.assertEqual(
            paths, {"/proc": places["procfs"], "/sys": places["sysfs"], "/": places["rootfs"]}
        )

        def mounted(path):
            # A pod's /proc/net is its own; the first process has the machine's.
            path = path.replace("/proc/net/", "/proc/1/net/")
            for folder in ("/proc", "/sys"):
                if path.startswith(folder):
                    return places[{"/proc": "procfs", "/sys": "sysfs"}[folder]] + path[len(folder):]
            return places["rootfs"] + path

        manifest = DEPLOY.parent / "plugins" / "exporters" / "node" / "plugin.toml"
        request = tomllib.loads(manifest.read_text())["request"]
        # Not the reader's own mounts.
        expected = {mounted(path) for path in request["files"] if path != "/proc/mounts"}
        granted = agent["plugins"]["grants"]["node"]
        self.assertEqual(set(granted["files"]), expected)
        self.assertEqual(granted["file_systems"], [places["rootfs"]])
        # What they send is taken, and let in.
        server = one(rendered, "StatefulSet")
        self.assertIn("web.enable-remote-write-receiver", arguments(server))
        [sender] = agent["remote_write"]
        headless = server["spec"]["serviceName"]
        self.assertEqual(sender["url"], f"http://narthex-0.{headless}.narthex.svc:9090/api/v1/write")
        [source] = [
            peer["podSelector"]["matchLabels"]
            for peer in one(rendered, "NetworkPolicy")["spec"]["ingress"][0]["from"]
            if "namespaceSelector" in peer
        ]
        labels = daemons["spec"]["template"]["metadata"]["labels"]
        self.assertLessEqual(source.items(), labels.items())

    def test_agents_of_nodes_share_the_nodes_out_among_shards(self):
        rendered = self.overlay("nodes-sharded")
        shards = one(rendered, "StatefulSet")
        count, headless = shards["spec"]["replicas"], shards["spec"]["serviceName"]
        agents, plain = (
            yaml.safe_load(one(tree, "ConfigMap", "narthex-nodes")["data"]["agent.yml"])
            for tree in (rendered, self.overlay("nodes"))
        )
        senders, [alone] = agents.pop("remote_write"), plain.pop("remote_write")
        # In nothing else do they differ.
        self.assertEqual(agents, plain)
        self.assertEqual(len(senders), count)
        for number, sender in enumerate(senders):
            url = f"http://narthex-{number}.{headless}.narthex.svc:9090/api/v1/write"
            self.assertEqual(sender["url"], url)
            hashed, kept, forgotten, *rest = sender["write_relabel_configs"]
            label = hashed["target_label"]
            self.assertEqual(
                (hashed["action"], hashed["source_labels"], hashed["modulus"]),
                ("hashmod", ["node"], count),
            )
            self.assertEqual(kept, {"source_labels": [label], "action": "keep", "regex": str(number)})
            self.assertEqual(forgotten, {"action": "labeldrop", "regex": label})
            self.assertEqual(rest, alone["write_relabel_configs"])

    def test_agents_of_nodes_go_with_every_overlay_of_servers(self):
        components = DEPLOY / "kubernetes" / "components"
        for name in ("single", "ha", "sharded", "monitors", "cluster-state"):
            with self.subTest(name):
                tree = DEPLOY / "kubernetes" / "overlays" / name
                rendered = together(tree, [components / "nodes"])
                # A flag that comes twice ends the server.
                flags = arguments(one(rendered, "StatefulSet"))
                self.assertEqual(flags["web.enable-remote-write-receiver"], [""])
                self.assertNotIn("no-web.enable-remote-write-receiver", flags)
                self.assertEqual(objects.policy_faults(rendered, WATCHED), [])

    def test_all_components_go_together(self):
        folder = DEPLOY / "kubernetes" / "components"
        of_shards = sorted(path.name for path in folder.iterdir() if path.name.endswith("-sharded"))
        # These stand in the place of others; the rest comes after them.
        instead = {"monitors", "metrics-apis"}
        plain = ["cluster-state", "compact", "gateway", "ingress", "nodes", "pod-owners", "store"]
        everything = {*plain, *instead, *of_shards}
        self.assertEqual({path.name for path in folder.iterdir()}, everything)
        for overlay, names in (("ha", [*plain, *instead]), ("sharded", [*plain, *of_shards])):
            with self.subTest(overlay):
                # One name for the world is enough.
                names = [name for name in names if name != "gateway"]
                tree = DEPLOY / "kubernetes" / "overlays" / overlay
                rendered = together(tree, [folder / name for name in names])
                self.assertEqual(objects.schema_faults(rendered), [])
                self.assertEqual(objects.policy_faults(rendered, WATCHED), [])
                keys = [(item["kind"], item["metadata"]["name"]) for item in rendered]
                self.assertEqual(len(keys), len(set(keys)))
                for workload in objects.workloads(rendered):
                    flags = arguments(workload)
                    twice = {name for name, values in flags.items() if len(values) > 1}
                    self.assertLessEqual(twice, {"cluster.peer", "endpoint", "query.replica-label"})

    def test_who_takes_no_remote_writes_says_so(self):
        for name in ("single", "ha", "store", "monitors"):
            flags = arguments(one(self.overlay(name), "StatefulSet"))
            self.assertIn("no-web.enable-remote-write-receiver", flags)

    def test_examples_go_with_shards(self):
        components = [
            path.parent for path in (DEPLOY / "examples").glob("*/kustomization.yaml")
            if "\nkind: Component\n" in path.read_text()
        ]
        self.assertEqual(len(components), 4)
        rendered = together(DEPLOY / "kubernetes" / "overlays" / "sharded", components)
        self.assertEqual(objects.policy_faults(rendered, WATCHED), [])
        files = one(rendered, "ConfigMap", "narthex-config")["data"]
        # Shards read all jobs, and queriers all rules.
        jobs = yaml.safe_load(files["prometheus.yml"])["scrape_config_files"]
        self.assertEqual(jobs, ["scrape-*.yml"])
        for name in ("redis", "traefik", "istio"):
            self.assertIn(f"scrape-{name}.yml", files)
            self.assertIn(f"rules-{name}.yml", files)

    def test_the_namespaced_one_asks_for_nothing_of_the_cluster(self):
        rendered = self.overlay("namespaced")
        kinds = {item["kind"] for item in rendered}
        self.assertFalse(kinds & {"ClusterRole", "ClusterRoleBinding", "Namespace"})
        for rule in one(rendered, "Role")["rules"]:
            self.assertNotIn("nonResourceURLs", rule)
            self.assertFalse({"nodes", "namespaces"} & set(rule["resources"]))
        files = one(rendered, "ConfigMap", "narthex-config")["data"]
        for job in yaml.safe_load(files["scrape-kubernetes.yml"])["scrape_configs"]:
            for entry in job["kubernetes_sd_configs"]:
                self.assertTrue(entry["namespaces"]["own_namespace"])
                self.assertNotEqual(entry["role"], "node")

    def test_discovery_may_read_what_its_roles_need(self):
        needs = {
            "node": {"nodes"},
            "service": {"services"},
            "pod": {"pods"},
            "endpoints": {"endpoints", "services", "pods"},
            "endpointslice": {"endpointslices", "services", "pods"},
            "ingress": {"ingresses"},
        }
        # docs/kubernetes-discovery.md has them; a Job that made a pod is named by the pod.
        attached = {
            "node": {"nodes"}, "namespace": {"namespaces"}, "deployment": {"replicasets"}, "job": set(),
            "cronjob": {"jobs"},
        }
        for name in ("single", "namespaced", "sharded", "cluster-state"):
            rendered = self.overlay(name)
            may = self.rights(rendered)
            files = one(rendered, "ConfigMap", "narthex-config")["data"]
            for job in yaml.safe_load(files["scrape-kubernetes.yml"])["scrape_configs"]:
                for entry in job["kubernetes_sd_configs"]:
                    self.assertLessEqual(needs[entry["role"]], may)
                    for kind in (name for name, is_on in entry.get("attach_metadata", {}).items() if is_on):
                        self.assertLessEqual(attached[kind], may, kind)
        # What no job here asks for has to be added.
        missing = set().union(*attached.values()) - self.rights(self.overlay("single"))
        self.assertEqual(missing, {"replicasets", "jobs"})
        owners = one(self.overlay("pod-owners"), "ClusterRole", "narthex-pod-owners")
        self.assertEqual(self.rights([owners]), missing)
        for name in ("pod-owners", "cluster-state"):
            self.assertLessEqual(set().union(*attached.values()), self.rights(self.overlay(name)))

    def rights(self, rendered):
        """What roles let the server list and watch, everywhere or in its own namespace."""
        return {
            resource
            for item in rendered if item["kind"] in ("ClusterRole", "Role")
            for rule in item["rules"] if rule["verbs"] == ["get", "list", "watch"]
            for resource in rule["resources"]
        }

    def test_monitors_are_the_only_thing_that_their_component_adds_to_the_config(self):
        files = [
            one(self.overlay(name), "ConfigMap", "narthex-config")["data"]
            for name in ("single", "monitors")
        ]
        plain, with_monitors = (yaml.safe_load(data["prometheus.yml"]) for data in files)
        self.assertEqual(with_monitors.pop("kubernetes_monitors"), {})
        self.assertEqual(with_monitors, plain)

    def test_shards_read_monitors_and_queriers_the_rules(self):
        plain, rendered = self.overlay("sharded"), self.overlay("monitors-sharded")
        kinds = {}
        for name in ("prometheus.yml", "query.yml"):
            with_monitors, without = (
                yaml.safe_load(one(tree, "ConfigMap", "narthex-config")["data"][name])
                for tree in (rendered, plain)
            )
            kinds[name] = with_monitors.pop("kubernetes_monitors").pop("kinds")
            self.assertEqual(with_monitors, without)
        read = [kind for names in kinds.values() for kind in names]
        # All that is read of itself, and nothing twice.
        self.assertEqual(
            sorted(read), ["PodMonitor", "Probe", "PrometheusRule", "ScrapeConfig", "ServiceMonitor"]
        )
        for name, config in (("narthex", "prometheus.yml"), ("narthex-query", "query.yml")):
            bound = {
                item["roleRef"]["name"]
                for item in rendered if item["kind"] == "ClusterRoleBinding"
                and [subject["name"] for subject in item["subjects"]] == [name]
            }
            may = {
                resource
                for item in rendered if item["kind"] == "ClusterRole" and item["metadata"]["name"] in bound
                for rule in item["rules"] if rule.get("apiGroups") == ["monitoring.coreos.com"]
                for resource in rule["resources"]
            }
            self.assertEqual(may, {f"{kind.lower()}s" for kind in kinds[config]})

    def test_the_state_of_the_cluster_is_read_once_and_as_kube_prometheus_reads_it(self):
        rendered = self.overlay("cluster-state")
        files = one(rendered, "ConfigMap", "narthex-config")["data"]
        jobs = {
            job["job_name"]: job
            for name, text in files.items() if name.startswith("scrape-")
            for job in yaml.safe_load(text)["scrape_configs"]
        }
        base = one(self.overlay("single"), "ConfigMap", "narthex-config")["data"]
        for job in yaml.safe_load(base["scrape-kubernetes.yml"])["scrape_configs"]:
            name = job["job_name"]
            if name == "kubernetes-apiservers":
                relabelling = jobs[name].pop("metric_relabel_configs")
                self.assertEqual([step["action"] for step in relabelling], ["drop"])
                named = jobs[name]["relabel_configs"].pop()
                self.assertEqual(named, {"target_label": "job", "replacement": "apiserver"})
            if name.startswith("kubernetes-nodes"):
                # Twice read, each sum would be twice what it is.
                self.assertNotIn(name, jobs)
            else:
                self.assertEqual(jobs[name], job)
        paths = {
            job.get("metrics_path", "/metrics"): job
            for name, job in jobs.items() if name.startswith("kubelet")
        }
        self.assertEqual(
            set(paths), {"/metrics", "/metrics/cadvisor", "/metrics/probes", "/metrics/resource"}
        )
        for path, job in paths.items():
            self.assertTrue(job["honor_labels"], path)
            labels = {
                step["target_label"]: step.get("replacement") for step in job["relabel_configs"]
            }
            self.assertEqual(labels.pop("job", job["job_name"]), "kubelet", path)
            self.assertEqual(
                set(labels), {"metrics_path", "node", "namespace", "service", "endpoint"}, path
            )

    def test_the_state_of_the_cluster_asks_for_no_more_than_its_plugin_looks_at(self):
        rendered = self.overlay("cluster-state")
        may = set()
        for role in ("narthex", "narthex-cluster-state"):
            for rule in one(rendered, "ClusterRole", role)["rules"]:
                self.assertLessEqual(set(rule["verbs"]), {"get", "list", "watch"})
                may |= set(rule.get("resources", []))
        self.assertFalse({"secrets", "configmaps"} & may)
        # The plugin's own list of what it looks at by default, in Rust.
        kinds = (DEPLOY.parent / "plugins/exporters/kube-state/src/kinds").glob("*.rs")
        wanted = set()
        for path in kinds:
            for text in path.read_text().split("impl Object for ")[1:]:
                if "IS_DEFAULT: bool = false" not in text:
                    wanted.add(re.search(r'RESOURCE: &\'static str = "(\w+)"', text).group(1))
        self.assertEqual(len(wanted), 18)
        self.assertLessEqual(wanted, may)
        own = {
            resource
            for rule in one(rendered, "ClusterRole", "narthex-cluster-state")["rules"]
            for resource in rule["resources"]
        }
        self.assertLessEqual(own, wanted)

    def test_the_metrics_apis_lead_to_the_listener_and_may_ask_who_comes(self):
        for overlay, server in (("metrics-apis", "narthex"), ("metrics-apis-sharded", "narthex-query")):
            with self.subTest(overlay):
                self.check_metrics_apis(self.overlay(overlay), server)
        # Of shards, none sees all.
        shard = one(self.overlay("metrics-apis-sharded"), "StatefulSet")
        self.assertNotIn("kubernetes.metrics-apis.listen-address", arguments(shard))

    def check_metrics_apis(self, rendered, server):
        service = one(rendered, "Service", "narthex-metrics-apis")
        workload = one(rendered, "StatefulSet", server)
        selected = workload["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(service["spec"]["selector"], selected)
        flags = arguments(workload)
        name = "narthex-metrics-apis.narthex.svc"
        self.assertEqual(flags["kubernetes.metrics-apis.tls-name"], [name])
        [address] = flags["kubernetes.metrics-apis.listen-address"]
        [container] = objects.pod_of(workload)["containers"]
        self.assertTrue(objects.pod_of(workload)["automountServiceAccountToken"])
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        opened = one(rendered, "NetworkPolicy", server)["spec"]["ingress"]
        self.assertIn({"ports": [{"port": "metrics-apis", "protocol": "TCP"}]}, opened)
        self.assertEqual(address, f"0.0.0.0:{ports[service['spec']['ports'][0]['targetPort']]}")
        services = [item for item in rendered if item["kind"] == "APIService"]
        self.assertEqual(len(services), 4)
        for item in services:
            spec = item["spec"]
            self.assertEqual(item["metadata"]["name"], f"{spec['version']}.{spec['group']}")
            place = {"name": "narthex-metrics-apis", "namespace": "narthex", "port": 443}
            self.assertEqual(spec["service"], place)
        account = objects.pod_of(workload)["serviceAccountName"]
        bindings = [
            item for item in rendered if item["kind"].endswith("Binding")
            and item["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "narthex"}]
        ]
        roles = {
            (item["kind"], item["metadata"].get("namespace"), item["roleRef"]["name"]) for item in bindings
        }
        # Objects that a request selects by their labels.
        own = [item for item in rendered if item["metadata"]["name"] in {role for _, _, role in roles}]
        roles_of_ours = [item for item in own if item["kind"] == "ClusterRole"]
        self.assertLessEqual({"pods", "nodes", "namespaces", "services"}, self.rights(roles_of_ours))
        self.assertLessEqual(
            {
                ("ClusterRoleBinding", None, "system:auth-delegator"),
                ("RoleBinding", "kube-system", "extension-apiserver-authentication-reader"),
            },
            roles,
        )

    def test_an_autoscaler_asks_for_what_the_metrics_apis_have(self):
        rendered = kustomize.render(DEPLOY / "examples" / "autoscaling")
        scaler = one(rendered, "HorizontalPodAutoscaler", "whoami")
        scaled = scaler["spec"]["scaleTargetRef"]
        workload = one(rendered, scaled["kind"], scaled["name"])
        place = scaler["metadata"]["namespace"]
        self.assertEqual(workload["metadata"]["namespace"], place)
        # It decides how many there are.
        self.assertNotIn("replicas", workload["spec"])
        files = one(rendered, "ConfigMap", "narthex-config")["data"]
        config = yaml.safe_load(files["prometheus.yml"])
        [rule] = config.pop("kubernetes_metrics_apis")["externalRules"]
        base = one(self.overlay("single"), "ConfigMap", "narthex-config")["data"]
        self.assertEqual(config, yaml.safe_load(base["prometheus.yml"]))
        series = rule["seriesQuery"].partition("{")[0]
        self.assertTrue(metrics.is_known(series))
        name = re.sub(rule["name"]["matches"], rule["name"]["as"].replace("${1}", r"\1"), series)
        external, resource = scaler["spec"]["metrics"]
        self.assertEqual(external["external"]["metric"]["name"], name)
        # What it selects by is there when the query is through.
        by = re.search(r"sum by \((\w+)\)", rule["metricsQuery"]).group(1)
        self.assertEqual(set(external["external"]["metric"]["selector"]["matchLabels"]), {by})
        # A utilization is a share of what the pods ask for.
        requests = objects.pod_of(workload)["containers"][0]["resources"]["requests"]
        self.assertIn(resource["resource"]["name"], requests)

    def test_ingress_and_route_lead_to_the_service_and_links_lead_back(self):
        for name, kind in (("ingress", "Ingress"), ("gateway", "HTTPRoute")):
            rendered = self.overlay(name)
            spec = one(rendered, kind)["spec"]
            if kind == "Ingress":
                [rule] = spec["rules"]
                host = rule["host"]
                backend = rule["http"]["paths"][0]["backend"]["service"]
                self.assertEqual(backend, {"name": "narthex", "port": {"name": "http"}})
            else:
                [host] = spec["hostnames"]
                [backend] = spec["rules"][0]["backendRefs"]
                self.assertEqual(backend, {"name": "narthex", "port": 9090})
            flags = arguments(one(rendered, "StatefulSet"))
            self.assertEqual(flags["web.external-url"], [f"https://{host}/"])
            sources = one(rendered, "NetworkPolicy")["spec"]["ingress"][0]["from"]
            self.assertEqual(len(sources), 3)
            # Of shards, it is the queriers whom the Service leads to.
            kubernetes = DEPLOY / "kubernetes"
            shards = together(kubernetes / "overlays" / "sharded", [kubernetes / "components" / name])
            self.assertEqual(objects.policy_faults(shards, WATCHED), [])
            asked = one(shards, "StatefulSet", "narthex-query")
            self.assertEqual(arguments(asked)["web.external-url"], [f"https://{host}/"])
            policy = one(shards, "NetworkPolicy", "narthex-query")
            self.assertEqual(policy["spec"]["ingress"][0]["from"], sources)
            labels = asked["spec"]["template"]["metadata"]["labels"]
            self.assertEqual(one(shards, "Service")["spec"]["selector"], labels)


if __name__ == "__main__":
    unittest.main()
