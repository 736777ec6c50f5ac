//! The rules: alerts as people write them, most of which do not fire.

use std::path::Path;

use crate::feed::{INSTANCES_A_DOWN, JOBS, METRICS, ZONES, instance, job, zone};

/// Rules a group.
pub(crate) const GROUP: usize = 100;

/// Groups a file.
const GROUPS_A_FILE: usize = 10;

/// What no value comes near to.
const NEVER: &str = "1e12";

/// Of so many rules that compare the value of one series one fires.
const FIRING_ONE_IN: usize = 25;

/// Writes files with so many rules.
pub(crate) fn write(folder: &Path, rules: usize, instances: usize) {
    let groups: Vec<usize> = (0..rules.div_ceil(GROUP)).collect();
    for (file, groups) in groups.chunks(GROUPS_A_FILE).enumerate() {
        let mut text = "groups:\n".to_owned();
        for group in groups {
            text.push_str(&format!("- name: group-{group}\n  rules:\n"));
            for number in group * GROUP..rules.min((group + 1) * GROUP) {
                text.push_str(&rule(number, instances));
            }
        }
        std::fs::write(folder.join(format!("rules-{file}.yml")), text).unwrap();
    }
}

/// Takes them away.
pub(crate) fn remove(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        std::fs::remove_file(entry.path()).unwrap();
    }
}

fn rule(number: usize, instances: usize) -> String {
    let hold = match number % 2 {
        0 => "",
        _ => "    for: 1m\n",
    };
    format!(
        "  - alert: Alert{number}\n\
         \x20   expr: '{}'\n\
         {hold}\
         \x20   labels: {{severity: page, team: 'team of {{{{ $labels.job }}}}'}}\n\
         \x20   annotations:\n\
         \x20     summary: '{{{{ $labels.instance }}}} is at {{{{ $value | humanize }}}}'\n\
         \x20     description: what to do is written down elsewhere\n",
        query(number, instances)
    )
}

/// Of ten rules three compare one series, two rates of a few, two the sum of a rate; one looks for
/// a series that is missing, one for a target that is down, and one adds up many.
fn query(number: usize, instances: usize) -> String {
    let at = number * 37 % instances;
    let (instance, job, zone) = (instance(at), job(at % JOBS), zone(at / JOBS % ZONES));
    // Counters have odd numbers and gauges even ones; 0 is `up`.
    let metric = number * 7 % (METRICS - 2);
    let (counter, gauge) = (metric / 2 * 2 + 1, metric / 2 * 2 + 2);
    match number % 10 {
        0 | 3 | 5 => {
            let bound = match number % FIRING_ONE_IN {
                0 => "-1",
                _ => NEVER,
            };
            format!("app_{gauge}{{job=\"{job}\",instance=\"{instance}\"}} > {bound}")
        }
        1 | 8 => {
            format!("rate(app_{counter}_total{{job=\"{job}\",zone=\"{zone}\"}}[5m]) > {NEVER}")
        }
        2 | 6 => format!(
            "sum by (job) (rate(app_{counter}_total{{instance=\"{instance}\"}}[1m])) > {NEVER}"
        ),
        4 => format!("absent(app_{gauge}{{job=\"{job}\",instance=\"{instance}\"}})"),
        7 => format!(
            "up{{job=\"{}\"}} == 0",
            crate::feed::job(number / 10 % JOBS)
        ),
        _ => format!("sum by (job) (app_{gauge}{{zone=\"{zone}\"}}) > {NEVER}"),
    }
}

/// How many alerts are active after a while.
pub(crate) fn active(rules: usize, instances: usize) -> usize {
    let of_one = (0..rules)
        .filter(|number| matches!(number % 10, 0 | 3 | 5) && number.is_multiple_of(FIRING_ONE_IN));
    let of_up = (0..rules).filter(|number| number % 10 == 7).map(|number| {
        let is_down = |at: &usize| {
            at % INSTANCES_A_DOWN == INSTANCES_A_DOWN / 2 && at % JOBS == number / 10 % JOBS
        };
        (0..instances).filter(is_down).count()
    });
    of_one.count() + of_up.sum::<usize>()
}
