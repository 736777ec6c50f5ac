//! From what a guest answered to a collection to what a scrape takes.

use narthex_exposition::{Families, Family, MetricType};
use narthex_model::sample::NORMAL_NAN_BITS;
use narthex_scrape::Scraped;

use crate::bindings::plugin::types::{Batch, MetricKind, Payload};
use crate::error::CallError;
use crate::imports::http::StoredResponse;

/// The status codes whose bodies are pages of metrics.
const STATUS_OK: u16 = 200;

/// Takes a payload; `responses` are those of its call.
pub(crate) fn scraped(
    payload: Payload,
    responses: &[StoredResponse],
) -> Result<Scraped, CallError> {
    match payload {
        Payload::Batch(batch) => Ok(Scraped::Families(families(batch)?)),
        Payload::Exposition((content_type, body)) => Ok(Scraped::Text {
            content_type,
            body: body.into(),
        }),
        Payload::Response(handle) => {
            let index = usize::try_from(handle).ok().and_then(|h| h.checked_sub(1));
            let response = index.and_then(|index| responses.get(index));
            let response = response.ok_or(CallError::Response(handle))?;
            match response.status {
                STATUS_OK => Ok(Scraped::Text {
                    content_type: response.content_type.clone(),
                    body: response.body.clone(),
                }),
                status => Err(CallError::Status(status)),
            }
        }
    }
}

/// Whether there is a sample in it.
pub(crate) fn has_samples(scraped: &Scraped) -> bool {
    match scraped {
        Scraped::Families(families) => families.sample_count() > 0,
        Scraped::Text { body, .. } => body
            .split(|byte| *byte == b'\n')
            .any(|line| !line.trim_ascii().is_empty() && !line.starts_with(b"#")),
    }
}

fn families(batch: Batch) -> Result<Families, CallError> {
    let families = batch.families.iter().map(|family| Family {
        name: family.name,
        help: family.help,
        unit: family.unit,
        kind: match family.kind {
            MetricKind::Unknown => MetricType::Unknown,
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram => MetricType::Histogram,
            MetricKind::Summary => MetricType::Summary,
            MetricKind::Info => MetricType::Info,
            MetricKind::Stateset => MetricType::Stateset,
        },
        samples: family.samples,
    });
    Ok(Families::new(
        batch.symbols,
        families.collect(),
        batch.label_counts,
        batch.labels,
        ordinary(batch.values),
        batch.timestamps,
    )?)
}

/// That a series ended is the host's to say: any NaN of a guest is an ordinary one.
fn ordinary(mut values: Vec<f64>) -> Vec<f64> {
    for value in &mut values {
        if value.is_nan() {
            *value = f64::from_bits(NORMAL_NAN_BITS);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use narthex_model::sample::STALE_NAN;

    use super::*;

    #[test]
    fn no_guest_marks_a_series_as_stale() {
        let negative = f64::from_bits(0xfff8_dead_beef_0001);
        let bits = |values: Vec<f64>| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(
            bits(ordinary(vec![
                STALE_NAN,
                negative,
                1.5,
                f64::INFINITY,
                -0.0
            ])),
            [
                NORMAL_NAN_BITS,
                NORMAL_NAN_BITS,
                1.5_f64.to_bits(),
                f64::INFINITY.to_bits(),
                (-0.0_f64).to_bits()
            ]
        );
    }
}
