//! Random expressions that are valid, mostly mean something, and mean the same in Prometheus
//! 2.42 as in 3.14 wherever the notes of [`crate::differences`] do not say otherwise.

use crate::data::{COUNTERS, GAUGES, HISTOGRAM, ODD};
use crate::dice::Dice;
use crate::functions::{self, Argument, OverRange};

/// How deep expressions are nested at most.
const DEPTH_MAX: usize = 4;
/// The lengths of windows.
const RANGES: [&str; 8] = ["1m", "75s", "2m", "5m", "7m30s", "10m", "15m", "30m"];

/// An instant vector, and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    pub(crate) text: String,
    /// Its values are the stored ones, or made of them without rounding: both sides have the same
    /// bits, so that what jumps (comparisons, roundings, ranks) jumps at the same place.
    pub(crate) is_exact: bool,
}

/// Makes expressions.
pub(crate) struct Generator<'d> {
    pub(crate) dice: &'d mut Dice,
    /// A time that `@` may name.
    pub(crate) at_s: i64,
    /// Inside of a subquery: its evaluations are at whole multiples of its step, where the ends
    /// of a window may meet a point of another subquery.
    in_subquery: bool,
}

impl<'d> Generator<'d> {
    /// One for expressions that may look at `at_s`.
    pub(crate) fn new(dice: &'d mut Dice, at_s: i64) -> Self {
        Self {
            dice,
            at_s,
            in_subquery: false,
        }
    }

    /// A whole expression, at times written as people write: in capitals, over several lines, with
    /// a remark.
    pub(crate) fn expression(&mut self) -> String {
        let text = match self.dice.below(80) {
            0..4 => self.scalar(2),
            4 => self.string(),
            5 | 6 => self.scalar_chain(),
            _ => {
                let depth = 1 + self.dice.below(DEPTH_MAX);
                self.vector(depth).text
            }
        };
        match self.dice.below(20) {
            0 => format!("# sum( of it all\n{text}"),
            1 => format!("{text} # what \"it\" is"),
            2 => format!("\t{}\n", text.replace(" (", "\n  (")),
            _ => text,
        }
    }

    /// An instant vector of at most this depth.
    pub(crate) fn vector(&mut self, depth: usize) -> Vector {
        if depth == 0 {
            return self.selected();
        }
        match self.dice.below(20) {
            0..5 => self.over_range(depth - 1),
            5..9 => self.aggregation(depth - 1),
            9..12 => functions::of_vector(self, depth - 1),
            12 => self.with_scalar(depth - 1),
            13 => self.chain(),
            14..16 => self.matched(depth - 1),
            16 => self.enriched(depth - 1),
            17 => self.histogram(),
            18 => self.absent(depth - 1),
            _ => self.selected(),
        }
    }

