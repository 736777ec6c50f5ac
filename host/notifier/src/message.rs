//! The body of a request: alerts as Alertmanager's API v2 takes them.
//!
//! It is not: what sends it.

use std::collections::BTreeMap;

use narthex_model::Labels;
use narthex_rules::Notification;
use serde::{Serialize, Serializer};

/// An alert, in the names of `POST /api/v2/alerts`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostableAlert<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
    ends_at: String,
    starts_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    #[serde(serialize_with = "as_map")]
    labels: &'a Labels,
}

fn as_map<S: Serializer>(labels: &Labels, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels)
}

/// The body.
///
/// # Errors
/// A text cannot be written as JSON, which does not happen.
pub(crate) fn body(notifications: &[Notification]) -> Result<Vec<u8>, serde_json::Error> {
    let alerts = notifications.iter().map(|one| PostableAlert {
        annotations: &one.annotations,
        ends_at: rfc3339(one.ends_at_ms),
        starts_at: rfc3339(one.starts_at_ms),
        generator_url: &one.generator_url,
        labels: &one.labels,
    });
    serde_json::to_vec(&alerts.collect::<Vec<_>>())
}

/// Milliseconds since the epoch as `2006-01-02T15:04:05.000Z`.
fn rfc3339(time_ms: i64) -> String {
    let (seconds, ms) = (time_ms.div_euclid(1000), time_ms.rem_euclid(1000));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The date of a day since the epoch. Years begin in March here, so that the day that not all have
/// is their last, and eras of 400 years are all alike.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;

    /// One of an alert with this name.
    pub(crate) fn notification(name: &str) -> Notification {
        let annotations = [("text".to_owned(), String::new())];
        Notification {
            labels: Labels::from_pairs([("alertname", name)]),
            annotations: Arc::new(annotations.into()),
            starts_at_ms: 0,
            ends_at_ms: 951_827_696_789,
            generator_url: "http://p/graph".to_owned(),
        }
    }

    #[test]
    fn alerts_are_written_as_their_api_has_them() {
        let text = String::from_utf8(body(&[notification("a")]).unwrap()).unwrap();
        let expected = r#"[{"annotations":{"text":""},"endsAt":"2000-02-29T12:34:56.789Z",
            "startsAt":"1970-01-01T00:00:00.000Z","generatorURL":"http://p/graph",
            "labels":{"alertname":"a"}}]"#;
        assert_eq!(text, expected.replace("\n            ", ""));
    }

    #[test]
    fn days_have_their_dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_513, (2026, 3, 1)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil(days), date, "{days}");
        }
    }
}
