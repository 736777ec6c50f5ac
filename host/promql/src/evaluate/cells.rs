//! What one group has become at one step, for each of the aggregations that fold, and the arrays
//! of those.

use super::column::{ABSENT, is_absent};
use super::kahan::{Kahan, Mean};
use crate::ast::AggregateOp;

/// What numbers have become; a place is a group and a step.
pub(crate) trait Cells: Send + Sync {
    /// Makes room for so many places, where there is less.
    fn resize(&mut self, places: usize);
    /// What a place takes.
    fn bytes_a_place(&self) -> usize;
    /// One more number at a place.
    fn add(&mut self, place: usize, value: f64);
    /// The numbers of a column, the first of them at a place.
    fn add_numbers(&mut self, first: usize, column: &[f64]);
    /// What another fold has made of so many numbers, at a place.
    fn combine(&mut self, place: usize, result: f64, count: f64);
    /// The results from a place on; [`ABSENT`] where there was no number.
    fn results(&self, first: usize, out: &mut [f64]);
}

/// The cells of an aggregation; of those that do not fold, those of `group`.
pub(crate) fn cells(op: AggregateOp) -> Box<dyn Cells> {
    match op {
        AggregateOp::Sum => array::<Sum>(|x| x),
        AggregateOp::Avg => array::<Mean>(|x| x),
        AggregateOp::Min => array::<Min>(|x| x),
        AggregateOp::Max => array::<Max>(|x| x),
        AggregateOp::Count => array::<Count>(|x| x),
        AggregateOp::Stdvar => array::<Variance>(|x| x),
        AggregateOp::Stddev => array::<Variance>(|x| if is_absent(x) { x } else { x.sqrt() }),
        _ => array::<Count>(|x| if is_absent(x) { x } else { 1.0 }),
    }
}

struct Array<C> {
    cells: Vec<C>,
    finish: fn(f64) -> f64,
}

fn array<C: Cell + Send + Sync + 'static>(finish: fn(f64) -> f64) -> Box<dyn Cells> {
    let cells: Vec<C> = Vec::new();
    Box::new(Array { cells, finish })
}

impl<C: Cell + Send + Sync> Cells for Array<C> {
    fn resize(&mut self, places: usize) {
        if places > self.cells.len() {
            self.cells.resize(places, C::empty());
        }
    }

    fn bytes_a_place(&self) -> usize {
        size_of::<C>()
    }

    fn add(&mut self, place: usize, value: f64) {
        self.cells[place].add(value);
    }

    fn add_numbers(&mut self, first: usize, column: &[f64]) {
        for (cell, value) in self.cells[first..].iter_mut().zip(column) {
            if !is_absent(*value) {
                cell.add(*value);
            }
        }
    }

    fn combine(&mut self, place: usize, result: f64, count: f64) {
        self.cells[place].combine(result, count);
    }

    fn results(&self, first: usize, out: &mut [f64]) {
        for (out, cell) in out.iter_mut().zip(&self.cells[first..]) {
            *out = (self.finish)(cell.clone().result());
        }
    }
}

/// What a group has become at one step.
trait Cell: Clone {
    /// Nothing yet.
    fn empty() -> Self;
    /// One more value.
    fn add(&mut self, value: f64);
    /// The result of other values, and how many those were. Of most aggregations it is one more value.
    fn combine(&mut self, result: f64, _count: f64) {
        self.add(result);
    }
    /// The result, or [`ABSENT`] where there was no value.
    fn result(self) -> f64;
}

#[derive(Clone)]
struct Sum(Kahan);

impl Cell for Sum {
    fn empty() -> Self {
        Self(Kahan::new(ABSENT))
    }

    #[inline]
    fn add(&mut self, value: f64) {
        self.0 = if is_absent(self.0.sum) {
            Kahan::new(value)
        } else {
            self.0.plus(value)
        };
    }

    fn result(self) -> f64 {
        if is_absent(self.0.sum) {
            ABSENT
        } else {
            self.0.total()
        }
    }
}

impl Cell for Mean {
    fn empty() -> Self {
        Self::default()
    }

