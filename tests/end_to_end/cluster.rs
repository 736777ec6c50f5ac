//! Hosts with the same Alertmanager config: three tell once, whoever is killed or cut off, and a
//! silence made on one holds on all. With certificates, only those who have one are peers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use narthex_tests::{Hook, Narthex, Network, free_port, http, run, until};
use serde_json::{Value, json};

/// Groups are told once in the time that the test takes, so that each host's outcomes can be
/// counted.
const CONFIG: &str = "
route: {receiver: hook, group_by: [alertname], group_wait: 500ms, group_interval: 5m}
receivers: [{name: hook, webhook_configs: [{url: '@/hook'}]}]
";

const HOSTS: usize = 3;

/// Two authorities, each with a certificate that it signed for one of its peers.
const CERTIFY: &str = "
echo subjectAltName=DNS:narthex > names
for name in ours theirs; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=$name-ca -keyout $name-ca.key -out $name-ca.pem
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=$name -keyout $name.key -out $name.csr
  openssl x509 -req -in $name.csr -CA $name-ca.pem -CAkey $name-ca.key -CAcreateserial -days 2 \
    -extfile names -out $name.pem
done
";

/// The file of `--cluster.tls-config`; `@` is whose certificate it is. All trust one authority.
const TLS: &str = "
tls_server_config:
  cert_file: @.pem
  key_file: @.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ours-ca.pem
tls_client_config:
  cert_file: @.pem
  key_file: @.key
  ca_file: ours-ca.pem
  server_name: narthex
";

/// A silence has to be everywhere after so many seconds.
const SILENCE_SECONDS: u64 = 30;

/// The hosts, and what each has to have decided by now: an alert that was posted to it was told by
/// it, or by another one.
struct Hosts {
    hosts: Vec<Narthex>,
    decided: Vec<f64>,
    hook: Hook,
    network: Option<Network>,
    _folder: tempfile::TempDir,
}

fn write(folder: &Path, hook: &Hook) -> PathBuf {
    let file = folder.join("alertmanager.yml");
    std::fs::write(&file, CONFIG.replace('@', &hook.url())).unwrap();
    file
}

