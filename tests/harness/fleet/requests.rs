//! The samples of the fleet as bodies of remote write 1.0, as a server sends them that has scraped
//! it: one sample a series in a request, so many series a request as Prometheus puts there.

use super::{Fleet, INTERVAL_MS, POD_STEPS};

/// Prometheus' `max_samples_per_send`.
const SERIES_PER_REQUEST: usize = 2_000;

/// Makes the requests of one step after the other, and remembers what the labels of a series are
/// in bytes, because that is most of the work.
pub struct Requests<'a> {
    fleet: &'a Fleet,
    labels: Vec<Labels>,
}

/// The labels of a series as fields of a message.
#[derive(Debug)]
struct Labels {
    target: usize,
    place: usize,
    /// Of the pod, where it is of one: another has other labels.
    generation: u64,
    fields: Vec<u8>,
}

impl Fleet {
    /// What a sender would send of it.
    pub fn requests(&self) -> Requests<'_> {
        let mut labels = Vec::with_capacity(self.series());
        for (target, exporter) in self.targets.iter().enumerate() {
            for place in 0..self.shapes[exporter.shape].lines.len() {
                labels.push(Labels {
                    target,
                    place,
                    generation: u64::MAX,
                    fields: Vec::new(),
                });
            }
        }
        Requests {
            fleet: self,
            labels,
        }
    }
}

impl Requests<'_> {
    /// The bodies of a step, compressed.
    pub fn of_step(&mut self, step: u64) -> Vec<Vec<u8>> {
        let time_ms = self.fleet.start_ms + step.cast_signed() * INTERVAL_MS;
        let mut compress = snap::raw::Encoder::new();
        let (mut bodies, mut body, mut line) = (Vec::new(), Vec::new(), String::new());
        for chunk in self.labels.chunks_mut(SERIES_PER_REQUEST) {
            body.clear();
            for labels in chunk {
                line.clear();
                self.fleet
                    .write_line(labels.target, labels.place, step, None, &mut line);
                let (series, value) = line.rsplit_once(' ').unwrap();
                labels.renew(self.fleet, series, step);
                let mut sample = vec![0x09];
                sample.extend(value.parse::<f64>().unwrap().to_le_bytes());
                sample.push(0x10);
                push_varint(&mut sample, time_ms.cast_unsigned());
                let mut series = labels.fields.clone();
                push_bytes(&mut series, 2, &sample);
                push_bytes(&mut body, 1, &series);
            }
            bodies.push(compress.compress_vec(&body).unwrap());
        }
        bodies
    }
}

impl Labels {
    /// Reads them from a line of the page where they are not those of the step before.
    fn renew(&mut self, fleet: &Fleet, series: &str, step: u64) {
        let line = &fleet.shapes[fleet.targets[self.target].shape].lines[self.place];
        let of_pod = |pod: u64| (step + pod * 47 + self.target as u64 * 13) / POD_STEPS;
        let generation = line.pod.map_or(0, of_pod);
        if self.generation == generation {
            return;
        }
        let instance = fleet.instance(self.target);
        let (name, rest) = series.split_once('{').unwrap_or((series, ""));
        let mut labels = vec![("__name__", name), ("instance", &instance), ("job", "load")];
        let pairs = rest.trim_end_matches('}').split("\",");
        labels.extend(pairs.filter_map(|pair| {
            let (name, value) = pair.split_once("=\"")?;
            Some((name, value.trim_end_matches('"')))
        }));
        labels.sort_unstable();
        self.fields.clear();
        for (name, value) in labels {
            let mut label = Vec::new();
            push_bytes(&mut label, 1, name.as_bytes());
            push_bytes(&mut label, 2, value.as_bytes());
            push_bytes(&mut self.fields, 1, &label);
        }
        self.generation = generation;
    }
}

/// A field of protobuf that is a text or a message.
fn push_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
