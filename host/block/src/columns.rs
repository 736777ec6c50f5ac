//! The columns of a batch, by name and type.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, BinaryArray, PrimitiveArray, RecordBatch, StringArray};

use crate::Fault;

/// The columns of a batch, by name and type.
pub(crate) trait Columns {
    /// A column of any type.
    fn any(&self, name: &str) -> Result<&ArrayRef, Fault>;

    /// A column of numbers.
    fn numbers<T: ArrowPrimitiveType>(&self, name: &str) -> Result<PrimitiveArray<T>, Fault> {
        let column = self.any(name)?.as_primitive_opt::<T>();
        column.cloned().ok_or_else(|| mistyped(name))
    }

    /// A column of 32-bit integers.
    fn int32(&self, name: &str) -> Result<PrimitiveArray<Int32Type>, Fault> {
        self.numbers(name)
    }

    /// A column of 64-bit integers.
    fn int64(&self, name: &str) -> Result<PrimitiveArray<Int64Type>, Fault> {
        self.numbers(name)
    }

    /// A column of times.
    fn times(&self, name: &str) -> Result<PrimitiveArray<TimestampMillisecondType>, Fault> {
        self.numbers(name)
    }

    /// A column of text.
    fn text(&self, name: &str) -> Result<StringArray, Fault> {
        let column = self.any(name)?.as_string_opt::<i32>();
        column.cloned().ok_or_else(|| mistyped(name))
    }

    /// A column of bytes.
    fn binary(&self, name: &str) -> Result<BinaryArray, Fault> {
        let column = self.any(name)?.as_binary_opt::<i32>();
        column.cloned().ok_or_else(|| mistyped(name))
    }
}

impl Columns for RecordBatch {
    fn any(&self, name: &str) -> Result<&ArrayRef, Fault> {
        self.column_by_name(name)
            .ok_or_else(|| Fault::format(format!("there is no column {name:?}")))
    }
}

/// The error of a column that has not what it should have.
pub(crate) fn mistyped(name: &str) -> Fault {
    Fault::format(format!("column {name:?} has another type"))
}
