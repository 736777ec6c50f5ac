//! Service discovery beside Debian's Prometheus: the same config, the same peers, and the same
//! labels before and after relabelling.
//!
//! Both run with a list of name servers of their own, which takes root; without it names are left
//! out.

mod server;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use narthex_tests::{Process, binary, free_port, http, until};
use serde_json::{Value, json};
use server::{Agent, Reply, serve_socket};

/// So many records of one name that their answer does not fit into a datagram.
const RECORDS: usize = 150;

/// A server under test and where it listens.
struct Server {
    process: Process,
    url: String,
}

impl Server {
    /// Starts a program with its own list of name servers, where there is one.
    fn start(program: &Path, config: &Path, names: Option<&Path>) -> Self {
        let port = free_port();
        let folder = config.parent().unwrap();
        let name = program.file_name().unwrap().display().to_string();
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join(&name).display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--web.enable-lifecycle".to_owned(),
        ];
        let log = folder.join(format!("{name}.log"));
        let process = match names {
            None => Process::start(program, &args, &log),
            Some(names) => {
                let script = "mount --bind \"$0\" /etc/resolv.conf; exec \"$@\"";
                let words = ["--mount", "sh", "-ec", script].map(str::to_owned);
                let program = [names, program].map(|path| path.display().to_string());
                let all = [&words[..], &program, &args].concat();
                Process::start("unshare", &all, &log)
            }
        };
        let mut server = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        };
        until(60, &name, || {
            server.process.check_running()?;
            match http::get(&format!("{}/-/ready", server.url))? {
                (200, _) => Ok(()),
                (status, body) => Err(format!("{status} {body}")),
            }
        });
        server
    }

    /// The labels of all targets of a job, before and after relabelling.
    fn targets(&self, job: &str) -> Result<Vec<String>, String> {
        let data = http::api(&format!("{}/api/v1/targets", self.url))?;
        let list = |name: &str| data[name].as_array().cloned().unwrap_or_default();
        let active = list("activeTargets").into_iter();
        let active = active.filter(|target| target["scrapePool"] == job);
        let active = active.map(|target| {
            let labels = json!([
                target["discoveredLabels"],
                target["labels"],
                target["scrapeUrl"]
            ]);
            sorted(&labels).to_string()
        });
        let dropped = list("droppedTargets").into_iter();
        let dropped = dropped.filter(|target| target["discoveredLabels"]["job"] == job);
        let dropped = dropped.map(|target| sorted(&target["discoveredLabels"]).to_string());
        let mut all: Vec<String> = active.chain(dropped).collect();
        all.sort();
        Ok(all)
    }

    /// The sum of a metric of its own.
    fn metric(&self, name: &str) -> Result<f64, String> {
        let (_, text) = http::get(&format!("{}/metrics", self.url))?;
        let lines = text.lines().filter(|line| line.starts_with(name));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(values.sum())
    }

    fn reload(&self) {
        let (status, body) = http::post(&format!("{}/-/reload", self.url)).unwrap();
        assert_eq!(status, 200, "{body}");
    }
}

/// The same with names in their order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            json!(fields)
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// A server of names at an address of its own, and the list that names it.
fn names(folder: &Path) -> Option<(Process, std::path::PathBuf)> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        println!("names are left out: they take root");
        return None;
    }
    let port = free_port();
    let address = format!("127.53.{}.{}", port / 250 % 250, port % 250 + 1);
    let list = folder.join("resolv.conf");
    std::fs::write(&list, format!("search sd.test\nnameserver {address}\n")).unwrap();
    let mut args: Vec<String> = [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--log-facility=-",
        "--bind-interfaces",
        "--no-resolv",
        "--no-hosts",
        "--local=/sd.test/",
        "--host-record=both.sd.test,10.1.2.3,fd00::7",
        "--srv-host=_one._tcp.sd.test,one.sd.test,8080,10",
        "--mx-host=both.sd.test,mail.sd.test,10",
        // ns.sd.test
        "--dns-rr=zone.sd.test,2,026e73027364047465737400",
    ]
    .map(str::to_owned)
    .to_vec();
    args.push(format!("--listen-address={address}"));
    for index in 0..RECORDS {
        let host = format!("a-host-with-a-long-name-{index}.sd.test");
        args.push(format!(
            "--srv-host=_many._tcp.sd.test,{host},{}",
            9000 + index
        ));
    }
    let dnsmasq = Process::start("dnsmasq", &args, &folder.join("dnsmasq.log"));
    Some((dnsmasq, list))
}

