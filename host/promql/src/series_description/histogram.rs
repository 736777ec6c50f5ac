//! Native histograms as scripts write them: `{{schema:1 sum:3 count:5 buckets:[1 4]}}`.

use narthex_model::CounterResetHint;

use super::Reader;
use crate::parser::{ParseError, go_number};
use crate::printer::quote;

/// A native histogram, field by field.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramLiteral {
    /// `schema`: the resolution; -53 has custom bounds.
    pub schema: i32,
    /// `sum`
    pub sum: f64,
    /// `count`
    pub count: f64,
    /// `z_bucket`: the count of the bucket around zero.
    pub zero_count: f64,
    /// `z_bucket_w`: how far it reaches.
    pub zero_threshold: f64,
    /// `buckets` and `offset`
    pub positive: Buckets,
    /// `n_buckets` and `n_offset`
    pub negative: Buckets,
    /// `custom_values`: the bounds where the schema is -53.
    pub custom_values: Vec<f64>,
    /// `counter_reset_hint`; only compared where it is written.
    pub counter_reset_hint: Option<CounterResetHint>,
}

/// Consecutive buckets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Buckets {
    /// The index of the first one.
    pub offset: i32,
    /// The count of each.
    pub counts: Vec<f64>,
}

impl<'a> Reader<'a> {
    /// A histogram whose `{{` comes next.
    pub(super) fn histogram(&mut self) -> Result<HistogramLiteral, ParseError> {
        self.take("{{");
        let mut histogram = HistogramLiteral::default();
        let mut seen: Vec<String> = Vec::new();
        loop {
            self.skip_spaces();
            if self.take("}}") {
                return Ok(histogram);
            }
            let rest = self.rest();
            let Some(colon) = rest.find(':') else {
                return self.error("histogram description incomplete");
            };
            let key = rest[..colon].to_ascii_lowercase();
            if seen.contains(&key) {
                return self.error(format!("duplicate key {} in histogram", quote(&key)));
            }
            self.pos += colon + 1;
            self.field(&key, &mut histogram)?;
            seen.push(key);
        }
    }

    fn field(&mut self, key: &str, histogram: &mut HistogramLiteral) -> Result<(), ParseError> {
        match key {
            "schema" => histogram.schema = self.integer()?,
            "sum" => histogram.sum = self.histogram_number()?,
            "count" => histogram.count = self.histogram_number()?,
            "z_bucket" => histogram.zero_count = self.histogram_number()?,
            "z_bucket_w" => histogram.zero_threshold = self.histogram_number()?,
            "offset" => histogram.positive.offset = self.integer()?,
            "n_offset" => histogram.negative.offset = self.integer()?,
            "buckets" => histogram.positive.counts = self.numbers()?,
            "n_buckets" => histogram.negative.counts = self.numbers()?,
            "custom_values" => histogram.custom_values = self.numbers()?,
            "counter_reset_hint" => {
                histogram.counter_reset_hint = Some(match self.histogram_word() {
                    "unknown" => CounterResetHint::Unknown,
                    "reset" => CounterResetHint::Reset,
                    "not_reset" => CounterResetHint::NotReset,
                    "gauge" => CounterResetHint::Gauge,
                    other => {
                        return self.error(format!("bad counter_reset_hint: {}", quote(other)));
                    }
                });
            }
            _ => return self.error(format!("bad histogram descriptor found: {}", quote(key))),
        }
        Ok(())
    }

    /// What stands up to the next space, bracket or brace.
    fn histogram_word(&mut self) -> &'a str {
        let rest = self.rest();
        let length = rest.find([' ', '\t', ']', '}']).unwrap_or(rest.len());
        self.pos += length;
        &rest[..length]
    }

    fn histogram_number(&mut self) -> Result<f64, ParseError> {
        let word = self.histogram_word();
        match go_number(word) {
            Ok(value) => Ok(value),
            Err(_) => self.error(format!("bad number in histogram: {}", quote(word))),
        }
    }

    fn integer(&mut self) -> Result<i32, ParseError> {
        let word = self.histogram_word();
        match word.parse() {
            Ok(value) => Ok(value),
            Err(_) => self.error(format!("bad integer in histogram: {}", quote(word))),
        }
    }

    /// `[1 2 3]`
    fn numbers(&mut self) -> Result<Vec<f64>, ParseError> {
        if !self.take("[") {
            return self.error("buckets of a histogram must begin with \"[\"");
        }
        let mut numbers = Vec::new();
        loop {
            self.skip_spaces();
            if self.take("]") {
                return Ok(numbers);
            }
            if self.rest().is_empty() {
                return self.error("histogram description incomplete");
            }
            numbers.push(self.histogram_number()?);
        }
    }
}