    #[inline]
    fn add(&mut self, value: f64) {
        if self.is_empty() {
            *self = Self::new(value);
        } else {
            Self::add(self, value);
        }
    }

    fn combine(&mut self, result: f64, count: f64) {
        Self::combine(self, result, count);
    }

    fn result(self) -> f64 {
        if self.is_empty() {
            ABSENT
        } else {
            Self::result(self)
        }
    }
}

#[derive(Clone)]
struct Min(f64);

impl Cell for Min {
    fn empty() -> Self {
        Self(ABSENT)
    }

    #[inline]
    fn add(&mut self, value: f64) {
        // Also true for nothing yet, which is a NaN like those that any number replaces.
        if self.0.is_nan() || value < self.0 {
            self.0 = value;
        }
    }

    fn result(self) -> f64 {
        self.0
    }
}

#[derive(Clone)]
struct Max(f64);

impl Cell for Max {
    fn empty() -> Self {
        Self(ABSENT)
    }

    #[inline]
    fn add(&mut self, value: f64) {
        if self.0.is_nan() || value > self.0 {
            self.0 = value;
        }
    }

    fn result(self) -> f64 {
        self.0
    }
}

#[derive(Clone)]
struct Count(f64);

impl Cell for Count {
    fn empty() -> Self {
        Self(0.0)
    }

    #[inline]
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }

    fn combine(&mut self, result: f64, _count: f64) {
        self.0 += result;
    }

    fn result(self) -> f64 {
        if self.0 == 0.0 { ABSENT } else { self.0 }
    }
}

/// Welford's running variance.
#[derive(Clone)]
struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Cell for Variance {
    fn empty() -> Self {
        Self {
            count: 0.0,
            mean: 0.0,
            squares: 0.0,
        }
    }

    #[inline]
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.mean = value;
            self.squares = if value.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }

    fn result(self) -> f64 {
        if self.count == 0.0 {
            ABSENT
        } else {
            self.squares / self.count
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded<C: Cell>(values: &[f64]) -> f64 {
        let mut cell = C::empty();
        values.iter().for_each(|value| cell.add(*value));
        cell.result()
    }

    #[test]
    fn nan_counts_only_where_nothing_else_is() {
        let nan = f64::NAN;
        assert_eq!(folded::<Max>(&[nan, 1.0, nan]), 1.0);
        assert_eq!(folded::<Min>(&[2.0, nan, 1.0]), 1.0);
        assert!(folded::<Max>(&[nan]).is_nan() && !is_absent(folded::<Max>(&[nan])));
        assert!(folded::<Sum>(&[1.0, nan]).is_nan());
    }

    #[test]
    fn results_of_parts_are_put_together() {
        fn both<C: Cell>(first: &[f64], second: f64, count: f64) -> f64 {
            let mut cell = C::empty();
            first.iter().for_each(|value| cell.add(*value));
            cell.combine(second, count);
            cell.result()
        }
        assert_eq!(both::<Sum>(&[1.0, 2.0], 7.0, 1.0), 10.0);
        assert_eq!(both::<Count>(&[1.0, 2.0], 7.0, 1.0), 9.0);
        assert_eq!(both::<Min>(&[1.0, 2.0], f64::NAN, 1.0), 1.0);
        assert_eq!(both::<Max>(&[], 7.0, 1.0), 7.0);
        assert_eq!(both::<Mean>(&[1.0, 3.0], 6.0, 2.0), 4.0);
    }

    #[test]
    fn nothing_gives_nothing() {
        let nothing = [
            folded::<Sum>(&[]),
            folded::<Mean>(&[]),
            folded::<Min>(&[]),
            folded::<Max>(&[]),
            folded::<Count>(&[]),
            folded::<Variance>(&[]),
        ];
        assert!(nothing.into_iter().all(is_absent));
    }

    #[test]
    fn a_variance_of_what_is_not_finite_is_unknown() {
        assert_eq!(folded::<Variance>(&[1.0, 3.0]), 1.0);
        assert!(folded::<Variance>(&[f64::INFINITY]).is_nan());
        assert!(folded::<Variance>(&[1.0, f64::NAN]).is_nan());
    }
}
