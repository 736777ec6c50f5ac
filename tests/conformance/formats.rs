//! The same exporter, asked for text and for protobuf, is the same series.

use std::collections::BTreeMap;

use narthex_tests::{Narthex, http, peers, until};

/// What is pushed: a histogram, and values that a format may lose.
const PUSHED: &str = "# TYPE backup_seconds histogram\n\
    backup_seconds_bucket{le=\"0.5\"} 1\nbackup_seconds_bucket{le=\"2.5\"} 3\n\
    backup_seconds_bucket{le=\"+Inf\"} 4\nbackup_seconds_sum 7.25\nbackup_seconds_count 4\n\
    # TYPE note gauge\nnote{text=\"a \\\"quoted\\\" \\\\ line\\nand ümlaut\"} -1.5\n\
    # TYPE odd gauge\nodd{kind=\"nan\"} NaN\nodd{kind=\"inf\"} +Inf\nodd{kind=\"small\"} 4.9e-324\n\
    # TYPE rpc summary\nrpc{quantile=\"0.5\"} 1\nrpc_sum 2\nrpc_count 3\n";

/// The series of a job, its name left out. What the exporter says of itself changes from scrape to
/// scrape; of that there are only the labels.
fn held(narthex: &Narthex, job: &str) -> Result<BTreeMap<String, String>, String> {
    let query = format!("{{job=\"{job}\", __name__!~\"up|scrape_.+\"}}");
    let found = narthex.query(&query)?;
    let series = found.into_iter().map(|(labels, value)| {
        let is_pushed = labels.contains("\"exported_instance\"");
        let value = if is_pushed { value } else { String::new() };
        (
            labels.replace(&format!("\"job\":\"{job}\""), "\"job\":\"JOB\""),
            value,
        )
    });
    Ok(series.collect())
}

#[test]
fn an_exporter_is_the_same_series_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let pushgateway = peers::pushgateway(folder.path());
    let url = format!("{}/metrics/job/backup/instance/db1", pushgateway.url());
    assert_eq!(http::put(&url, PUSHED).map(|answer| answer.0), Ok(200));
    let address = pushgateway.address();
    let job = |name: &str, settings: &str| {
        format!(
            "- job_name: {name}\n  static_configs: [{{targets: ['{address}']}}]\n  {settings}\n"
        )
    };
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{}{}{}{}",
        job("text", "scrape_protocols: [PrometheusText0.0.4]"),
        job("protobuf", "scrape_protocols: [PrometheusProto]"),
        job(
            "converted",
            "scrape_protocols: [PrometheusProto]\n  convert_classic_histograms_to_nhcb: true"
        ),
        job(
            "converted-text",
            "scrape_protocols: [PrometheusText0.0.4]\n  convert_classic_histograms_to_nhcb: true"
        ),
    );
    let narthex = Narthex::builder().config(config).start();
    until(60, "the same series in both formats", || {
        let text = held(&narthex, "text")?;
        let protobuf = held(&narthex, "protobuf")?;
        let differ: Vec<_> = text
            .keys()
            .chain(protobuf.keys())
            .filter(|labels| text.get(*labels) != protobuf.get(*labels))
            .take(20)
            .collect();
        if !differ.is_empty() || text.len() < 50 {
            return Err(format!("{} series: {differ:#?}", text.len()));
        }
        Ok(())
    });
    for job in ["converted", "converted-text"] {
        until(60, "a histogram with the same buckets", || {
            let one = |query: &str| -> Result<String, String> {
                let found = narthex.query(query)?;
                found
                    .into_values()
                    .next()
                    .ok_or_else(|| format!("{query}: nothing"))
            };
            let native = format!("backup_seconds{{job=\"{job}\"}}");
            let found = [
                one(&format!("histogram_count({native})"))?,
                one(&format!("histogram_sum({native})"))?,
                one(&format!("histogram_quantile(0.5, {native})"))?,
            ];
            let quantile = "histogram_quantile(0.5, backup_seconds_bucket{job=\"text\"})";
            let expected = ["4".to_owned(), "7.25".to_owned(), one(quantile)?];
            let classic = narthex.query(&format!("backup_seconds_bucket{{job=\"{job}\"}}"))?;
            match found == expected && classic.is_empty() {
                true => Ok(()),
                false => Err(format!("{found:?} is not {expected:?}, {classic:?}")),
            }
        });
    }
}
