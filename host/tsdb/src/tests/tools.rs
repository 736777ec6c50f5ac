//! What the tools print is what promtool prints of the same samples.

use std::path::Path;
use std::process::Command;
use std::slice::from_ref;

use narthex_block::BlockMeta;
use narthex_model::{MatchOp, Matcher, PromDuration};
use narthex_storage::{SelectRequest, TimeRange};
use tempfile::TempDir;

use super::fixture::{Setup, Store, append, sample};
use super::import::{HOUR_MS, START_MS, prometheus, written};
use crate::{Analysis, AnalysisOptions, BlockList, DumpFormat, StoredBlocks, dump};

/// The same samples in blocks of ours and of Prometheus.
struct Both {
    ours: Store,
    theirs: TempDir,
}

impl Both {
    async fn new() -> Self {
        let (text, _) = written();
        let theirs = TempDir::new().unwrap();
        prometheus(theirs.path(), &text, "2h");
        // Without it promtool dumps nothing.
        std::fs::create_dir(theirs.path().join("wal")).unwrap();
        let ours = Store::with(Setup {
            now_ms: START_MS + 1_000 * HOUR_MS,
            ..Setup::from(2 * HOUR_MS)
        });
        let file = theirs.path().join("text");
        let made = ours.create_blocks(&file, PromDuration::from_secs(7_200), |_| {});
        made.await.unwrap();
        Self { ours, theirs }
    }

    /// What promtool prints of its blocks.
    fn promtool(&self, args: &[&str]) -> String {
        let folder = self.theirs.path().to_str().unwrap();
        self.promtool_with(&[args, &[folder]].concat())
    }

