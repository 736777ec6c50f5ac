//! What is told while a stop is under way.

use super::peers::until;
use super::*;

const BOTH: &str = "
receivers: [{name: r, plugin_configs: [{plugin: hangs}, {plugin: waits}]}]
route: {receiver: r, group_wait: 1ms, group_interval: 1h}
";

#[tokio::test]
async fn what_is_told_after_a_stop_began_is_written_before_it_ends() {
    let disk = disk();
    let mut bench = Bench::start(&disk, BOTH).await;
    bench.fire("a");
    for _ in 0..2 {
        assert_eq!(bench.next().await.1, "a");
    }
    let manager = Arc::clone(&bench.manager);
    // One receiver never answers, so that the stop has an hour.
    let stop = tokio::spawn(async move { manager.stop(Duration::from_secs(3600)).await });
    until("the stop begins", || *bench.manager.is_stopping.borrow()).await;
    bench.gate.add_permits(1);
    // Who is killed now has told it once.
    until("the log has who was told", || {
        LogStore::open(Arc::clone(&disk)).unwrap().1.len() == 1
    })
    .await;
    assert!(!stop.is_finished());
    stop.abort();
}
