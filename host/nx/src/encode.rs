//! From values to a cell: several ways to see them, the cheapest by estimate, and a look at
//! whether the cell gives the values back.

use crate::cell::{Corrections, Head, Kind, Transform};
use crate::correction::Corrected;
use crate::decimal::Decimals;
use crate::decode::decode;
use crate::estimate::BYTE;
use crate::exceptions::Exceptions;
use crate::planes;
use crate::transform::{Residuals, common_power_of_two, common_step};

/// Appends the cell of `values` to `cell`; that of no value has no bytes.
///
/// Whatever the values are, [`decode`] gives back their bits: each cell is decoded before it is
/// accepted, and one that did not give them back, or is longer than the bare bits, is replaced by
/// these. So a cell has at most three bytes and eight for each value.
pub fn encode(values: &[f64], cell: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let start = cell.len();
    if let Some(view) = View::cheapest(values) {
        view.write(cell);
        let made = &cell[start..];
        if made.len() <= 8 * values.len() + BARE_HEAD && comes_back(made, values) {
            return;
        }
        cell.truncate(start);
    }
    View::bare(values).write(cell);
}

/// The bytes of a cell of bare bits besides these.
const BARE_HEAD: usize = 3;

fn comes_back(cell: &[u8], values: &[f64]) -> bool {
    let mut decoded = Vec::new();
    let is_cell = decode(cell, values.len(), &mut decoded).is_ok();
    let pairs = || decoded.iter().zip(values);
    is_cell && pairs().fold(0, |all, (a, b)| all | (a.to_bits() ^ b.to_bits())) == 0
}

const DECIMAL_TRANSFORMS: [Transform; 4] = [
    Transform::Offset,
    Transform::Slope,
    Transform::Delta,
    Transform::Delta2,
];
const RAW_TRANSFORMS: [Transform; 3] = [Transform::Offset, Transform::Delta, Transform::Xor];

/// Decimals that take no more than this for a value are taken as they are.
const DECIMAL_COST: u64 = 3 * BYTE;

/// What a run of exceptions is taken to cost: its bits are mostly those of another.
const RUN_COST: u64 = 5 * BYTE;

/// One way to see the values of a cell.
struct View {
    kind: Kind,
    exponent: u8,
    residuals: Residuals,
    corrections: Vec<u64>,
    are_deltas: bool,
    exceptions: Exceptions,
    cost: u64,
}

impl View {
    fn cheapest(values: &[f64]) -> Option<Self> {
        let decimal = Decimals::of(values).and_then(Self::decimal);
        let enough = DECIMAL_COST * values.len() as u64;
        if decimal.as_ref().is_some_and(|view| view.cost <= enough) {
            return decimal;
        }
        let (finite, exceptions) = finite(values);
        let without = (!exceptions.is_empty()).then(|| Self::raw(values, Exceptions::default()));
        let corrected = Corrected::of(&finite)
            .filter_map(|corrected| Self::corrected(corrected, exceptions.clone()));
        let views = decimal
            .into_iter()
            .chain(corrected)
            .chain(without.flatten());
        let views = views.chain(Self::raw(&finite, exceptions.clone()));
        views.min_by_key(|view| view.cost)
    }

    fn decimal(decimals: Decimals) -> Option<Self> {
        let step = common_step(&decimals.mantissas);
        let residuals = Residuals::cheapest(&decimals.mantissas, step, &DECIMAL_TRANSFORMS)?;
        let cost = residuals.cost + RUN_COST * decimals.exceptions.runs() as u64;
        Some(Self {
            kind: Kind::Decimal,
            exponent: decimals.exponent,
            residuals,
            corrections: Vec::new(),
            are_deltas: false,
            exceptions: decimals.exceptions,
            cost,
        })
    }

    fn corrected(corrected: Corrected, exceptions: Exceptions) -> Option<Self> {
        let step = common_step(&corrected.mantissas);
        let residuals = Residuals::cheapest(&corrected.mantissas, step, &DECIMAL_TRANSFORMS)?;
        let cost = residuals.cost + corrected.cost + RUN_COST * exceptions.runs() as u64;
        Some(Self {
            kind: Kind::Corrected,
            exponent: corrected.exponent,
            residuals,
            corrections: corrected.corrections,
            are_deltas: corrected.are_deltas,
            exceptions,
            cost,
        })
    }

    fn raw(values: &[f64], exceptions: Exceptions) -> Option<Self> {
        let bits: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
        let step = common_power_of_two(&bits);
        let residuals = Residuals::cheapest(&bits, step, &RAW_TRANSFORMS)?;
        let cost = residuals.cost + RUN_COST * exceptions.runs() as u64;
        Some(Self {
            kind: Kind::Raw,
            exponent: 0,
            residuals,
            corrections: Vec::new(),
            are_deltas: false,
            exceptions,
            cost,
        })
    }

    /// The bits as they are, which cannot go wrong.
    fn bare(values: &[f64]) -> Self {
        Self {
            kind: Kind::Raw,
            exponent: 0,
            residuals: Residuals {
                transform: Transform::Offset,
                base: 0,
                step: 1,
                slope: 0,
                residuals: values.iter().map(|value| value.to_bits()).collect(),
                cost: 0,
            },
            corrections: Vec::new(),
            are_deltas: false,
            exceptions: Exceptions::default(),
            cost: 0,
        }
    }

    fn write(&self, cell: &mut Vec<u8>) {
        let width = |numbers: &[u64]| planes::width(numbers.iter().fold(0, |all, n| all | n));
        let residuals = &self.residuals;
        let head = Head {
            kind: self.kind,
            transform: residuals.transform,
            has_exceptions: !self.exceptions.is_empty(),
            exponent: self.exponent,
            width: width(&residuals.residuals),
            base: residuals.base,
            step: residuals.step,
            slope: residuals.slope,
            corrections: Corrections {
                width: width(&self.corrections),
                are_deltas: self.are_deltas,
            },
        };
        head.write(cell);
        planes::pack(&self.corrections, head.corrections.width, cell);
        planes::pack(&residuals.residuals, head.width, cell);
        self.exceptions.write(cell);
    }
}

/// The values with each one that is not finite replaced by the one before it, and these as
/// exceptions; the values as they are where none is finite.
fn finite(values: &[f64]) -> (Vec<f64>, Exceptions) {
    let mut exceptions = Exceptions::default();
    let Some(first) = values.iter().copied().find(|value| value.is_finite()) else {
        return (values.to_vec(), exceptions);
    };
    let mut previous = first;
    let filled = values.iter().enumerate().map(|(index, value)| {
        if value.is_finite() {
            previous = *value;
        } else {
            exceptions.push(index, *value);
        }
        previous
    });
    (filled.collect(), exceptions)
}
