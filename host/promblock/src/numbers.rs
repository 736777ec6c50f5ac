//! Takes the native histograms out of a series, for stores that keep numbers only.

use narthex_model::sample::is_histogram;
use narthex_storage::Series;

/// The numbers of a series, `None` where it has none, and how many histograms it had besides.
/// Who leaves samples out says so.
pub fn only_numbers(series: Series) -> (Option<Series>, usize) {
    if series.histograms.is_none() {
        return (Some(series), 0);
    }
    let is_number = |place: &usize| {
        let value = series.values.get(*place).copied();
        value.is_some_and(|value| !is_histogram(value))
    };
    let kept: Vec<usize> = (0..series.values.len()).filter(is_number).collect();
    let left_out = series.values.len() - kept.len();
    let pick = |times: &[i64]| -> Vec<i64> {
        let picked = kept.iter().filter_map(|place| times.get(*place).copied());
        picked.collect()
    };
    let values = kept
        .iter()
        .filter_map(|place| series.values.get(*place).copied());
    let numbers = Series {
        timestamps: pick(&series.timestamps).into(),
        values: values.collect::<Vec<_>>().into(),
        histograms: None,
        starts: series.starts.as_ref().map(|starts| pick(starts).into()),
        labels: series.labels,
    };
    ((!kept.is_empty()).then_some(numbers), left_out)
}