/// nginx with a folder of files.
fn nginx(folder: &Path) -> (Process, String) {
    let port = free_port();
    let at = folder.display();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {at}/nginx.pid;\nerror_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n  access_log off;\n  client_body_temp_path {at}/body;\n  proxy_temp_path {at}/proxy;\n  \
         fastcgi_temp_path {at}/fastcgi;\n  uwsgi_temp_path {at}/uwsgi;\n  scgi_temp_path {at}/scgi;\n  \
         types {{ application/json json; }}\n  \
         server {{ listen 127.0.0.1:{port}; root {at}/www;\n    \
         location /moved {{ return 302 /a.json; }}\n    \
         location /secret.json {{ if ($http_authorization != 'Bearer hunter2') {{ return 401; }} }} }}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let args = ["-p", &at.to_string(), "-c", &file.display().to_string()].map(str::to_owned);
    let process = Process::start("nginx", &args, &folder.join("nginx.log"));
    let url = format!("http://127.0.0.1:{port}");
    until(60, "nginx", || http::get(&url));
    (process, url)
}

/// Docker's daemon, with one container in a network of its own, one in the host's and one whose
/// port is shown to the outside.
fn docker(url: &str) -> Reply {
    let path = url.split('?').next().unwrap_or_default();
    let path = path.trim_start_matches("/v1.41");
    let container = |id: &str, network: &str, ip: &str, ports: Value| {
        json!({"Id": id, "Names": [format!("/{id}")], "Image": "x", "Labels": {"a.b/c": id},
            "Ports": ports, "HostConfig": {"NetworkMode": network},
            "NetworkSettings": {"Networks": {network: {"IPAddress": ip, "NetworkID": network}}}})
    };
    let network = |name: &str, internal: bool| {
        json!({"Id": name, "Name": name, "Scope": "local", "Internal": internal, "Ingress": false,
            "Labels": {"zone-1": "x"}})
    };
    match path {
        "/_ping" => Reply::json(&json!("OK")).header("API-Version", "1.41"),
        "/containers/json" => Reply::json(&json!([
            container(
                "web",
                "front",
                "10.2.0.2",
                json!([
                {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
                {"PrivatePort": 443, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}])
            ),
            container("quiet", "front", "10.2.0.3", json!([])),
            container("node", "host", "", json!([])),
        ])),
        "/networks" => Reply::json(&json!([network("front", true), network("host", false)])),
        _ => Reply::missing(),
    }
}

/// Marks what was found, and drops what has a port of TLS.
const RELABEL: &str = "relabel_configs:\n  \
    - {source_labels: [__meta_consul_service, __meta_docker_container_name, __meta_url], \
       regex: '(.+);;|;/(.+);|;;.+/(.+)', replacement: '$1$2$3', target_label: found}\n  \
    - {source_labels: [__address__], regex: '.*:443', action: drop}\n";

/// The jobs; those of names only where there is a server of them. Debian's Prometheus is built
/// without Consul.
fn config(
    folder: &Path,
    nginx: &str,
    consul: Option<&str>,
    has_names: bool,
    relabel: &str,
) -> String {
    let at = folder.display();
    let mut jobs = Vec::new();
    if let Some(consul) = consul {
        jobs.extend([
            (
                "consul",
                format!("consul_sd_configs: [{{server: '{consul}', refresh_interval: 1s}}]"),
            ),
            (
                "consul-one",
                format!(
                    "consul_sd_configs: [{{server: '{consul}', refresh_interval: 1s, \
                     services: [web], tag_separator: ';', allow_stale: false}}]"
                ),
            ),
        ]);
    }
    jobs.extend([
        (
            "http",
            format!("http_sd_configs: [{{url: '{nginx}/a.json', refresh_interval: 1s}}]"),
        ),
        (
            "moved",
            format!("http_sd_configs: [{{url: '{nginx}/moved', refresh_interval: 1s}}]"),
        ),
        (
            "secret",
            format!(
                "http_sd_configs: [{{url: '{nginx}/secret.json', refresh_interval: 1s, \
                 authorization: {{type: Bearer, credentials_file: token}}}}]"
            ),
        ),
        (
            "docker",
            format!(
                "docker_sd_configs: [{{host: 'unix://{at}/docker.sock', refresh_interval: 1s, \
                 host_networking_host: 'localhost:9100'}}]"
            ),
        ),
        (
            "file",
            format!("file_sd_configs: [{{files: ['{at}/file*.yml', '{at}/f.json']}}]"),
        ),
    ]);
    if has_names {
        let dns = |entry: &str| format!("dns_sd_configs: [{{{entry}, refresh_interval: 1s}}]");
        jobs.extend([
            (
                "srv",
                dns("names: [_one._tcp, _many._tcp.sd.test, none.sd.test]"),
            ),
            ("a", dns("names: [both], type: A, port: 9")),
            ("aaaa", dns("names: [both.sd.test.], type: AAAA, port: 9")),
            ("mx", dns("names: [both], type: MX, port: 9")),
        ]);
    }
    // Nobody is to scrape what is found.
    let jobs = jobs.iter().map(|(name, entry)| {
        format!("- job_name: {name}\n  scrape_interval: 1h\n  {entry}\n  {relabel}\n")
    });
    format!("scrape_configs:\n{}", jobs.collect::<String>())
}

#[test]
fn the_same_targets_are_found_as_by_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let www = at.join("www");
    std::fs::create_dir(&www).unwrap();
    let write = |name: &str, text: &str| std::fs::write(at.join(name), text).unwrap();
    write("www/secret.json", r#"[{"targets": ["10.5.0.1:1"]}]"#);
    write("token", "hunter2\n");
    write(
        "www/a.json",
        r#"[{"targets": ["10.3.0.1:1", "10.3.0.2:2"], "labels": {"x": "y"}}, {"targets": ["10.3.0.3:443"]}]"#,
    );
    write(
        "file-1.yml",
        "- targets: ['10.4.0.1:1']\n  labels: {n: 1}\n- targets: []\n",
    );
    write("file-broken.yml", "- [");
    write("f.json", r#"[{"targets": ["10.4.0.2:1"]}]"#);
    serve_socket(&at.join("docker.sock"), docker);
    let agent = Agent::default();
    agent.register("web", "web-1", 80, &["a", "b"], "passing");
    agent.register("web", "web-2", 9001, &[], "critical");
    agent.register("db", "db-1", 5432, &["b"], "warning");
    let consul = agent.serve();
    let (mut nginx, base) = nginx(at);
    let mut names = names(at);
    let list = names.as_ref().map(|(_, list)| list.clone());
    let file = at.join("prometheus.yml");
    // 2.42 shows labels of relabelling among the discovered ones, so there is none.
    let config = |consul| config(at, &base, consul, list.is_some(), "");
    std::fs::write(&file, config(None)).unwrap();
    let theirs = Server::start(Path::new("prometheus"), &file, list.as_deref());
    // Types of records that 2.42 does not know yet.
    let newer = format!(
        "{}- job_name: ns\n  scrape_interval: 1h\n  \
         dns_sd_configs: [{{names: [zone], type: NS, port: 9, refresh_interval: 1s}}]\n",
        config(Some(&consul))
    );
    let file = at.join("ours.yml");
    std::fs::write(&file, &newer).unwrap();
    let ours = Server::start(&binary(), &file, list.as_deref());

    let mut expected = BTreeMap::from([
        ("consul", 3),
        ("consul-one", 2),
        ("http", 3),
        ("moved", 3),
        ("secret", 1),
        ("docker", 4),
        ("file", 2),
    ]);
    if list.is_some() {
        expected.extend([("srv", RECORDS + 1), ("a", 1), ("aaaa", 1), ("mx", 1)]);
    }
    let same = |job: &str, count: usize| {
        until(120, &format!("the targets of {job}"), || {
            let ours = ours.targets(job)?;
            let theirs = match job.starts_with("consul") {
                true => ours.clone(),
                false => theirs.targets(job)?,
            };
            if ours != theirs {
                return Err(format!("ours: {ours:#?}\ntheirs: {theirs:#?}"));
            }
            match ours.len() == count {
                true => Ok(ours),
                false => Err(format!("{} instead of {count}: {ours:#?}", ours.len())),
            }
        })
    };
    for (job, count) in &expected {
        let found = same(job, *count);
        println!("{job}: {} targets, the same labels", found.len());
    }

    for (job, tags) in [("consul", ",a,b,"), ("consul-one", ";a;b;")] {
        let parts = [
            format!("\"__meta_consul_tags\":\"{tags}\""),
            "\"__meta_consul_service\":\"web\"".to_owned(),
            "\"__meta_consul_service_id\":\"web-1\"".to_owned(),
            "\"__meta_consul_service_port\":\"80\"".to_owned(),
            "\"__meta_consul_health\":\"passing\"".to_owned(),
        ];
        let found = ours.targets(job).unwrap();
        let has_all = |target: &&String| parts.iter().all(|part| target.contains(part));
        assert_eq!(found.iter().filter(has_all).count(), 1, "{found:#?}");
    }
    if list.is_some() {
        let found = until(60, "the targets of ns", || match ours.targets("ns")? {
            found if found.len() == 1 => Ok(found),
            found => Err(format!("{found:?}")),
        });
        let parts = [
            "\"ns.sd.test:9\"",
            "\"__meta_dns_ns_record_target\":\"ns.sd.test.\"",
        ];
        assert!(
            parts.iter().all(|part| found[0].contains(part)),
            "{found:?}"
        );
    }

    // What comes, changes and goes.
    agent.register("web", "web-3", 81, &["c"], "passing");
    agent.register("web", "web-2", 9001, &[], "passing");
    agent.deregister("db");
    write("www/a.json", r#"[{"targets": ["10.3.0.9:9"]}]"#);
    write("file-2.yml", "- targets: ['10.4.0.3:1']\n");
    std::fs::remove_file(at.join("f.json")).unwrap();
    write("file-1.yml", "- targets: ['10.4.0.4:1', '10.4.0.5:1']\n");
    expected.extend([
        ("consul", 3),
        ("consul-one", 3),
        ("http", 1),
        ("moved", 1),
        ("file", 3),
    ]);
    for job in ["consul", "consul-one", "http", "file"] {
        same(job, expected[job]);
    }
    let last = same("moved", 1);
    // Of its two changes of `web`, a job may have seen the first alone by now.
    for job in ["consul", "consul-one"] {
        until(60, "the health of web-2", || {
            let found = ours.targets(job)?;
            let parts = ["\"__meta_consul_service_id\":\"web-2\"", "\"passing\""];
            let is_seen = |target: &String| parts.iter().all(|part| target.contains(part));
            match found.iter().any(is_seen) {
                true => Ok(()),
                false => Err(format!("{job}: {found:#?}")),
            }
        });
    }

    // Peers that die leave what they said, also through a reload.
    let read = |job: &str| ours.targets(job).unwrap();
    let before: BTreeMap<&str, _> = expected.keys().map(|job| (*job, read(job))).collect();
    nginx.kill();
    agent.break_down();
    if let Some((dnsmasq, _)) = &mut names {
        dnsmasq.kill();
    }
    let failures = |than: f64| {
        until(60, "failures", || {
            match ours.metric("prometheus_sd_http_failures_total")? {
                count if count > than => Ok(count),
                count => Err(format!("{count} failures")),
            }
        })
    };
    failures(failures(0.0));
    until(60, "failures of a refresh", || {
        match ours.metric("prometheus_sd_refresh_failures_total")? {
            0.0 => Err("none".to_owned()),
            _ => Ok(()),
        }
    });
    if names.is_some() {
        // Each name was looked up before, and is looked up in vain now.
        until(60, "look-ups in vain", || {
            let all = ours.metric("prometheus_sd_dns_lookups_total")?;
            let failed = ours.metric("prometheus_sd_dns_lookup_failures_total")?;
            let is_counted = 0.0 < failed && failed < all;
            is_counted.then_some(()).ok_or(format!("{failed} of {all}"))
        });
    }
    for (job, before) in &before {
        assert_eq!(&read(job), before, "{job}");
    }
    assert!(!last.is_empty());
    // Everybody who finds begins anew.
    let newer = newer.replace("scrape_interval: 1h", "scrape_interval: 2h");
    std::fs::write(
        &file,
        newer.replace("refresh_interval: 1s", "refresh_interval: 2s"),
    )
    .unwrap();
    ours.reload();
    failures(failures(0.0));
    for (job, before) in &before {
        let before = before.iter().map(|labels| labels.replace("1h", "2h"));
        let before: Vec<String> = before.collect();
        until(60, job, || match ours.targets(job)? {
            now if now == before => Ok(()),
            now => Err(format!("{now:#?} instead of {before:#?}")),
        });
    }
}

/// What `check service-discovery` prints, by a job's address before relabelling.
#[test]
fn a_job_is_checked_as_promtool_does() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    serve_socket(&at.join("docker.sock"), docker);
    let file = at.join("prometheus.yml");
    let text = config(at, "http://127.0.0.1:1", None, false, RELABEL);
    std::fs::write(&file, text).unwrap();
    std::fs::write(
        at.join("f.json"),
        r#"[{"targets": ["10.4.0.2:1", "10.4.0.2:443"]}]"#,
    )
    .unwrap();
    let check = |program: &Path, job: &str| {
        // Ours ends when all is found, theirs when the time is over.
        let timeout = match program == binary() {
            true => "--timeout=2m",
            false => "--timeout=10s",
        };
        let mut command = Command::new(program);
        let output = command
            .args(["check", "service-discovery", timeout])
            .args([file.as_os_str(), job.as_ref()])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), text, errors)
    };
    for job in ["file", "docker"] {
        let found = [binary(), "promtool".into()].map(|program| {
            let (is_success, text, errors) = check(&program, job);
            assert!(is_success, "{errors}");
            let mut found: Vec<String> = serde_json::from_str::<Vec<Value>>(&text)
                .unwrap()
                .iter()
                .map(|target| {
                    let mut target = target.clone();
                    // 2.42 shows the one among them after relabelling, and loses the other.
                    let discovered = target["discoveredLabels"].as_object_mut().unwrap();
                    discovered.remove("found");
                    discovered.remove("job");
                    sorted(&target).to_string()
                })
                .collect();
            found.sort();
            found
        });
        assert_eq!(found[0], found[1], "{job}");
        assert!(!found[0].is_empty());
    }
    let (is_success, _, errors) = check(&binary(), "none");
    assert!(!is_success && errors.contains("Job none not found. Select one of:\n\thttp\n"));
}
