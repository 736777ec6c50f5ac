//! What must hold for whatever lies in the folder of a block: it is an error or an answer, and
//! it ends. The fuzzer calls it with what it thinks of, and an ordinary test with what is kept in
//! `corpus`.

#![allow(
    dead_code,
    clippy::panic,
    clippy::unwrap_used,
    reason = "it ends where something does not hold, and each target calls a part of it"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{Block, BlockError, PageCache};
use narthex_model::{MatchOp, Matcher};
use narthex_storage::{LabelsRequest, SelectRequest, Series, TimeRange};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;

const ULID: &str = "01HF7YAT000000000000000007";

const META: &str = "meta.json";

/// The block that is kept for all later versions to open.
const FILES: [(&str, &[u8]); 5] = [
    (
        "chunks.parquet",
        include_bytes!("../tests/block/golden/v1/01HF7YAT000000000000000007/chunks.parquet"),
    ),
    (
        "index.parquet",
        include_bytes!("../tests/block/golden/v1/01HF7YAT000000000000000007/index.parquet"),
    ),
    (
        "series.parquet",
        include_bytes!("../tests/block/golden/v1/01HF7YAT000000000000000007/series.parquet"),
    ),
    (
        "times.parquet",
        include_bytes!("../tests/block/golden/v1/01HF7YAT000000000000000007/times.parquet"),
    ),
    (
        META,
        include_bytes!("../tests/block/golden/v1/01HF7YAT000000000000000007/meta.json"),
    ),
];

/// One entry of a file's `sums` covers so many bytes.
const SUM_BYTES: usize = 32 << 10;

/// Edits of one input; more say nothing new.
const EDITS_MAX: usize = 64;

/// Changes bytes of the files with Parquet in them. An edit is four bytes: which file, where
/// (two bytes, counted from the end), and what to flip; nothing to flip cuts the file there.
pub(crate) fn edits(bytes: &[u8]) {
    let mut files: BTreeMap<&str, Vec<u8>> = FILES
        .iter()
        .map(|(name, content)| (*name, content.to_vec()))
        .collect();
    for edit in bytes.chunks_exact(4).take(EDITS_MAX) {
        let (name, _) = FILES[usize::from(edit[0]) % (FILES.len() - 1)];
        let content = files.get_mut(name).unwrap();
        let back = usize::from(u16::from_le_bytes([edit[1], edit[2]]));
        let Some(at) = content.len().checked_sub(back + 1) else {
            continue;
        };
        match edit[3] {
            0 => content.truncate(at),
            flip => content[at] ^= flip,
        }
    }
    let mut meta: Value = serde_json::from_slice(FILES[4].1).unwrap();
    meta.as_object_mut().unwrap().shift_remove("checksum");
    for (name, content) in files.iter().filter(|(name, _)| **name != META) {
        let sums = content.chunks(SUM_BYTES);
        let sums: String = sums
            .map(|part| format!("{:08x}", crc32c::crc32c(part)))
            .collect();
        meta["files"][name]["size"] = content.len().into();
        meta["files"][name]["sums"] = sums.into();
    }
    let text = serde_json::to_string_pretty(&meta).unwrap();
    files.insert(META, sealed(text.strip_suffix("\n}").unwrap().as_bytes()));
    answer(files);
}

/// Puts another `meta.json` beside the files.
pub(crate) fn meta(bytes: &[u8]) {
    for text in [bytes.to_vec(), sealed(bytes)] {
        let files = FILES.iter();
        let files = files.map(|(name, content)| (*name, content.to_vec()));
        let mut files: BTreeMap<&str, Vec<u8>> = files.collect();
        files.insert(META, text);
        answer(files);
    }
}

/// An open document with its last member.
fn sealed(open: &[u8]) -> Vec<u8> {
    let sum = crc32c::crc32c(open);
    let mut text = open.to_vec();
    text.extend(format!(",\n  \"checksum\": \"{sum:08x}\"\n}}\n").bytes());
    text
}

fn answer(files: BTreeMap<&str, Vec<u8>>) {
    let ask = async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let folder = Path::from(ULID);
        for (name, content) in files {
            let path = folder.clone().join(name);
            store.put(&path, content.into()).await.unwrap();
        }
        let cache = Arc::new(PageCache::new(1 << 20));
        let block = Block::open(store, &folder, &cache).await;
        if let Ok(block) = block {
            ask_everything(&Arc::new(block)).await;
        }
    };
    block_on(ask);
}

/// Asks for all that a block can answer. Series have as many values as times, ascending.
async fn ask_everything(block: &Arc<Block>) {
    let matchers = || vec![Matcher::new("__name__", MatchOp::Regex, ".+").unwrap()];
    for matchers in [vec![], matchers()] {
        let range = TimeRange::ALL;
        let request = SelectRequest { matchers, range };
        let _ = block.series(&request).await;
        if let Ok(found) = select(block, &request).await {
            for series in found {
                let times = &series.timestamps;
                assert_eq!(times.len(), series.values.len());
                assert!(times.is_sorted_by(|a, b| a < b));
            }
        }
        let request = LabelsRequest {
            matchers: request.matchers,
            range,
            limit: None,
        };
        for name in block.label_names(&request).await.unwrap_or_default() {
            let _ = block.label_values(&name, &request).await;
        }
    }
}

async fn select(block: &Arc<Block>, request: &SelectRequest) -> Result<Vec<Series>, BlockError> {
    let stream = Arc::clone(block).select(request).await?;
    stream.try_collect().await
}