impl Hosts {
    fn start() -> Self {
        let network = match Network::new(HOSTS) {
            Ok(network) => Some(network),
            Err(reason) => {
                println!("no network namespaces here, so nobody is cut off: {reason}");
                None
            }
        };
        let hook = match &network {
            Some(network) => Hook::listen_on(&network.tests_address()),
            None => Hook::listen(),
        };
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), &hook);
        let loopback = |at: usize| format!("127.0.0.{}", at + 2);
        let port = free_port();
        let peer = |at: usize| match &network {
            Some(network) => format!("{}:{port}", network.peer_address(at)),
            None => format!("{}:{port}", loopback(at)),
        };
        let start = |at: usize| {
            let mut builder = match &network {
                Some(network) => Narthex::builder()
                    .namespace(network.namespace(at))
                    .host(network.address(at)),
                None => Narthex::builder().host(loopback(at)),
            };
            // All have the same list, as in a Deployment's arguments: each is in it itself.
            for other in 0..HOSTS {
                builder = builder.flag(format!("--cluster.peer={}", peer(other)));
            }
            builder
                .config("global: {}\n")
                .flag(format!("--alertmanager.config.file={}", file.display()))
                .flag(format!("--cluster.listen-address={}", peer(at)))
                .flag("--cluster.peer-timeout=5s")
                .flag("--cluster.gossip-interval=50ms")
                .flag("--cluster.probe-interval=500ms")
                .flag("--cluster.probe-timeout=200ms")
                .flag("--cluster.reconnect-interval=500ms")
                .start()
        };
        let hosts: Vec<Narthex> = (0..HOSTS).map(start).collect();
        Self {
            decided: vec![0.0; HOSTS],
            hosts,
            hook,
            network,
            _folder: folder,
        }
    }

    fn cluster(&self, at: usize) -> Result<Value, String> {
        let url = format!("{}/api/v2/status", self.hosts[at].url());
        let (status, body) = http::get(&url)?;
        let body: Value =
            serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        match status {
            200 => Ok(body["cluster"].clone()),
            status => Err(format!("{status}: {body}")),
        }
    }

    /// Waits until each of these knows so many peers, itself among them.
    fn wait_for_peers(&self, expected: &[(usize, usize)]) {
        for &(at, count) in expected {
            until(120, "peers", || match self.cluster(at)? {
                found if found["status"] != "ready" => Err(found.to_string()),
                found if found["peers"].as_array().map(Vec::len) != Some(count) => {
                    Err(found.to_string())
                }
                _ => Ok(()),
            });
        }
    }

    fn send(&self, at: usize, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/v2{path}", self.hosts[at].url());
        let answer = http::send("POST", &url, &[], body.to_string().as_bytes()).unwrap();
        assert_eq!(answer.0, 200, "{}", answer.1);
        serde_json::from_str(&answer.1).unwrap_or_default()
    }

    /// Posts an alert to each of these, as a Prometheus does that knows them all.
    fn fire(&self, name: &str, to: &[usize]) {
        for at in to {
            let alerts = json!([{"labels": {"alertname": name}}]);
            self.send(*at, "/alerts", &alerts);
        }
    }

    /// Posts an alert, waits until each has told it or found that another one did, and says how
    /// often it was told.
    fn times_told(&mut self, name: &str, to: &[usize]) -> usize {
        self.fire(name, to);
        for at in to {
            self.decided[*at] += 1.0;
            until(120, "a decision", || {
                let told =
                    "alertmanager_notification_latency_seconds_count{integration=\"webhook\"}";
                let by_others = "narthex_alertmanager_notifications_deduplicated_total";
                let decided = self.metric(*at, told)? + self.metric(*at, by_others)?;
                match decided >= self.decided[*at] {
                    true => Ok(()),
                    false => Err(format!("{decided} of {}", self.decided[*at])),
                }
            });
        }
        self.posts(name)
    }

    /// Posts an alert and checks that it is told, and on each side of the cluster once at most; to
    /// who has lost sight of another one meanwhile, as on a machine that stood still, telling it
    /// again is right.
    fn check_told(&mut self, name: &str, to: &[usize], sides: usize) {
        let lost = |hosts: &Self| -> f64 {
            let left = "alertmanager_cluster_peers_left_total";
            let lost = to.iter().map(|at| hosts.metric(*at, left).unwrap());
            lost.sum()
        };
        let before = lost(self);
        let told = self.times_told(name, to);
        let is_whole = (lost(self) - before).abs() < 0.5;
        let most = if is_whole { sides } else { to.len() };
        assert!((1..=most).contains(&told), "{name}: {told}");
    }

    fn posts(&self, name: &str) -> usize {
        let posts = self.hook.posts().into_iter();
        posts
            .filter(|(_, body)| body["groupLabels"]["alertname"] == name)
            .count()
    }

    /// The value of a series; 0 where there is none yet.
    fn metric(&self, at: usize, series: &str) -> Result<f64, String> {
        let page = http::get(&format!("{}/metrics", self.hosts[at].url()))?.1;
        let mut lines = page.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        Ok(value.unwrap_or(0.0))
    }

    fn silence(&self, at: usize, name: &str) -> String {
        let silence = json!({
            "matchers": [{"name": "alertname", "value": name, "isRegex": false}],
            "startsAt": "2024-01-01T00:00:00Z", "endsAt": "2199-01-01T00:00:00Z",
            "createdBy": "me", "comment": "why",
        });
        let made = self.send(at, "/silences", &silence);
        made["silenceID"].as_str().unwrap().to_owned()
    }

    /// Waits until all have a silence in this state.
    fn wait_for_silence(&self, seconds: u64, id: &str, state: &str) {
        for host in &self.hosts {
            let url = format!("{}/api/v2/silence/{id}", host.url());
            until(seconds, "a silence", || match http::get(&url)? {
                (200, body) if body.contains(&format!("\"state\":\"{state}\"")) => Ok(()),
                (status, body) => Err(format!("{status}: {body}")),
            });
        }
    }
}

