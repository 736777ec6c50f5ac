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

    /// A whole expression.
    pub(crate) fn expression(&mut self) -> String {
        match self.dice.below(20) {
            0 => self.scalar(2),
            _ => {
                let depth = 1 + self.dice.below(DEPTH_MAX);
                self.vector(depth).text
            }
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
            12..14 => self.with_scalar(depth - 1),
            14..17 => self.matched(depth - 1),
            17 => self.histogram(),
            18 => self.absent(depth - 1),
            _ => self.selected(),
        }
    }

    /// A scalar.
    pub(crate) fn scalar(&mut self, depth: usize) -> String {
        match self.dice.below(if depth == 0 { 3 } else { 6 }) {
            0 => format!("{}", self.dice.below(100)),
            1 => format!("{:.3}", 10.0 * self.dice.fraction() - 5.0),
            2 => self
                .dice
                .one(&["0", "1", "-1", "0.5", "Inf", "NaN", "1e3"])
                .to_owned(),
            3 => format!("scalar(sum({}))", self.vector(depth - 1).text),
            4 => "time()".to_owned(),
            _ => {
                let operator = self.dice.one(&["+", "-", "*", "/"]);
                let (left, right) = (self.scalar(depth - 1), self.scalar(depth - 1));
                format!("({left} {operator} {right})")
            }
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
        let offset = match self.dice.below(12) {
            0 => " offset 1m",
            1 => " offset 5m",
            2 => " offset -2m",
            _ => "",
        };
        format!("{at}{offset}")
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
        let metric = self.metric();
        let (matchers, shift) = (self.matchers(metric), self.shift());
        Vector {
            text: format!("{metric}{matchers}{shift}"),
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
            Argument::Quantile => format!("{:.2}, ", 1.1 * generator.dice.fraction() - 0.05),
            Argument::Seconds => format!(", {}", generator.dice.below(600)),
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

    fn grouping(&mut self) -> String {
        let labels = self
            .dice
            .one(&["", "job", "instance", "job, instance", "code", "room", "le"]);
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
            "quantile" => (format!("{:.2}, ", 1.1 * self.dice.fraction() - 0.05), false),
            // Which of two that are equal is taken is nobody's to say: stored gauges are never.
            "topk" | "bottomk" => {
                let metric = self.dice.one(&["temperature", "load"]);
                inner.text = format!("{metric}{}", self.matchers(metric));
                (format!("{}, ", self.dice.below(4)), true)
            }
            "count_values" => {
                if !inner.is_exact {
                    inner = self.selected();
                }
                ("\"value\", ".to_owned(), true)
            }
            "min" | "max" => (String::new(), inner.is_exact),
            "count" | "group" => (String::new(), true),
            _ => (String::new(), false),
        };
        Vector {
            text: format!("{name}{grouping} ({parameter}{})", inner.text),
            is_exact,
        }
    }

    fn with_scalar(&mut self, depth: usize) -> Vector {
        let vector = self.vector(depth);
        let scalar = self.scalar(usize::from(depth > 0));
        let (operator, is_exact) = self.operator(vector.is_exact);
        let swapped = self.dice.percent(30);
        let (left, right) = match swapped {
            true => (scalar, format!("({})", vector.text)),
            false => (format!("({})", vector.text), scalar),
        };
        Vector {
            text: format!("{left} {operator} {right}"),
            // A scalar may be a sum.
            is_exact: is_exact
                && vector.is_exact
                && !left.contains("scalar")
                && !right.contains("scalar"),
        }
    }

    /// An operator for operands that are exact or not, and whether its results are.
    fn operator(&mut self, is_exact: bool) -> (&'static str, bool) {
        let arithmetic = ["+", "-", "*", "/"];
        let jumping = [
            "%", ">", "<", "<=", ">=", "==", "!=", "> bool", "== bool", "< bool",
        ];
        match is_exact && self.dice.percent(40) {
            true => (self.dice.one(&jumping), true),
            false => match self.dice.below(20) {
                0 => ("^", false),
                _ => (self.dice.one(&arithmetic), is_exact),
            },
        }
    }

    /// Two vectors that meet by their labels.
    fn matched(&mut self, depth: usize) -> Vector {
        let left = self.vector(depth);
        let right = match self.dice.percent(50) {
            // What surely meets.
            true => left.clone(),
            false => self.vector(depth),
        };
        let is_exact = left.is_exact && right.is_exact;
        let matching = self.dice.one(&[
            "",
            "",
            "",
            "on (job, instance)",
            "on (instance)",
            "ignoring (code)",
            "ignoring (room, queue)",
            "on ()",
        ]);
        if self.dice.percent(30) {
            let operator = self.dice.one(&["and", "or", "unless"]);
            return Vector {
                text: format!("({}) {operator} {matching} ({})", left.text, right.text),
                is_exact,
            };
        }
        let (operator, is_exact) = self.operator(is_exact);
        let grouped = match matching.is_empty() {
            true => String::new(),
            false => self
                .dice
                .one(&[
                    "",
                    "group_left ()",
                    "group_left (code)",
                    "group_right ()",
                    "group_left ()",
                ])
                .to_owned(),
        };
        // With a grouping one side is mostly made unique.
        let (mut left, mut right) = (left.text, right.text);
        if !grouped.is_empty() && self.dice.percent(85) {
            let unique = |text: &str| format!("sum by (job, instance) ({text})");
            match grouped.starts_with("group_left") {
                true => right = unique(&right),
                false => left = unique(&left),
            }
            return Vector {
                text: format!(
                    "({left}) {} {matching} {grouped} ({right})",
                    self.dice.one(&["+", "-", "*", "/"])
                ),
                is_exact: false,
            };
        }
        Vector {
            text: format!("({left}) {operator} {matching} {grouped} ({right})"),
            is_exact,
        }
    }

    fn histogram(&mut self) -> Vector {
        let quantile = self.dice.fraction();
        let range = self.dice.one(&RANGES);
        let matchers = self
            .dice
            .one(&["", "{job=\"job-0\"}", "{instance=\"instance-1\"}"]);
        let by = self.dice.one(&["le", "le, job", "le, instance, job"]);
        let inner = match self.dice.below(3) {
            0 => format!("{HISTOGRAM}{matchers}"),
            1 => format!("rate({HISTOGRAM}{matchers}[{range}])"),
            _ => format!("sum by ({by}) (rate({HISTOGRAM}{matchers}[{range}]))"),
        };
        Vector {
            text: format!("histogram_quantile({quantile:.4}, {inner})"),
            is_exact: false,
        }
    }

    fn absent(&mut self, depth: usize) -> Vector {
        let text = match self.dice.below(3) {
            0 => format!("absent({})", self.vector(depth).text),
            1 => {
                let range = self.dice.one(&RANGES);
                format!("absent_over_time(missing{{job=\"job-0\", a!=\"b\"}}[{range}])")
            }
            _ => "absent(missing{job=\"job-0\", instance=~\"x.*\"})".to_owned(),
        };
        Vector {
            text,
            is_exact: true,
        }
    }
}
