//! Those who send by remote write, and those who receive: they keep their folder and their port, so
//! that they can be killed and started again.

use std::path::Path;

use super::Peer;

/// Prometheus on a port and in a folder of the caller's, with its receiver on.
pub fn prometheus_receiving(folder: &Path, port: u16) -> Peer {
    let config = folder.join("prometheus-receiving.yml");
    std::fs::write(&config, "global: {}\n").unwrap();
    let args = [
        format!("--config.file={}", config.display()),
        format!(
            "--storage.tsdb.path={}",
            folder.join("prometheus").display()
        ),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--web.enable-remote-write-receiver".to_owned(),
    ];
    Peer::start("prometheus", port, folder, &args).answering("/-/ready")
}

/// VictoriaMetrics on a port and in a folder of the caller's.
pub fn victoria_metrics(folder: &Path, port: u16) -> Peer {
    let args = [
        format!("-storageDataPath={}", folder.join("victoria").display()),
        format!("-httpListenAddr=127.0.0.1:{port}"),
        // What has just come is answered at once.
        "-search.latencyOffset=0s".to_owned(),
        "-search.disableCache".to_owned(),
    ];
    Peer::start("victoria-metrics", port, folder, &args).answering("/health")
}

/// VictoriaMetrics' agent: it scrapes by a config and sends to a URL.
pub fn vmagent(folder: &Path, port: u16, config: &str, url: &str) -> Peer {
    let file = folder.join("vmagent.yml");
    std::fs::write(&file, config).unwrap();
    let args = [
        format!("-promscrape.config={}", file.display()),
        format!("-remoteWrite.url={url}"),
        // Over several connections a newer sample may come before an older one.
        "-remoteWrite.queues=1".to_owned(),
        format!(
            "-remoteWrite.tmpDataPath={}",
            folder.join("vmagent").display()
        ),
        format!("-httpListenAddr=127.0.0.1:{port}"),
        // Half a minute, otherwise.
        "-promscrape.kubernetesSDCheckInterval=1s".to_owned(),
    ];
    Peer::start("vmagent", port, folder, &args).answering("/health")
}