#[test]
fn three_hosts_tell_once_whoever_is_killed_or_cut_off() {
    let mut hosts = Hosts::start();
    let all = [0, 1, 2];
    let whole = all.map(|at| (at, HOSTS));
    hosts.wait_for_peers(&whole);
    let url = format!("--alertmanager.url={}", hosts.hosts[1].url());
    let shown = run(Command::new("amtool").args([&url, "--output=extended", "cluster", "show"]));
    assert!(shown.contains("ready"), "{shown}");
    for at in all {
        let name = hosts.cluster(at).unwrap()["name"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(shown.contains(&name), "{name}: {shown}");
        let members = "alertmanager_cluster_members";
        until(60, members, || match hosts.metric(at, members)? {
            3.0 => Ok(()),
            found => Err(found.to_string()),
        });
        assert_eq!(
            hosts.metric(at, "alertmanager_cluster_enabled").unwrap(),
            1.0
        );
    }
    hosts.check_told("three hosts", &all, 1);

    // A silence made on one holds on all, and so does its end.
    let start = Instant::now();
    let id = hosts.silence(2, "silenced");
    hosts.wait_for_silence(SILENCE_SECONDS, &id, "active");
    println!("a silence was everywhere after {:?}", start.elapsed());
    hosts.fire("silenced", &all);
    for at in all {
        let silenced = "alertmanager_notifications_suppressed_total{reason=\"silence\"}";
        until(60, "a silenced alert", || {
            match hosts.metric(at, silenced)? {
                0.0 => Err("not yet".to_owned()),
                _ => Ok(()),
            }
        });
    }
    assert_eq!(hosts.posts("silenced"), 0);
    let delete = format!("{}/api/v2/silence/{id}", hosts.hosts[0].url());
    assert_eq!(http::send("DELETE", &delete, &[], b"").unwrap().0, 200);
    hosts.wait_for_silence(SILENCE_SECONDS, &id, "expired");

    // One is killed: the others go on, and it hears of what it missed.
    hosts.hosts[0].process().kill();
    let told = hosts.times_told("one is killed", &[1, 2]);
    assert!(told >= 1, "{told}");
    hosts.wait_for_peers(&[(1, 2), (2, 2)]);
    let missed = hosts.silence(1, "missed");
    hosts.hosts[0].restart();
    hosts.decided[0] = 0.0;
    hosts.wait_for_peers(&whole);
    hosts.wait_for_silence(60, &missed, "active");
    hosts.check_told("it is back", &all, 1);

    // One is cut off: it is told on both sides, and once again when it is healed.
    let Some(network) = hosts.network.take() else {
        return;
    };
    network.cut(1);
    hosts.wait_for_peers(&[(0, 2), (1, 1), (2, 2)]);
    hosts.check_told("one is cut off", &all, 2);
    let apart = hosts.silence(1, "made apart");
    network.heal(1);
    hosts.wait_for_peers(&whole);
    hosts.wait_for_silence(60, &apart, "active");
    hosts.check_told("it is healed", &all, 1);
    // Hosts end before their network.
    drop(hosts);
    drop(network);
}

#[test]
fn two_hosts_with_certificates_share_a_silence_and_a_stranger_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut certify = Command::new("sh");
    run(certify.args(["-ec", CERTIFY]).current_dir(folder.path()));
    let hook = Hook::listen();
    let file = write(folder.path(), &hook);
    let port = free_port();
    let peer = |at: usize| format!("127.0.0.{}:{port}", at + 2);
    let start = |at: usize, name: &str| {
        let tls = folder.path().join(format!("{name}.yml"));
        std::fs::write(&tls, TLS.replace('@', name)).unwrap();
        Narthex::builder()
            .host(format!("127.0.0.{}", at + 2))
            .config("global: {}\n")
            .flag(format!("--alertmanager.config.file={}", file.display()))
            .flag(format!("--cluster.listen-address={}", peer(at)))
            .flag(format!("--cluster.peer={}", peer(0)))
            .flag(format!("--cluster.peer={}", peer(1)))
            .flag(format!("--cluster.tls-config={}", tls.display()))
            .flag("--cluster.gossip-interval=50ms")
            .flag("--cluster.reconnect-interval=500ms")
            .start()
    };
    let hosts = Hosts {
        hosts: vec![start(0, "ours"), start(1, "ours"), start(2, "theirs")],
        decided: Vec::new(),
        hook,
        network: None,
        _folder: folder,
    };
    hosts.wait_for_peers(&[(0, 2), (1, 2), (2, 1)]);
    let refused = "narthex_cluster_refused_total{reason=\"tls\"}";
    until(60, refused, || match hosts.metric(0, refused)? {
        0.0 => Err("nobody was refused".to_owned()),
        _ => Ok(()),
    });
    let id = hosts.silence(0, "shared");
    let shown = |at: usize| format!("{}/api/v2/silence/{id}", hosts.hosts[at].url());
    until(SILENCE_SECONDS, "the silence", || {
        match http::get(&shown(1))? {
            (200, _) => Ok(()),
            (status, body) => Err(format!("{status}: {body}")),
        }
    });
    assert_eq!(http::get(&shown(2)).unwrap().0, 404);
    let gossip = "alertmanager_tls_transport_packet_bytes_received_total";
    until(60, gossip, || match hosts.metric(1, gossip)? {
        0.0 => Err("none yet".to_owned()),
        _ => Ok(()),
    });
}
