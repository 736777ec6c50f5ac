//! One sender at work: it reads the log, tells its samples out to the shards, and keeps as many
//! of them as it takes.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use narthex_head::{LogEvent, LogPlace, LogRecord, LogTail};
use narthex_model::sample::is_histogram;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::delivery::{DROPPED_SERIES, Delivered, Delivery, NOT_WANTED};
use super::item::{Counts, Item, ItemValue, MetadataSource};
use super::manager::LogSource;
use super::rates::{Shards, UPDATE_INTERVAL};
use super::request;
use super::series::SeriesTable;
use super::shard::ShardQueue;
use crate::MessageKind;

/// How often the end of the log is looked at while nothing comes.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// So many samples are read from the log before they are told out.
const READ_SAMPLES: usize = 10_000;

/// The number of shards is not changed where nothing was sent for so long: they would not be
/// emptied.
const SENT_LATELY_MIN: Duration = Duration::from_secs(10);

/// How far a sender has come, for those who write it down.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Every record up to it is with the shards.
    told_out: u64,
    /// Segments, and the last record before each.
    segments: VecDeque<(u32, u64)>,
    shards: Vec<Arc<ShardQueue>>,
}

impl Progress {
    pub(super) fn at(place: LogPlace) -> Self {
        Self(Mutex::new(Inner {
            told_out: place.seq,
            segments: VecDeque::from([(place.segment, place.seq)]),
            shards: Vec::new(),
        }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every record up to here was sent, or never will be.
    pub(super) fn place(&self) -> LogPlace {
        let mut inner = self.inner();
        let waiting = inner.shards.iter().filter_map(|shard| shard.oldest()).min();
        let seq = match waiting {
            Some(oldest) => inner.told_out.min(oldest.saturating_sub(1)),
            None => inner.told_out,
        };
        while inner
            .segments
            .get(1)
            .is_some_and(|(_, before)| *before <= seq)
        {
            inner.segments.pop_front();
        }
        let segment = inner.segments.front().map_or(0, |(segment, _)| *segment);
        LogPlace { segment, seq }
    }
}

/// What runs.
pub(super) struct Queue {
    pub(super) delivery: Arc<Delivery>,
    pub(super) log: Arc<dyn LogSource>,
    pub(super) metadata: Arc<dyn MetadataSource>,
    pub(super) series: SeriesTable,
    pub(super) progress: Arc<Progress>,
    /// Becomes `true` where the rest of the log is to be read and sent, and no more.
    pub(super) stop: watch::Receiver<bool>,
}

/// The shards that run.
struct Running {
    queues: Vec<Arc<ShardQueue>>,
    tasks: JoinSet<()>,
    /// What goes to each; kept from record to record.
    parts: Vec<Vec<Item>>,
}

impl Queue {
    /// Runs until it is stopped and the rest is sent.
    pub(super) async fn run(mut self, tail: LogTail) {
        let metadata = self.send_metadata();
        let min_shards = self.delivery.config.queue_config.min_shards;
        let mut shards = self.start(min_shards);
        let mut next_update = Instant::now() + UPDATE_INTERVAL;
        let (mut tail, mut fault) = (Some(tail), None);
        'reading: loop {
            // Read before the last look at the log, so that nothing is left when it is over.
            // A manager that is gone asks for nothing any more.
            let is_stopped = *self.stop.borrow() || self.stop.has_changed().is_err();
            let Some(reader) = tail.take() else { break };
            let read = tokio::task::spawn_blocking(move || read(reader));
            let Ok((reader, events, found)) = read.await else {
                tracing::error!("reading the log panicked: nothing is sent any more");
                break;
            };
            tail = Some(reader);
            // Told once and not ten times a second.
            if let Some(error) = found.as_ref().filter(|_| found != fault) {
                let url = &self.delivery.shown_url;
                tracing::error!(url, error, "the log cannot be read for remote write");
            }
            fault = found;
            let is_end = events.is_empty();
            for event in events {
                if Instant::now() >= next_update {
                    next_update = Instant::now() + UPDATE_INTERVAL;
                    shards = self.think_over(shards).await;
                }
                if self.event(event, &mut shards).await == Delivered::Aborted {
                    break 'reading;
                }
            }
            if is_end {
                if is_stopped {
                    break;
                }
                if Instant::now() >= next_update {
                    next_update = Instant::now() + UPDATE_INTERVAL;
                    shards = self.think_over(shards).await;
                }
                let mut stop = self.stop.clone();
                tokio::select! {
                    () = tokio::time::sleep(POLL_INTERVAL) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
        }
        metadata.abort();
        shards.end().await;
    }

    fn start(&self, count: usize) -> Running {
        let config = &self.delivery.config.queue_config;
        let mut tasks = JoinSet::new();
        let queues = (0..count).map(|_| {
            let queue = Arc::new(ShardQueue::new(
                config.capacity,
                config.max_samples_per_send,
                config.batch_send_deadline.as_std(),
            ));
            tasks.spawn(send(Arc::clone(&queue), Arc::clone(&self.delivery)));
            queue
        });
        let queues: Vec<Arc<ShardQueue>> = queues.collect();
        self.progress.inner().shards.clone_from(&queues);
        self.delivery.metrics.shards(count, config);
        Running {
            parts: vec![Vec::new(); count],
            queues,
            tasks,
        }
    }

    /// An interval is over: are there as many shards as there should be?
    async fn think_over(&self, mut shards: Running) -> Running {
        let config = &self.delivery.config.queue_config;
        let now = shards.queues.len();
        let newest_ms = self.log.newest_ms().unwrap_or(i64::MIN);
        let sent_ms = self.delivery.newest_sent_ms.load(Ordering::Relaxed);
        let behind_ms = match sent_ms {
            i64::MIN => 0,
            sent_ms => newest_ms.saturating_sub(sent_ms),
        };
        let behind = Duration::from_millis(u64::try_from(behind_ms).unwrap_or(0));
        let (desired, wanted) = {
            let rates = &self.delivery.rates;
            let mut rates = rates.lock().unwrap_or_else(PoisonError::into_inner);
            rates.tick();
            let bounds = Shards {
                now,
                min: config.min_shards,
                max: config.max_shards,
            };
            rates.desired(bounds, behind)
        };
        self.delivery.metrics.shards_desired(desired);
        let last_sent = &self.delivery.last_sent;
        let last_sent = *last_sent.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = SENT_LATELY_MIN.max(2 * config.batch_send_deadline.as_std());
        let is_sending = last_sent.is_some_and(|last| last.elapsed() <= lately);
        if wanted == now || !is_sending {
            return shards;
        }
        tracing::info!(
            url = self.delivery.shown_url,
            from = now,
            to = wanted,
            "remote write changes its number of shards"
        );
        // What waits must be sent before what comes, or a series would be out of order.
        shards.end().await;
        // Where it was broken off, what the old ones hold still counts as not sent.
        match *self.delivery.abort.borrow() {
            true => shards,
            false => self.start(wanted),
        }
    }

    async fn event(&mut self, event: LogEvent, shards: &mut Running) -> Delivered {
        match event {
            LogEvent::Segment(number) => {
                self.series.begin();
                self.delivery.metrics.segment(number);
                let mut inner = self.progress.inner();
                let before = inner.told_out;
                inner.segments.push_back((number, before));
                Delivered::Done
            }
            LogEvent::Lost {
                segment,
                records,
                reason,
            } => {
                tracing::error!(
                    url = self.delivery.shown_url,
                    segment,
                    records,
                    reason,
                    "a part of the log was not sent and cannot be"
                );
                self.delivery.metrics.lost(records.unwrap_or(1));
                Delivered::Done
            }
            LogEvent::Record(record) => self.record(record, shards).await,
        }
    }

    async fn record(&mut self, mut record: LogRecord, shards: &mut Running) -> Delivered {
        for labels in record.declared.drain(..) {
            self.series.declare(labels);
        }
        let seq = record.seq;
        self.tell_out(record, shards);
        for (queue, part) in shards.queues.iter().zip(&mut shards.parts) {
            let mut abort = self.delivery.abort.clone();
            tokio::select! {
                waited = queue.push(part) => {
                    if waited {
                        self.delivery.metrics.enqueue_waited();
                    }
                }
                _ = abort.wait_for(|abort| *abort) => return Delivered::Aborted,
            }
        }
        let mut inner = self.progress.inner();
        inner.told_out = inner.told_out.max(seq);
        Delivered::Done
    }

    /// Says which shard gets what of a record.
    fn tell_out(&self, record: LogRecord, shards: &mut Running) {
        let config = &self.delivery.config;
        let (mut read, mut kept) = (Counts::default(), Counts::default());
        let mut unwanted = Counts::default();
        let mut newest_ms = i64::MIN;
        let mut histograms = record.histograms.into_iter().peekable();
        let mut starts = record.starts.into_iter().peekable();
        let shards_now = shards.parts.len();
        let mut push = |item: Item| {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "what is left is less than a count of shards"
            )]
            let shard = (item.labels.stable_hash() % shards_now as u64) as usize;
            shards.parts[shard].push(item);
        };
        for (place, sample) in (0_u32..).zip(&record.samples) {
            let histogram = histograms.next_if(|(at, _)| *at == place);
            let start = starts.next_if(|(at, _)| *at == place);
            let start_ms = start.map_or(0, |(_, start_ms)| start_ms);
            newest_ms = newest_ms.max(sample.timestamp_ms);
            let (timestamp_ms, value) = (sample.timestamp_ms, sample.value);
            let (count, dropped, value) = match histogram {
                Some((_, histogram)) => {
                    read.histograms += 1;
                    let value = ItemValue::Histogram {
                        timestamp_ms,
                        histogram,
                        start_ms,
                    };
                    (&mut kept.histograms, &mut unwanted.histograms, value)
                }
                // A histogram that the log does not have.
                None if is_histogram(value) => continue,
                None => {
                    read.samples += 1;
                    let value = ItemValue::Number {
                        timestamp_ms,
                        value,
                        start_ms,
                    };
                    (&mut kept.samples, &mut unwanted.samples, value)
                }
            };
            let is_native = matches!(value, ItemValue::Histogram { .. });
            if is_native && !config.send_native_histograms {
                *dropped += 1;
                continue;
            }
            if let Some(labels) = self.series.get(sample.series) {
                *count += 1;
                push(Item {
                    labels: labels.clone(),
                    value,
                    seq: record.seq,
                });
            }
        }
        for sample in record.exemplars {
            read.exemplars += 1;
            if !config.send_exemplars {
                unwanted.exemplars += 1;
            } else if let Some(labels) = self.series.find(&sample.series) {
                kept.exemplars += 1;
                push(Item {
                    labels,
                    value: ItemValue::Exemplar(sample.exemplar),
                    seq: record.seq,
                });
            }
        }
        self.count(read, kept, unwanted, newest_ms);
    }

    fn count(&self, read: Counts, kept: Counts, unwanted: Counts, newest_ms: i64) {
        let metrics = &self.delivery.metrics;
        if read.all() == 0 {
            return;
        }
        metrics.read(read, newest_ms);
        metrics.dropped(NOT_WANTED, unwanted);
        let dropped = read.less(kept);
        metrics.dropped(DROPPED_SERIES, dropped.less(unwanted));
        metrics.pending(kept, 1);
        let rates = &self.delivery.rates;
        let mut rates = rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.read.add(read.all() as f64);
        rates.dropped.add(dropped.all() as f64);
    }

    /// Looks at the metadata in an interval: messages of 1.0 bring it in requests of their own.
    fn send_metadata(&self) -> tokio::task::JoinHandle<()> {
        let (delivery, source) = (Arc::clone(&self.delivery), Arc::clone(&self.metadata));
        tokio::spawn(async move {
            let config = delivery.config.metadata_config.clone();
            if !config.send {
                return;
            }
            let mut interval = tokio::time::interval(config.send_interval.as_std());
            loop {
                interval.tick().await;
                let metadata = source.metadata();
                if delivery.config.protobuf_message == MessageKind::V2 {
                    let by_name = request::by_name(metadata);
                    let mut held = delivery
                        .metadata
                        .write()
                        .unwrap_or_else(PoisonError::into_inner);
                    *held = by_name;
                    continue;
                }
                for part in metadata.chunks(config.max_samples_per_send) {
                    if delivery.deliver_metadata(part).await == Delivered::Aborted {
                        return;
                    }
                }
            }
        })
    }
}

impl Running {
    /// Sends what waits, and ends. Where nothing may be waited for any more, what waits stays.
    async fn end(&mut self) {
        for queue in &self.queues {
            queue.close();
        }
        while self.tasks.join_next().await.is_some() {}
    }
}

/// A shard: one request after the other.
async fn send(queue: Arc<ShardQueue>, delivery: Arc<Delivery>) {
    while let Some(batch) = queue.take().await {
        if delivery.deliver(batch).await == Delivered::Aborted {
            // It counts as under way for ever, so the next process sends it.
            return;
        }
        queue.done();
    }
}

/// Reads the log up to its end, or until there is enough to do, and says why it could not.
fn read(mut tail: LogTail) -> (LogTail, Vec<LogEvent>, Option<String>) {
    let (mut events, mut samples) = (Vec::new(), 0);
    let read = tail.read(|event| {
        if let LogEvent::Record(record) = &event {
            samples += record.samples.len();
        }
        events.push(event);
        match samples < READ_SAMPLES {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    (tail, events, read.err().map(|error| error.to_string()))
}
