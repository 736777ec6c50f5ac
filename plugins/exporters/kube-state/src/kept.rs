//! The objects of a kind, kept up to date by the host's watches from collection to collection, and
//! written as samples.

use std::collections::BTreeMap;

use narthex_sdk::kubernetes::{Change, Event, Watch};
use narthex_sdk::{Batch, Error, log};

use crate::config::{Selected, Shard};
use crate::metadata::{Named, Wanted};
use crate::object::{Object, Samples};

/// So many events are taken at a time.
const EVENTS_AT_ONCE: u32 = 1_000;

/// The objects of some kind.
pub(crate) trait Kept {
    /// What happened with its lists and watches.
    fn counts(&self) -> &Counts;

    /// Takes what changed. Before the first list is complete, nothing of it is told.
    fn update(&mut self, shard: Shard) -> Result<(), Error>;

    /// Whether all that there is has been seen.
    fn is_complete(&self) -> bool;

    /// Writes the families that are wanted.
    fn write(&self, selected: &Selected, batch: &mut Batch);
}

/// What happened with the lists and watches of a kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// The kind, as kube-state-metrics calls it: `*v1.Pod`.
    pub(crate) resource: String,
    /// First lists that were complete.
    pub(crate) lists: f64,
    /// Collections without a complete list.
    pub(crate) lists_missing: f64,
    /// Watches that the host opened.
    pub(crate) watches: f64,
    /// Those that it did not.
    pub(crate) watches_refused: f64,
}

/// The objects of one kind.
pub(crate) struct Objects<T> {
    /// None is all of them.
    namespaces: Vec<Option<String>>,
    labels: Wanted,
    annotations: Wanted,
    /// As many as there are namespaces; none until the host has opened all.
    watches: Vec<Watch>,
    /// By namespace and name.
    objects: BTreeMap<Box<str>, T>,
    is_complete: bool,
    counts: Counts,
}

impl<T: Object> Objects<T> {
    pub(crate) fn new(selected: &Selected) -> Self {
        let namespaces = match T::IS_NAMESPACED && !selected.namespaces.is_empty() {
            true => selected.namespaces.iter().cloned().map(Some).collect(),
            false => vec![None],
        };
        let version = T::API_VERSION.rsplit('/').next().unwrap_or_default();
        Self {
            namespaces,
            labels: selected.labels(T::RESOURCE),
            annotations: selected.annotations(T::RESOURCE),
            watches: Vec::new(),
            objects: BTreeMap::new(),
            is_complete: false,
            counts: Counts {
                resource: format!("*{version}.{}", T::KIND),
                ..Counts::default()
            },
        }
    }

    /// Opens the watches that are not open yet. What the host refuses is asked for again with the
    /// next collection: a right may be given, a kind installed.
    fn open(&mut self) {
        while let Some(namespace) = self.namespaces.get(self.watches.len()) {
            let namespace = namespace.as_deref();
            match Watch::open(T::API_VERSION, T::KIND, namespace, None) {
                Ok(watch) => {
                    self.counts.watches += 1.0;
                    self.watches.push(watch);
                }
                Err(error) => {
                    let fields = [("resource", T::RESOURCE), ("error", error.message())];
                    if self.counts.watches_refused == 0.0 {
                        log::warn("a kind cannot be watched, and is left out", &fields);
                    }
                    self.counts.watches_refused += 1.0;
                    return;
                }
            }
        }
    }

    fn take(&mut self, event: &Event, shard: Shard) {
        let object = match (event.change, event.parse::<T>()) {
            (Change::Added | Change::Modified, Ok(object)) => object,
            (change, read) => {
                if let (Change::Added | Change::Modified, Err(error)) = (change, read) {
                    let fields = [("resource", T::RESOURCE), ("error", error.message())];
                    log::warn(
                        "an object is not what it should be, and is left out",
                        &fields,
                    );
                }
                if let Ok(named) = event.parse::<Named>() {
                    self.objects.remove(&named.metadata.key());
                }
                return;
            }
        };
        let key = object.metadata().key();
        if shard.has(&object.metadata().uid) {
            let object = self.trimmed(object);
            self.objects.insert(key, object);
        } else {
            self.objects.remove(&key);
        }
    }

    /// Without what nobody asks for.
    fn trimmed(&self, mut object: T) -> T {
        let metadata = object.metadata_mut();
        self.labels.retain_in(&mut metadata.labels, T::LABELS_KEPT);
        let kept = T::ANNOTATIONS_KEPT;
        self.annotations.retain_in(&mut metadata.annotations, kept);
        object
    }

    /// Labels of objects as labels of a series that is always 1.
    fn write_labels(&self, selected: &Selected, batch: &mut Batch) {
        let help = "Labels of the object, as far as they are asked for.";
        self.write_texts(("label", help), &self.labels, selected, batch);
    }

    /// Likewise their annotations.
    fn write_annotations(&self, selected: &Selected, batch: &mut Batch) {
        let help = "Annotations of the object, as far as they are asked for.";
        self.write_texts(("annotation", help), &self.annotations, selected, batch);
    }

    fn write_texts(
        &self,
        (what, help): (&str, &str),
        wanted: &Wanted,
        selected: &Selected,
        batch: &mut Batch,
    ) {
        let name = format!("kube_{}_{what}s", T::NAME);
        if wanted.is_empty() || !selected.has_family(&name) {
            return;
        }
        let mut family = batch.gauge(&name, help);
        for object in self.objects.values() {
            let metadata = object.metadata();
            let texts = match what {
                "label" => &metadata.labels,
                _ => &metadata.annotations,
            };
            let labels = wanted.labels(what, texts);
            let labels: Vec<(&str, &str)> =
                labels.iter().map(|(name, text)| (&**name, *text)).collect();
            let identity = object.identity();
            Samples::new(&mut family, &identity).with(&labels, 1.0);
        }
    }
}

impl<T: Object> Kept for Objects<T> {
    fn counts(&self) -> &Counts {
        &self.counts
    }

    fn update(&mut self, shard: Shard) -> Result<(), Error> {
        self.open();
        let mut watches = std::mem::take(&mut self.watches);
        // Asked before: what is listed while the watches are read may be seen with the next look.
        let has_all = watches.len() == self.namespaces.len() && watches.iter().all(Watch::synced);
        let mut drained = Ok(());
        for watch in &mut watches {
            drained = drained.and_then(|()| self.drain(watch, shard));
        }
        let is_complete = has_all && drained.is_ok();
        self.watches = watches;
        match is_complete {
            true if !self.is_complete => self.counts.lists += 1.0,
            true => {}
            false => self.counts.lists_missing += 1.0,
        }
        self.is_complete |= is_complete;
        drained
    }

    fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn write(&self, selected: &Selected, batch: &mut Batch) {
        if !self.is_complete {
            return;
        }
        for row in T::FAMILIES {
            if !selected.has_family(row.name) {
                continue;
            }
            let mut family = batch.family(row.kind, row.name, row.help);
            for object in self.objects.values() {
                let identity = object.identity();
                (row.write)(object, &mut Samples::new(&mut family, &identity));
            }
        }
        self.write_labels(selected, batch);
        self.write_annotations(selected, batch);
    }
}

impl<T: Object> Objects<T> {
    fn drain(&mut self, watch: &mut Watch, shard: Shard) -> Result<(), Error> {
        // An answer may be short because its objects are large, so the last one is empty.
        loop {
            let events = watch.drain(EVENTS_AT_ONCE)?;
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                self.take(event, shard);
            }
        }
    }
}