    fn matchers(&mut self, metric: &str) -> String {
        let common = [
            "job=\"job-0\"",
            "job=~\"job-.\"",
            "job!=\"job-1\"",
            "instance=~\"instance-[0-2]\"",
            "instance!~\".*-3\"",
            "instance=\"instance-1\"",
            "instance=~\"instance-1|instance-2\"",
        ];
        let own: &[&str] = match metric {
            "requests_total" | "errors_total" => {
                &["code=\"200\"", "code=~\"4..|5..\"", "code!~\"5.*\""]
            }
            "temperature" | "load" => &["room=\"room-0\"", "room!=\"\"", "room=~\".+-1\""],
            _ => &["missing=\"\"", "missing!~\".+\""],
        };
        let mut matchers = Vec::new();
        if self.dice.percent(40) {
            matchers.push(self.dice.one(&common));
        }
        if self.dice.percent(20) {
            matchers.push(self.dice.one(own));
        }
        match matchers.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", matchers.join(",")),
        }
    }

    fn shift(&mut self) -> String {
        let at = match self.dice.below(30) {
            0 => format!(" @ {}", self.at_s),
            1 => " @ start()".to_owned(),
            2 => " @ end()".to_owned(),
            _ => String::new(),
        };
        // Whole multiples of 15 s, as all times are 7 s behind one.
        let offset = match self.dice.below(16) {
            0 => " offset 1m",
            1 => " offset 5m",
            2 => " offset -2m",
            3 => " OFFSET 1m30s",
            4 => " offset -45s",
            _ => "",
        };
        match self.dice.percent(50) {
            true => format!("{at}{offset}"),
            false => format!("{offset}{at}"),
        }
    }

    /// A selector of stored numbers.
    pub(crate) fn finite(&mut self) -> Vector {
        let metric = self.dice.one(&COUNTERS);
        let matchers = self.matchers(metric);
        Vector {
            text: format!("{metric}{matchers}"),
            is_exact: true,
        }
    }

    fn metric(&mut self) -> &'static str {
        match self.dice.below(20) {
            0..9 => self.dice.one(&GAUGES),
            9..18 => self.dice.one(&COUNTERS),
            18 => HISTOGRAM,
            _ => ODD,
        }
    }

    /// A selector of stored samples.
    pub(crate) fn selected(&mut self) -> Vector {
        if self.dice.percent(4) {
            return self.of_several_metrics();
        }
        let metric = self.metric();
        let (matchers, shift) = (self.matchers(metric), self.shift());
        Vector {
            text: format!("{metric}{matchers}{shift}"),
            is_exact: true,
        }
    }

    /// A selector that names a metric otherwise, or several.
    fn of_several_metrics(&mut self) -> Vector {
        let matchers = self.dice.one(&[
            "__name__=\"load\"",
            "__name__=~\"temperature|load\"",
            "__name__=~\".*_total\",code!=\"404\"",
            "__name__!~\"odd|latency.*\",job=\"job-1\"",
            "room=~\".+\",instance=\"instance-2\"",
        ]);
        let shift = self.shift();
        Vector {
            text: format!("{{{matchers}}}{shift}"),
            is_exact: true,
        }
    }

    /// The samples of a window: of a selector, or of a subquery. Says whether they are stored.
    fn window(&mut self, depth: usize, function: &OverRange) -> Vector {
        let range = self.dice.one(&RANGES);
        // What looks at the time of the evaluation is wrong on a fixed window in 2.42.
        let is_shifted = !matches!(function.argument, Argument::Seconds);
        // How a counter near zero is extrapolated was changed; stored ones are far from it.
        let is_stored = depth == 0 || self.in_subquery || function.is_of_counters;
        if is_stored || self.dice.percent(80) {
            let metric = match function.is_of_counters {
                true => self.dice.one(&COUNTERS),
                false if self.dice.percent(8) => ODD,
                false => self.dice.one(&GAUGES),
            };
            let (matchers, mut shift) = (self.matchers(metric), self.shift());
            if !is_shifted {
                shift.clear();
            }
            return Vector {
                text: format!("{metric}{matchers}[{range}]{shift}"),
                is_exact: true,
            };
        }
        self.in_subquery = true;
        let inner = self.vector(depth - 1);
        self.in_subquery = false;
        let step = self.dice.one(&["15s", "30s", "1m", ""]);
        let mut shift = self.shift();
        if !is_shifted {
            shift.clear();
        }
        Vector {
            text: format!("({})[{range}:{step}]{shift}", inner.text),
            is_exact: inner.is_exact,
        }
    }

    fn over_range(&mut self, depth: usize) -> Vector {
        let function = self.dice.one(functions::OVER_RANGE);
        let window = self.window(depth, &function);
        let argument = |generator: &mut Self| match function.argument {
            Argument::None => String::new(),
            // Another one at each step is wrong on a fixed window in 2.42 as well.
            Argument::Quantile if window.text.contains('@') => "0.75, ".to_owned(),
            Argument::Quantile => format!("{}, ", generator.quantile()),
            Argument::Seconds => match generator.dice.below(4) {
                0 => format!(", -{}", generator.dice.below(600)),
                1 => ", time() % 600".to_owned(),
                _ => format!(", {}", generator.dice.below(600)),
            },
        };
        let argument = argument(self);
        let (before, after) = match function.argument {
            Argument::Quantile => (argument, String::new()),
            _ => (String::new(), argument),
        };
        Vector {
            text: format!("{}({before}{}{after})", function.name, window.text),
            is_exact: window.is_exact && function.is_exact,
        }
    }

    /// A share of all, mostly between 0 and 1.
    fn quantile(&mut self) -> String {
        match self.dice.below(12) {
            0 => self
                .dice
                .one(&["0", "1", "-1", "2", "Inf", "-Inf"])
                .to_owned(),
            1 => "(time() % 100) / 100".to_owned(),
            _ => format!("{:.2}", 1.1 * self.dice.fraction() - 0.05),
        }
    }

    /// How many, for a rank: at times another number at each step.
    fn count(&mut self) -> String {
        match self.dice.below(8) {
            0 => "scalar(count(load)) / 2".to_owned(),
            1 => "time() % 7 + 0.5".to_owned(),
            2 => "-1".to_owned(),
            3 => "1e9".to_owned(),
            _ => self.dice.below(4).to_string(),
        }
    }

    fn grouping(&mut self) -> String {
        let labels = self.dice.one(&[
            "",
            "job",
            "instance",
            "job, instance",
            "instance, job,",
            "code",
            "room",
            "le",
            "__name__",
            "missing, job",
        ]);
        match self.dice.below(3) {
            0 => String::new(),
            1 => format!(" by ({labels})"),
            _ => format!(" without ({labels})"),
        }
    }

    fn aggregation(&mut self, depth: usize) -> Vector {
        let name = self.dice.one(&[
            "sum",
            "avg",
            "min",
            "max",
            "count",
            "group",
            "stddev",
            "stdvar",
            "quantile",
            "topk",
            "bottomk",
            "count_values",
            "sum",
            "sum",
        ]);
        let mut inner = self.vector(depth);
        let grouping = self.grouping();
        let (parameter, is_exact) = match name {
            "quantile" => (format!("{}, ", self.quantile()), false),
            // Which of two that are equal is taken is nobody's to say: stored gauges are never.
            "topk" | "bottomk" => {
                let metric = self.dice.one(&["temperature", "load"]);
                inner.text = format!("{metric}{}", self.matchers(metric));
                (format!("{}, ", self.count()), true)
            }
            "count_values" => {
                if !inner.is_exact {
                    inner = self.selected();
                }
                let label = self.dice.one(&["value", "value", "job", "new_label"]);
                (format!("\"{label}\", "), true)
            }
            "min" | "max" => (String::new(), inner.is_exact),
            "count" | "group" => (String::new(), true),
            _ => (String::new(), false),
        };
        let of = format!("({parameter}{})", inner.text);
        let text = match self.dice.below(6) {
            0 => format!("{name}{of}{grouping}"),
            1 => format!(
                "{}{} {of}",
                name.to_uppercase(),
                grouping.replace("by", "BY").replace("without", "WITHOUT")
            ),
            _ => format!("{name}{grouping} {of}"),
        };
        Vector { text, is_exact }
    }

    fn histogram(&mut self) -> Vector {
        let quantile = match self.dice.below(10) {
            0 => self.quantile(),
            _ => format!("{:.4}", self.dice.fraction()),
        };
        let range = self.dice.one(&RANGES);
        let matchers = self.dice.one(&[
            "",
            "{job=\"job-0\"}",
            "{instance=\"instance-1\"}",
            // A histogram with a hole, and one without an end.
            "{le!=\"1.0\"}",
            "{le!=\"+Inf\"}",
            "{le=\"+Inf\"}",
        ]);
        let by = self.dice.one(&["le", "le, job", "le, instance, job"]);
        let inner = match self.dice.below(6) {
            0 => format!("{HISTOGRAM}{matchers}"),
            1 => format!("rate({HISTOGRAM}{matchers}[{range}])"),
            // Counts that do not ascend.
            2 => format!(
                "{HISTOGRAM}{{le=~\"0.5|10.0\"}} / 3 or ignoring (none) {HISTOGRAM}{{le!~\"0.5|10.0\"}} * 1"
            ),
            3 => format!("-{HISTOGRAM}{matchers}"),
            _ => format!("sum by ({by}) (rate({HISTOGRAM}{matchers}[{range}]))"),
        };
        Vector {
            text: format!("histogram_quantile({quantile}, {inner})"),
            is_exact: false,
        }
    }

    fn absent(&mut self, depth: usize) -> Vector {
        let range = self.dice.one(&RANGES);
        let text = match self.dice.below(5) {
            0 | 1 => format!("absent({})", self.vector(depth).text),
            2 => format!("absent_over_time(missing{{job=\"job-0\", a!=\"b\"}}[{range}])"),
            // A gap in it may be longer than the window.
            3 => {
                let (matchers, shift) = (self.matchers("queue_length"), self.shift());
                format!("absent_over_time(queue_length{matchers}[{range}]{shift})")
            }
            _ => "absent(missing{job=\"job-0\", instance=~\"x.*\"})".to_owned(),
        };
        Vector {
            text,
            is_exact: true,
        }
    }
}
