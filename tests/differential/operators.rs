//! Operators: between numbers, vectors and both, with and without parentheses, and what
//! `group_left` takes over.

use crate::expression::{Generator, Vector};

impl Generator<'_> {
    pub(crate) fn with_scalar(&mut self, depth: usize) -> Vector {
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
            "%", ">", "<", "<=", ">=", "==", "!=", "> bool", "== bool", "< bool", "!= bool",
            ">= bool", "<= bool",
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
    pub(crate) fn matched(&mut self, depth: usize) -> Vector {
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
            "ignoring ()",
            "on ()",
        ]);
        if self.dice.percent(30) {
            let operator = self.dice.one(&["and", "or", "unless", "AND", "Unless"]);
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

    /// Labels of the "one" side that the "many" side takes over.
    pub(crate) fn enriched(&mut self, depth: usize) -> Vector {
        let many = self.vector(depth).text;
        let many = format!("sum by (job, instance, code, room, queue) ({many})");
        let (one, labels) = self.dice.one(&[
            ("temperature{room=\"room-1\"}", "room"),
            ("requests_total{code=\"404\"}", "code"),
            ("requests_total{code=\"404\"}", "code, room"),
            ("queue_length{queue=\"queue-0\"}", "queue, missing"),
            ("count by (job, instance) (load)", "room"),
            ("odd", "kind, __name__"),
        ]);
        let operator = self.dice.one(&["*", "+", "-", "/", "atan2"]);
        let text = match self.dice.percent(70) {
            true => format!("({many}) {operator} on (job, instance) group_left ({labels}) {one}"),
            false => format!("{one} {operator} on (job, instance) group_right ({labels}) ({many})"),
        };
        Vector {
            text,
            is_exact: false,
        }
    }

    /// Operators without parentheses, on a selector and numbers: which binds first is asked.
    pub(crate) fn chain(&mut self) -> Vector {
        let metric = self.dice.one(&["temperature", "load", "requests_total"]);
        let mut text = match self.dice.percent(25) {
            true => format!("-{metric}"),
            false => metric.to_owned(),
        };
        for _ in 0..2 + self.dice.below(4) {
            let operator = self.dice.one(&["+", "-", "*", "/", "%", "+", "-"]);
            let operand = match self.dice.percent(30) {
                true => metric.to_owned(),
                false => self.number(),
            };
            text = format!("{text} {operator} {operand}");
        }
        if self.dice.percent(30) {
            let comparison = self.dice.one(&[">", "<=", "!= bool", "> bool"]);
            text = format!("{text} {comparison} {}", self.number());
        }
        if self.dice.percent(30) {
            let (first, second) = (
                self.dice.one(&["and", "unless", "or"]),
                self.dice.one(&["and", "unless", "or"]),
            );
            text = format!(
                "{text} {first} {metric}{{job=\"job-0\"}} {second} \
                 {metric}{{instance=~\".*[12]\"}} * 2"
            );
        }
        let is_exact = true;
        Vector { text, is_exact }
    }

    /// The same on numbers alone: with powers, whose last digit is the library's, or with what jumps.
    pub(crate) fn scalar_chain(&mut self) -> String {
        let has_powers = self.dice.percent(50);
        let mut text = self.number();
        for _ in 0..1 + self.dice.below(4) {
            let operator = match has_powers {
                true => self.dice.one(&["+", "-", "*", "/", "^", "^"]),
                false => self
                    .dice
                    .one(&["+", "-", "*", "/", "%", "> bool", "== bool"]),
            };
            let sign = self.dice.one(&["", "", "-", "+", "--"]);
            text = format!("{text} {operator} {sign}{}", self.number());
        }
        text
    }
}
