//! Since when alerts are active, taken from the store after a start: who restarts a server must not
//! make alerts with a long `for` begin to wait anew.
//!
//! It is not: called again for rules whose alerts are restored, which most are after the second
//! evaluation of their group.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt as _;
use narthex_model::{Labels, METRIC_NAME, Matcher, sample};
use narthex_storage::{SelectRequest, StorageError, TimeRange, Warnings};
use tokio::time::Instant;

use crate::group::Group;
use crate::manager::environment::Environment;
use crate::rule::{Health, Rule, RuleKind};
use crate::{ALERT_NAME, ALERTS_FOR_STATE};

/// The last sample of a series of [`ALERTS_FOR_STATE`]: its time in milliseconds and its value.
type Last = (i64, f64);

impl Group {
    /// Restores the alerts of all rules that were evaluated well. Where that fails they begin to wait
    /// anew. `false` where there are others: rules that have failed up to now, and those of which a
    /// part of the store that may know their alerts is away, where a group asks for all. They are
    /// tried again, unless this is the last time.
    pub(crate) async fn restore(&self, environment: &Arc<Environment>, is_last: bool) -> bool {
        let (begun, mut is_done) = (Instant::now(), true);
        for rule in self.rules() {
            let RuleKind::Alerting { hold_ms, .. } = rule.kind() else {
                continue;
            };
            let (is_restored, health, has_alerts) = {
                let state = rule.state();
                (state.is_restored, state.health, !state.alerts.is_empty())
            };
            if is_restored {
                continue;
            }
            if health == Health::Bad && !is_last {
                is_done = false;
                continue;
            }
            let grace_ms = environment.options().grace_period.as_millis_i64();
            // Those with a short `for` wait for that.
            if *hold_ms >= grace_ms && has_alerts {
                let is_whole = self.asks_for_all() && !is_last;
                match last_states(rule, environment, is_whole).await {
                    Ok(Some(found)) => {
                        let mut found = Found::new(found, environment);
                        let times = Times {
                            hold_ms: *hold_ms,
                            grace_ms,
                            interval_ms: self.interval_ms(),
                            now_ms: environment.now_ms(),
                        };
                        restore(rule, &mut found, times);
                    }
                    Ok(None) => {
                        is_done = false;
                        continue;
                    }
                    Err(error) => {
                        let alert = rule.name();
                        tracing::error!(alert, %error, "alerts were not restored");
                    }
                }
            }
            rule.state().is_restored = true;
        }
        let seconds = begun.elapsed().as_secs_f64();
        self.metrics().last_restore_seconds.set(seconds);
        is_done
    }
}

/// The last samples of a rule's series, by their labels without the name. `None` where a part of the
/// store did not answer and all is wanted.
async fn last_states(
    rule: &Rule,
    environment: &Environment,
    is_whole: bool,
) -> Result<Option<BTreeMap<Labels, Last>>, StorageError> {
    let now_ms = environment.now_ms();
    let tolerance_ms = environment.options().outage_tolerance.as_millis_i64();
    let request = SelectRequest {
        matchers: vec![
            Matcher::equal(METRIC_NAME, ALERTS_FOR_STATE),
            Matcher::equal(ALERT_NAME, rule.name()),
        ],
        range: TimeRange {
            start_ms: now_ms.saturating_sub(tolerance_ms),
            end_ms: now_ms,
        },
    };
    let (queryable, warnings) = (&environment.options().queryable, Warnings::default());
    let mut series = queryable.select_with_warnings(&request, &warnings).await?;
    let mut found = BTreeMap::new();
    while let Some(series) = series.try_next().await? {
        if let (Some(time_ms), Some(value)) = (series.timestamps.last(), series.values.last()) {
            found.insert(series.labels.without_metric_name(), (*time_ms, *value));
        }
    }
    let missing = warnings.texts();
    if is_whole && !missing.is_empty() {
        return Ok(None);
    }
    for warning in missing {
        let alert = rule.name();
        tracing::warn!(
            alert,
            warning,
            "alerts are restored from a part of the store"
        );
    }
    Ok(Some(found))
}

