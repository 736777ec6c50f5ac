//! Debian's redis-server as all that it can be, and redis_exporter in front of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Peer;
use crate::free_port;

/// redis-server, empty and without a file.
pub fn redis(folder: &Path) -> Peer {
    redis_with(folder, &[])
}

/// The same with settings, name and value in turn: `["--cluster-enabled", "yes"]`.
pub fn redis_with(folder: &Path, settings: &[&str]) -> Peer {
    let port = free_port();
    server(folder, port, &[&["--port", &port.to_string()], settings])
}

/// redis-server that speaks TLS only, and only with whom the authority has signed.
pub fn redis_tls(folder: &Path, certificates: &Certificates) -> Peer {
    let port = free_port();
    let [authority, certificate, key] = [
        certificates.authority(),
        certificates.certificate("server"),
        certificates.key("server"),
    ]
    .map(|file| file.display().to_string());
    let settings = [
        "--port",
        "0",
        "--tls-port",
        &port.to_string(),
        "--tls-ca-cert-file",
        &authority,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "yes",
    ];
    server(folder, port, &[&settings])
}

/// redis-server as a replica.
pub fn redis_replica(folder: &Path, master: &Peer) -> Peer {
    let port = master.port.to_string();
    redis_with(folder, &["--replicaof", "127.0.0.1", &port])
}

/// redis-server as a Sentinel that watches one master, `main`, alone.
pub fn redis_sentinel(folder: &Path, master: &Peer) -> Peer {
    let port = free_port();
    let file = folder.join(format!("sentinel-{port}.conf"));
    let monitor = format!("sentinel monitor main 127.0.0.1 {} 1\n", master.port);
    std::fs::write(&file, monitor).unwrap();
    let file = file.display().to_string();
    let port_text = port.to_string();
    let settings = [&file, "--sentinel", "--port", &port_text];
    server(folder, port, &[&settings])
}

/// redis-server as the only node of a cluster, with all slots.
pub fn redis_cluster(folder: &Path) -> Peer {
    // Its own choice is ten thousand above the port, which may be beyond the last one.
    let bus = free_port().to_string();
    let node = redis_with(
        folder,
        &["--cluster-enabled", "yes", "--cluster-port", &bus],
    );
    redis_cli(&node, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    node
}

fn server(folder: &Path, port: u16, settings: &[&[&str]]) -> Peer {
    let home = folder.join(format!("redis-{port}"));
    std::fs::create_dir(&home).unwrap();
    let home = home.display().to_string();
    // A file of settings has to come first.
    let mut args = settings.concat();
    args.extend(["--bind", "127.0.0.1", "--dir", &home]);
    if !args.contains(&"--sentinel") {
        args.extend(["--save", ""]);
    }
    let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
    Peer::start("redis-server", port, folder, &args).listening()
}

/// Runs one command with redis-cli and hands out what the server said.
///
/// # Panics
/// The server refuses the command.
pub fn redis_cli(server: &Peer, words: &[&str]) -> String {
    let port = server.port.to_string();
    let output = Command::new("redis-cli")
        .args(["-e", "-p", &port])
        .args(words)
        .output()
        .unwrap_or_else(|error| panic!("redis-cli: {error} (run tests/run)"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let fault = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}{fault}");
    said
}

/// prometheus-redis-exporter in front of a redis-server.
pub fn redis_exporter(folder: &Path, redis: &Peer) -> Peer {
    redis_exporter_with(folder, redis, &[])
}

/// The same with flags; one that says `-redis.addr` has the last word.
pub fn redis_exporter_with(folder: &Path, redis: &Peer, flags: &[&str]) -> Peer {
    let port = free_port();
    let mut args = vec![
        format!("-web.listen-address=127.0.0.1:{port}"),
        format!("-redis.addr=redis://{}", redis.address()),
    ];
    args.extend(flags.iter().map(|flag| (*flag).to_owned()));
    Peer::start("prometheus-redis-exporter", port, folder, &args).answering("/metrics")
}

/// An authority in a folder, and what it has signed: `server` and `client`, both for loopback.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes them with Debian's openssl; they are good for a day.
    pub fn make(folder: &Path) -> Self {
        let made = Self {
            folder: folder.to_path_buf(),
        };
        made.request("authority", &[]);
        let [authority, key] = [made.authority(), made.key("authority")];
        let [authority, key] = [authority, key].map(|file| file.display().to_string());
        let signed = [
            "-CA",
            &authority,
            "-CAkey",
            &key,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
        ];
        made.request("server", &signed);
        made.request("client", &signed);
        made
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.certificate("authority")
    }

    /// The certificate of one of them.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.crt"))
    }

    /// The key of one of them.
    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    fn request(&self, name: &str, more: &[&str]) {
        let output = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "1"])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-subj", &format!("/CN={name}")])
            .arg("-keyout")
            .arg(self.key(name))
            .arg("-out")
            .arg(self.certificate(name))
            .args(more)
            .output()
            .unwrap_or_else(|error| panic!("openssl: {error} (run tests/run)"));
        let fault = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {fault}");
    }
}
