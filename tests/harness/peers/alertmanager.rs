//! Debian's Alertmanager, alone and without a cluster.

use std::path::Path;

use super::Peer;
use crate::free_port;

/// One with a config, reached as users are told by `external_url`.
pub fn alertmanager(folder: &Path, config: &str, external_url: &str) -> Peer {
    let port = free_port();
    let file = folder.join(format!("alertmanager-{port}.yml"));
    std::fs::write(&file, config).unwrap();
    let args = [
        format!("--config.file={}", file.display()),
        format!(
            "--storage.path={}",
            folder.join(format!("alertmanager-{port}")).display()
        ),
        format!("--web.listen-address=127.0.0.1:{port}"),
        format!("--web.external-url={external_url}"),
        "--web.route-prefix=/".to_owned(),
        "--cluster.listen-address=".to_owned(),
    ];
    Peer::start("prometheus-alertmanager", port, folder, &args).answering("/-/ready")
}