    fn promtool_with(&self, args: &[&str]) -> String {
        let mut promtool = Command::new("promtool");
        let done = promtool.arg("tsdb").args(args);
        let done = done.output().unwrap();
        let printed = String::from_utf8(done.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{args:?}: {complaint}");
        printed
    }

    async fn dump(&self, request: &SelectRequest, format: DumpFormat) -> String {
        let blocks = StoredBlocks::find(self.ours.path()).unwrap();
        let blocks = blocks.open_all().await.blocks;
        let mut text = Vec::new();
        dump(&blocks, from_ref(request), format, &mut text)
            .await
            .unwrap();
        String::from_utf8(text).unwrap()
    }
}

/// The rows of a table without what differs: the name, the chunks, the size.
fn rows(table: &str, is_human_readable: bool) -> Vec<Vec<String>> {
    let cells = |line: &str| line.split("  ").map(str::trim).map(str::to_owned).collect();
    let rows = table.lines().map(|line| {
        let cells: Vec<String> = cells(line);
        let cells: Vec<String> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells.len(), 8, "{line}");
        [&cells[1..5], &cells[6..7]].concat()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    assert_eq!(rows[1][0].contains("UTC"), is_human_readable);
    rows
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_listed_as_promtool_does() {
    let both = Both::new().await;
    let stored = StoredBlocks::find(both.ours.path()).unwrap();
    let blocks = stored.open_all().await.blocks;
    let blocks: Vec<BlockMeta> = blocks.iter().map(|block| block.meta().clone()).collect();
    for (flag, is_human_readable) in [("--no-human-readable", false), ("-r", true)] {
        let list = BlockList {
            blocks: &blocks,
            is_human_readable,
        };
        let (ours, theirs) = (list.to_string(), both.promtool(&["list", flag]));
        assert_eq!(
            rows(&ours, is_human_readable),
            rows(&theirs, is_human_readable)
        );
    }
    // What promtool does not know has a column more.
    let downsampled = BlockMeta {
        resolution_ms: 300_000,
        ..blocks[0].clone()
    };
    let list = BlockList {
        blocks: &[blocks[0].clone(), downsampled],
        is_human_readable: true,
    };
    let list = list.to_string();
    let cells = |line: &str| line.split("  ").filter(|cell| !cell.is_empty()).count();
    let counts: Vec<usize> = list.lines().map(cells).collect();
    assert_eq!(counts, [9, 8, 9], "{list}");
    let lines: Vec<&str> = list.lines().collect();
    assert!(
        lines[0].ends_with("RESOLUTION") && lines[2].ends_with("5m0s"),
        "{list}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_dumped_as_promtool_does() {
    let both = Both::new().await;
    let (from_ms, to_ms) = (START_MS + HOUR_MS, START_MS + 3 * HOUR_MS);
    let between = TimeRange {
        start_ms: from_ms,
        end_ms: to_ms,
    };
    let (from, to) = (
        format!("--min-time={from_ms}"),
        format!("--max-time={to_ms}"),
    );
    let bucket = Matcher::new("__name__", MatchOp::Equal, "bucket").unwrap();
    for (args, matchers, range) in [
        (vec![], vec![], TimeRange::ALL),
        (vec![from.as_str(), to.as_str()], vec![], between),
        (vec!["--match=bucket"], vec![bucket], TimeRange::ALL),
    ] {
        let request = SelectRequest { matchers, range };
        let ours = both.dump(&request, DumpFormat::Labels).await;
        let theirs = both.promtool(&[vec!["dump"], args].concat());
        assert!(ours.lines().count() > 200);
        assert_eq!(sorted(&ours), sorted(&theirs));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dumped_as_open_metrics_makes_the_same_blocks() {
    let both = Both::new().await;
    let request = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    let text = both.dump(&request, DumpFormat::OpenMetrics).await;
    let file = both.theirs.path().join("dumped");
    std::fs::write(&file, &text).unwrap();
    let again = Store::with_blocks_of(2 * HOUR_MS);
    let made = again.create_blocks(&file, PromDuration::from_secs(7_200), |_| {});
    made.await.unwrap();
    assert_eq!(again.samples().await, both.ours.samples().await);
    assert!(text.ends_with("# EOF\n") && text.contains("\nbucket{A=\"ü\",le=\"9\"} "));
}

fn of(limit: usize) -> AnalysisOptions {
    AnalysisOptions {
        limit,
        ..AnalysisOptions::default()
    }
}

/// What is analyzed, each list sorted, without the name of the block and what promtool has not.
fn lists(analysis: &str) -> Vec<Vec<&str>> {
    let lists = analysis.split("\n\n").map(|list| {
        let mut lines: Vec<&str> = list.lines().collect();
        lines.sort_unstable();
        lines.retain(|line| !line.starts_with("Block ID"));
        lines
    });
    lists.take(7).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_analyzed_as_promtool_does() {
    let both = Both::new().await;
    let stored = StoredBlocks::find(both.ours.path()).unwrap();
    let blocks = stored.open_all().await.blocks;
    let theirs = both.theirs.path().to_str().unwrap();
    // The last block is the one that is taken where none is named.
    let ours = Analysis::of(blocks.last().unwrap(), &of(1_000))
        .await
        .unwrap();
    let ours = ours.to_string();
    let theirs = both.promtool_with(&["analyze", "--limit=1000", theirs]);
    assert_eq!(lists(&ours), lists(&theirs));
    assert!(ours.contains("\nBytes per sample, of "), "{ours}");
    let shorter = Analysis::of(blocks.last().unwrap(), &of(2)).await.unwrap();
    assert_eq!(lists(&shorter.to_string())[3].len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matches_of_a_block_is_analyzed_with_its_chunks() {
    let both = Both::new().await;
    let stored = StoredBlocks::find(both.ours.path()).unwrap();
    let blocks = stored.open_all().await.blocks;
    let bucket = Matcher::new("__name__", MatchOp::Equal, "bucket").unwrap();
    let options = AnalysisOptions {
        selector: Some(("bucket".to_owned(), vec![bucket])),
        is_extended: true,
        ..of(1_000)
    };
    let analysis = Analysis::of(blocks.last().unwrap(), &options)
        .await
        .unwrap();
    let text = analysis.to_string();
    let after = |part: &str| {
        let found = text.split_once(part).map(|(_, after)| after.lines());
        found.unwrap_or_else(|| panic!("{part}\n{text}"))
    };
    assert_eq!(after("\nMatcher: ").next(), Some("bucket"));
    let series: u64 = after("\nMatched series: ").next().unwrap().parse().unwrap();
    let metrics = after("\nHighest cardinality metric names:\n").next();
    assert_eq!(metrics, Some(format!("{series} bucket").as_str()));
    let all: u64 = after("\nSeries: ").next().unwrap().parse().unwrap();
    assert!(series < all, "{text}");
    // The block is no longer than a slice, so that each series is one chunk.
    let bars = after("\nsamples per float chunk (min/avg/max): ").skip(1);
    let chunks = bars.take_while(|line| line.starts_with('[')).map(|line| {
        let (_, count) = line.split_once("]: ").unwrap();
        let count = count.split_whitespace().next().unwrap();
        count.parse::<u64>().unwrap()
    });
    assert_eq!(chunks.sum::<u64>(), series, "{text}");
    assert!(
        text.contains("\nsamples per histogram chunk: N/A\n"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_to_one_block_is_named_and_the_others_are_sound() {
    let both = Both::new().await;
    let stored = StoredBlocks::find(both.ours.path()).unwrap();
    let damaged = stored.names()[1].clone();
    let file = both.ours.path().join(&damaged).join("chunks.parquet");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[20] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let mut named = Vec::new();
    for name in stored.names() {
        let errors = stored.verify(name).await;
        named.extend(errors.iter().map(ToString::to_string));
    }
    assert_eq!(named, [format!("block {damaged}: chunks.parquet")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_cannot_be_opened_is_named_and_the_others_are_shown() {
    let both = Both::new().await;
    let stored = StoredBlocks::find(both.ours.path()).unwrap();
    let names = stored.names().to_vec();
    let (damaged, missing) = (names[1].as_str(), names[2].as_str());
    let meta = both.ours.path().join(damaged).join("meta.json");
    let mut text = std::fs::read(&meta).unwrap();
    text[40] ^= 4;
    std::fs::write(&meta, text).unwrap();
    std::fs::remove_file(both.ours.path().join(missing).join("times.parquet")).unwrap();

    let opened = stored.open_all().await;
    let named: Vec<String> = opened.damaged.iter().map(ToString::to_string).collect();
    assert_eq!(
        named,
        [
            format!("block {damaged}: meta.json"),
            format!("block {missing}: times.parquet")
        ]
    );
    let metas: Vec<BlockMeta> = opened.blocks.iter().map(|b| b.meta().clone()).collect();
    let list = BlockList {
        blocks: &metas,
        is_human_readable: false,
    };
    let listed = list.to_string();
    for name in &names {
        let is_sound = ![damaged, missing].contains(&name.as_str());
        assert_eq!(listed.contains(name.as_str()), is_sound, "{name}");
    }
    let all = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    let mut text = Vec::new();
    let dumped = dump(
        &opened.blocks,
        from_ref(&all),
        DumpFormat::Labels,
        &mut text,
    );
    dumped.await.unwrap();
    let samples: u64 = metas.iter().map(|meta| meta.stats.samples).sum();
    assert_eq!(
        String::from_utf8(text).unwrap().lines().count() as u64,
        samples
    );
    Analysis::of(opened.blocks.last().unwrap(), &of(5))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_open_is_read_beside_its_server() {
    let both = Both::new().await;
    append(
        &both.ours,
        vec![sample("new", START_MS + 11 * HOUR_MS, 1.0)],
    );
    let stored = StoredBlocks::find(both.ours.path()).unwrap();
    assert_eq!(stored.names().len(), both.ours.spans().len());
    assert!(StoredBlocks::find(Path::new("/no/such/folder")).is_err());
    let theirs = StoredBlocks::find(both.theirs.path()).unwrap();
    assert!(
        theirs.names().is_empty(),
        "blocks of Prometheus are not ours"
    );
}
