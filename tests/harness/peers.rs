//! Debian's programs that Narthex is compared with or fed from.

use std::path::Path;

use crate::{Process, free_port, http, until};

/// A peer and where it listens.
#[derive(Debug)]
pub struct Peer {
    process: Process,
    port: u16,
}

impl Peer {
    fn start(program: &str, port: u16, folder: &Path, args: &[String]) -> Self {
        let log = folder.join(format!("{program}-{port}.log"));
        Self {
            process: Process::start(program, args, &log),
            port,
        }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    fn answering(mut self, path: &str) -> Self {
        let url = format!("{}{path}", self.url());
        until(30, &url, || {
            self.process.check_running()?;
            match http::get(&url)? {
                (200, _) => Ok(()),
                (status, body) => Err(format!("{status} {body}")),
            }
        });
        self
    }
}

/// prometheus-node-exporter.
pub fn node_exporter(folder: &Path) -> Peer {
    let port = free_port();
    let args = [format!("--web.listen-address=127.0.0.1:{port}")];
    Peer::start("prometheus-node-exporter", port, folder, &args).answering("/metrics")
}

/// prometheus-pushgateway, empty.
pub fn pushgateway(folder: &Path) -> Peer {
    let port = free_port();
    let args = [format!("--web.listen-address=127.0.0.1:{port}")];
    Peer::start("prometheus-pushgateway", port, folder, &args).answering("/-/ready")
}

/// redis-server, empty and without a file.
pub fn redis(folder: &Path) -> Peer {
    let port = free_port();
    let folder_argument = folder.display().to_string();
    let args = [
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        &folder_argument,
    ]
    .map(str::to_owned);
    let mut peer = Peer::start("redis-server", port, folder, &args);
    until(30, "redis-server", || {
        peer.process.check_running()?;
        std::net::TcpStream::connect(peer.address()).map_err(|error| error.to_string())
    });
    peer
}

/// prometheus-redis-exporter in front of a redis-server.
pub fn redis_exporter(folder: &Path, redis: &Peer) -> Peer {
    let port = free_port();
    let args = [
        format!("-web.listen-address=127.0.0.1:{port}"),
        format!("-redis.addr=redis://{}", redis.address()),
    ];
    Peer::start("prometheus-redis-exporter", port, folder, &args).answering("/metrics")
}

/// Prometheus itself, with a config.
pub fn prometheus(folder: &Path, config: &str) -> Peer {
    let port = free_port();
    let file = folder.join(format!("prometheus-{port}.yml"));
    std::fs::write(&file, config).unwrap();
    let args = [
        format!("--config.file={}", file.display()),
        format!(
            "--storage.tsdb.path={}",
            folder.join(format!("prometheus-{port}")).display()
        ),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    Peer::start("prometheus", port, folder, &args).answering("/-/ready")
}
