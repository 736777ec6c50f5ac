//! Somebody looks at a target: a preview says what a scrape would store, and nothing is stored.

use futures::future::join_all;
use narthex_model::{Labels, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::{HttpCollector, PREVIEW_PAGE_BYTES_MAX, PREVIEWS_MAX, PreviewError, ScrapePreview};

/// Looks at the target of a job.
async fn look(world: &World, job: &str) -> Result<ScrapePreview, PreviewError> {
    look_in(&world.manager, job).await
}

async fn look_in(manager: &ScrapeManager, job: &str) -> Result<ScrapePreview, PreviewError> {
    let pools = manager.pools();
    let pool = pools.iter().find(|pool| pool.job == job).unwrap();
    let target = &pool.active[0];
    manager.preview(job, target.url(), target.labels()).await
}

/// A server that gives the same answer to all; its address, and what it was asked.
async fn answering(head: &str, body: &str) -> (String, Arc<StdMutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let asked: Arc<StdMutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        'connections: while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else {
                    continue 'connections;
                };
                head.push(byte);
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            log.lock().unwrap().push(head);
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (address, asked)
}

/// A job whose own scrapes do not come in the way.
fn rare(name: &str, more: serde_json::Value) -> serde_json::Value {
    let mut rare = job(name, json!({"scrape_interval": "1d"}));
    rare.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    rare
}

#[tokio::test(start_paused = true)]
async fn what_would_be_stored_is_said_and_not_stored() {
    let world = World::new();
    let drop = json!([{"source_labels": ["__name__"], "regex": ".*", "action": "drop"}]);
    let jobs = json!([
        rare("shop", json!({})),
        rare("dropped", json!({"metric_relabel_configs": drop})),
        rare("refusing", json!({"params": {"fail": ["yes"]}})),
        rare("slow", json!({"metrics_path": "/slow"})),
        rare("large", json!({"params": {"large": ["yes"]}})),
    ]);
    world.reload(jobs).await.unwrap();

    let shop = look(&world, "shop").await.unwrap();
    let page = "# HELP shop of the job\nshop 1\n";
    assert_eq!(shop.page.as_deref(), Some(page));
    assert_eq!(
        (shop.bytes, shop.content_type.as_str()),
        (page.len(), "text/plain")
    );
    assert_eq!((shop.scraped, shop.kept, shop.error), (1, 1, None));
    assert_eq!(shop.duration, Duration::from_millis(10));
    let [sample] = shop.samples.as_slice() else {
        panic!("{:?}", shop.samples);
    };
    assert_eq!(sample.labels.get("__name__"), Some("shop"));
    assert_eq!(sample.labels.get("instance"), Some("h:1"));
    assert_eq!(sample.value.to_bits(), 1_f64.to_bits());

    let dropped = look(&world, "dropped").await.unwrap();
    assert_eq!((dropped.scraped, dropped.kept), (1, 0));
    assert!(dropped.samples.is_empty());

    let refusing = look(&world, "refusing").await.unwrap();
    assert_eq!(refusing.error, Some(ScrapeError::Collect("refused".into())));
    assert_eq!((refusing.bytes, refusing.page), (0, None));

    let slow = look(&world, "slow").await.unwrap();
    assert_eq!(slow.error, Some(ScrapeError::DeadlineExceeded));

    let large = look(&world, "large").await.unwrap();
    assert!(large.bytes > PREVIEW_PAGE_BYTES_MAX);
    assert_eq!(large.page.unwrap().len(), PREVIEW_PAGE_BYTES_MAX);
    assert_eq!(large.kept, 1);

    assert!(world.store.batches.lock().unwrap().is_empty());
    for pool in world.manager.pools() {
        assert_eq!(
            pool.active[0].status().health,
            Health::Unknown,
            "{}",
            pool.job
        );
    }
}

#[tokio::test]
async fn a_preview_follows_redirects_as_the_job_does_and_takes_no_credentials_elsewhere() {
    let text = "200 OK\r\nContent-Type: text/plain";
    let (other, asked_elsewhere) = answering(text, "other 1\n").await;
    // Another host by its name.
    let other = other.replace("127.0.0.1", "localhost");
    let moved = format!("302 Found\r\nLocation: http://{other}/metrics");
    let (address, asked) = answering(&moved, "").await;
    let redirected = |name: &str, more| {
        let mut job = rare(name, more);
        job["static_configs"] = json!([{"targets": [&address]}]);
        job["basic_auth"] = json!({"username": "u", "password": "p"});
        job
    };
    let jobs = json!([
        redirected("stays", json!({"follow_redirects": false})),
        redirected("follows", json!({})),
    ]);
    let manager = ScrapeManager::new(
        Arc::new(Store::default()),
        Arc::new(SystemClock),
        Box::new(|config| Ok(Arc::new(HttpCollector::new(config)?) as Arc<dyn Collector>)),
        Box::new(|_, _| Err("nobody is asked".to_owned())),
        &mut Registry::default(),
    );
    let jobs = serde_json::from_value(jobs).unwrap();
    let configs = resolve(GlobalConfig::default(), jobs).unwrap();
    manager.reload(configs).await.unwrap();

    let stays = look_in(&manager, "stays").await.unwrap();
    let refused = ScrapeError::Status("302 Found".into());
    assert_eq!((stays.error, stays.page), (Some(refused), None));
    assert!(asked_elsewhere.lock().unwrap().is_empty());

    let follows = look_in(&manager, "follows").await.unwrap();
    assert_eq!(follows.page.as_deref(), Some("other 1\n"));
    let shows_who_asks = |asked: &StdMutex<Vec<String>>| -> Vec<bool> {
        let asked = asked.lock().unwrap();
        let shown = asked.iter().map(|head| head.contains("authorization:"));
        shown.collect()
    };
    assert_eq!(shows_who_asks(&asked), [true, true]);
    assert_eq!(shows_who_asks(&asked_elsewhere), [false]);
    manager.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_targets_are_looked_at_and_a_few_at_a_time() {
    let world = World::new();
    let jobs = json!([rare("slow", json!({"metrics_path": "/slow"}))]);
    world.reload(jobs).await.unwrap();
    let target = world.target();
    for (job, url, labels) in [
        ("other", target.url(), target.labels()),
        ("slow", "http://169.254.169.254/latest", target.labels()),
        ("slow", target.url(), &Labels::empty()),
    ] {
        let preview = world.manager.preview(job, url, labels).await;
        assert_eq!(
            preview.unwrap_err(),
            PreviewError::UnknownTarget,
            "{job} {url}"
        );
    }
    let all = join_all((0..=PREVIEWS_MAX).map(|_| look(&world, "slow"))).await;
    let refused = all
        .iter()
        .filter(|one| matches!(one, Err(PreviewError::Busy)));
    assert_eq!(refused.count(), 1);
    assert!(look(&world, "slow").await.is_ok());
}
