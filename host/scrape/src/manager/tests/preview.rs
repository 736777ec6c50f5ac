//! Somebody looks at a target: a preview says what a scrape would store, and nothing is stored.

use futures::future::join_all;
use narthex_model::Labels;

use super::*;
use crate::{PREVIEW_PAGE_BYTES_MAX, PREVIEWS_MAX, PreviewError, ScrapePreview};

/// Looks at the target of a job.
async fn look(world: &World, job: &str) -> Result<ScrapePreview, PreviewError> {
    let pools = world.manager.pools();
    let pool = pools.iter().find(|pool| pool.job == job).unwrap();
    let target = &pool.active[0];
    let preview = world.manager.preview(job, target.url(), target.labels());
    preview.await
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
