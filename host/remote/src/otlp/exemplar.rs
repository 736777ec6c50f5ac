//! The exemplars of a point.

use narthex_model::{EXEMPLAR_CHARS_MAX, Exemplar, LabelsBuilder};

use super::message;

/// The exemplars of a point, which is at this time. Attributes are left out where they would be
/// longer than those of an exemplar may be; the ids of trace and span come first.
///
/// # Errors
/// One has no value.
pub(super) fn exemplars(
    sent: &[message::Exemplar<'_>],
    point_ms: i64,
) -> Result<Vec<Exemplar>, String> {
    let exemplar = |sent: &message::Exemplar<'_>| {
        let value = sent.as_double.or(sent.as_int.map(|value| value as f64));
        let value = value.ok_or_else(|| "unsupported exemplar value type: Empty".to_owned())?;
        let mut labels = LabelsBuilder::default();
        let mut chars = 0;
        for (name, id) in [("trace_id", &sent.trace_id), ("span_id", &sent.span_id)] {
            if id.iter().any(|byte| *byte != 0) {
                let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
                chars += name.len() + id.len();
                labels.set(name, &id);
            }
        }
        let attributes = sent.filtered_attributes.iter();
        let texts = attributes.map(|pair| (&*pair.key, pair.value.text()));
        let texts: Vec<_> = texts.collect();
        let more = texts.iter();
        chars += more
            .map(|(name, value)| name.chars().count() + value.chars().count())
            .sum::<usize>();
        if chars <= EXEMPLAR_CHARS_MAX {
            for (name, value) in &texts {
                labels.set(name, value);
            }
        }
        Ok(Exemplar {
            labels: labels.build(),
            value,
            timestamp_ms: match message::milliseconds(sent.time_unix_nano) {
                0 => point_ms,
                own => own,
            },
        })
    };
    sent.iter().map(exemplar).collect()
}