/// What the store has of a rule's alerts, to be asked for by the labels of an alert.
struct Found {
    series: BTreeMap<Labels, Last>,
    /// Where the store is many, what it keeps comes back with labels of those who keep it: by the
    /// names of labels that were asked for, the last sample of those that agree in them.
    of_many: Option<BTreeMap<Vec<String>, BTreeMap<Labels, Last>>>,
}

impl Found {
    fn new(series: BTreeMap<Labels, Last>, environment: &Environment) -> Self {
        let is_many = environment.options().partial_response.is_some();
        Self {
            series,
            of_many: is_many.then(BTreeMap::new),
        }
    }

    fn get(&mut self, labels: &Labels) -> Option<Last> {
        let Self { series, of_many } = self;
        if let Some(last) = series.get(labels) {
            return Some(*last);
        }
        let names: Vec<String> = labels.iter().map(|(name, _)| name.to_owned()).collect();
        let alike = of_many.as_mut()?.entry(names).or_insert_with_key(|names| {
            let mut alike: BTreeMap<Labels, Last> = BTreeMap::new();
            for (labels, last) in series.iter() {
                let held = alike.entry(labels.keep(names)).or_insert(*last);
                if last.0 > held.0 {
                    *held = *last;
                }
            }
            alike
        });
        alike.get(labels).copied()
    }
}

/// What decides since when an alert is held for active, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    hold_ms: i64,
    grace_ms: i64,
    interval_ms: i64,
    now_ms: i64,
}

fn restore(rule: &Rule, found: &mut Found, times: Times) {
    for (labels, alert) in &mut rule.state().alerts {
        let Some((down_ms, since)) = found.get(labels) else {
            continue;
        };
        // It was not active, or what is there is no time.
        if sample::is_stale_nan(since) || !since.is_finite() {
            continue;
        }
        #[allow(clippy::cast_possible_truncation, reason = "the cast saturates")]
        let since_ms = (since as i64).saturating_mul(1000);
        let restored_ms = restored_ms(since_ms, down_ms, times);
        // Who restores late must not make an alert wait anew that has waited here all the while. In
        // time, one has waited for an interval.
        let waited_ms = alert.active_at_ms.saturating_add(times.interval_ms);
        if restored_ms <= waited_ms {
            alert.active_at_ms = restored_ms;
        }
    }
}

/// Since when an alert is to be held for active that was active since `since_ms` when the server was
/// last seen, at `down_ms`: the time that the server was away does not count, and there is a grace
/// period for what the server missed to come right.
fn restored_ms(since_ms: i64, down_ms: i64, times: Times) -> i64 {
    let Times {
        hold_ms,
        grace_ms,
        now_ms,
        ..
    } = times;
    // Prometheus counts whole seconds here.
    let down_ms = down_ms.div_euclid(1000).saturating_mul(1000);
    let remaining_ms = hold_ms - down_ms.saturating_sub(since_ms);
    if remaining_ms <= 0 {
        since_ms
    } else if remaining_ms < grace_ms {
        now_ms.saturating_add(grace_ms).saturating_sub(hold_ms)
    } else {
        since_ms.saturating_add(now_ms.saturating_sub(down_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_the_server_was_away_does_not_count() {
        let minutes = |n: i64| n * 60_000;
        for (since, down, now, restored) in [
            // It fired already.
            (0, minutes(30), minutes(40), 0),
            (0, minutes(45), minutes(46), 0),
            // It would fire within the grace period.
            (0, minutes(25), minutes(40), minutes(20)),
            (0, minutes(21), minutes(22), minutes(2)),
            // It goes on to wait where it was.
            (0, minutes(10), minutes(40), minutes(30)),
            (minutes(5), minutes(6), minutes(7), minutes(6)),
        ] {
            let times = Times {
                hold_ms: minutes(30),
                grace_ms: minutes(10),
                interval_ms: minutes(1),
                now_ms: now,
            };
            let found = restored_ms(since, down, times);
            assert_eq!(found, restored, "{since} {down} {now}");
        }
    }
}
