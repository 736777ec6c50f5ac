//! The plugins that we ship, in the real host.

use std::fs;
use std::sync::Arc;

use narthex_plugin::Artifact;
use narthex_scrape::Collector;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Bench, collect, collect_from, components, target};

const NODE: &str = include_str!("../../../../plugins/exporters/node/plugin.toml");
const REDIS: &str = include_str!("../../../../plugins/exporters/redis/plugin.toml");

async fn bench() -> Bench {
    let mut built = components(&["narthex-plugin-node", "narthex-plugin-redis"]);
    let (redis, node) = (built.remove(1), built.remove(0));
    let embedded = vec![
        Artifact::embedded("node", Vec::leak(node), NODE),
        Artifact::embedded("redis", Vec::leak(redis), REDIS),
    ];
    Bench::with(embedded, "{}").await
}

fn job(bench: &Bench, plugin: &str) -> Arc<dyn Collector> {
    bench
        .runtime
        .collector(plugin, plugin, &Value::Null)
        .unwrap()
}

#[tokio::test]
async fn node_reads_this_machine() {
    let boot_time = || {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let line = stat.lines().find_map(|line| line.strip_prefix("btime "));
        line.unwrap().to_owned()
    };
    let bench = bench().await;
    // It is the difference of two clocks, one of which may be set while they are compared.
    let before = boot_time();
    let text = collect(&job(&bench, "node")).await.unwrap();
    let boot_times = [before, boot_time()];
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} is not in\n{text}"))
            .trim()
            .to_owned()
    };
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
    let total = meminfo
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap();
    assert_eq!(
        value("node_memory_MemTotal_bytes"),
        (total * 1024).to_string()
    );
    let boot = value("node_boot_time_seconds");
    assert!(
        boot_times.contains(&boot),
        "{boot} is none of {boot_times:?}"
    );
    value("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}");
    value("node_network_receive_bytes_total{device=\"lo\"}");
    let failed = text
        .lines()
        .filter(|line| line.ends_with("collector_success\"} 0"))
        .count();
    assert_eq!(failed, 0, "{text}");
}

#[tokio::test]
async fn redis_asks_the_server_at_its_target() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        let info = "redis_version:7.0.0\r\nused_memory:5\r\nuptime_in_seconds:10\r\n";
        let answer = format!("${}\r\n{info}\r\n{}", info.len(), "-ERR no\r\n".repeat(7));
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let bench = bench().await;
    let redis = job(&bench, "redis");
    let target = target(&address);
    let (text, ()) = tokio::join!(collect_from(&redis, &target), server);
    let text = text.unwrap();
    for line in [
        "redis_up 1",
        "redis_memory_used_bytes 5",
        "redis_start_time_seconds 1699999990",
    ] {
        assert!(
            text.lines().any(|have| have == line),
            "{line} is not in\n{text}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_plainly() {
    // A port that is taken, so that nobody else gets it, and at which nobody listens.
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = deaf.local_addr().unwrap().to_string();
    let bench = bench().await;
    let text = collect_from(&job(&bench, "redis"), &target(&address))
        .await
        .unwrap();
    for line in [
        "redis_up 0".to_owned(),
        format!(
            "redis_exporter_last_scrape_error{{err=\"connect {address}: connection refused\"}} 1"
        ),
    ] {
        assert!(text.lines().any(|have| have == line), "{line}: {text}");
    }
}
