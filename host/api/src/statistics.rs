//! What a query took, as the member `stats` of its answer.

use std::time::Duration;

use narthex_promql::{QueryStats, QueryTimings};

use crate::json;

/// Appends the statistics as Prometheus writes them; the samples by steps where they were
/// counted so.
pub(crate) fn push(out: &mut Vec<u8>, stats: &QueryStats) {
    out.extend_from_slice(br#"{"timings":"#);
    push_timings(out, &stats.timings);
    if let Some(samples) = &stats.samples {
        out.extend_from_slice(br#","samples":{"#);
        push_steps(out, "totalQueryableSamplesPerStep", &samples.total_per_step);
        let total = samples.total;
        json::push_display(out, format_args!(r#""totalQueryableSamples":{total},"#));
        push_steps(out, "samplesReadPerStep", &samples.read_per_step);
        let (read, peak) = (samples.read, samples.peak);
        json::push_display(
            out,
            format_args!(r#""samplesRead":{read},"peakSamples":{peak}}}"#),
        );
    }
    out.push(b'}');
}

fn push_timings(out: &mut Vec<u8>, timings: &QueryTimings) {
    let all: [(&str, Duration); 6] = [
        ("evalTotalTime", timings.eval_total),
        ("resultSortTime", timings.result_sort),
        ("queryPreparationTime", timings.query_preparation),
        ("innerEvalTime", timings.inner_eval),
        ("execQueueTime", timings.exec_queue),
        ("execTotalTime", timings.exec_total),
    ];
    for (index, (name, duration)) in all.into_iter().enumerate() {
        let before = if index == 0 { '{' } else { ',' };
        json::push_display(out, format_args!("{before}\"{name}\":"));
        json::push_sample_value(out, duration.as_secs_f64());
    }
    out.push(b'}');
}

/// Appends `"name":[[seconds,count],...],`, where there is any step.
fn push_steps(out: &mut Vec<u8>, name: &str, steps: &Option<Vec<(i64, u64)>>) {
    let Some(steps) = steps.as_ref().filter(|steps| !steps.is_empty()) else {
        return;
    };
    json::push_display(out, format_args!("\"{name}\":["));
    for (index, (timestamp_ms, count)) in steps.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
        json::push_seconds(out, *timestamp_ms);
        json::push_display(out, format_args!(",{count}]"));
    }
    out.extend_from_slice(b"],");
}

#[cfg(test)]
mod tests {
    use narthex_promql::QuerySamples;

    use super::*;

    #[test]
    fn statistics_look_as_in_prometheus() {
        let mut stats = QueryStats {
            timings: QueryTimings {
                eval_total: Duration::from_micros(1500),
                exec_total: Duration::from_secs(2),
                ..QueryTimings::default()
            },
            samples: None,
        };
        let timings = concat!(
            r#"{"timings":{"evalTotalTime":0.0015,"resultSortTime":0,"#,
            r#""queryPreparationTime":0,"innerEvalTime":0,"execQueueTime":0,"execTotalTime":2}"#,
        );
        let written = |stats: &QueryStats| {
            let mut out = Vec::new();
            push(&mut out, stats);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(&stats), format!("{timings}}}"));
        stats.samples = Some(QuerySamples {
            total: 7,
            total_per_step: Some(vec![(1500, 3), (2000, 4)]),
            read: 5,
            read_per_step: Some(vec![(1500, 3), (2000, 2)]),
            peak: 4,
        });
        let samples = concat!(
            r#","samples":{"totalQueryableSamplesPerStep":[[1.5,3],[2,4]],"#,
            r#""totalQueryableSamples":7,"samplesReadPerStep":[[1.5,3],[2,2]],"samplesRead":5,"#,
            r#""peakSamples":4}}"#,
        );
        assert_eq!(written(&stats), format!("{timings}{samples}"));
    }
}
