//! Why bytes are no cell.

/// Bytes that are no cell of the number of values that the caller expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// The bytes end too early.
    #[error("the cell ends within its {part}")]
    Short {
        /// What is cut off.
        part: &'static str,
    },
    /// The bytes go on after the last value.
    #[error("the cell has {bytes} bytes after its end")]
    Long {
        /// How many.
        bytes: usize,
    },
    /// A field has a value that the format does not know: damage, or a later format.
    #[error(
        "the cell has the {part} {value}, which {} does not know",
        crate::CODEC
    )]
    Unknown {
        /// The field.
        part: &'static str,
        /// Its value.
        value: u8,
    },
    /// A number of variable length has more than 64 bits.
    #[error("the {part} of the cell is longer than 64 bits")]
    Number {
        /// The field.
        part: &'static str,
    },
    /// The bytes are not what they should be; what that is, is said.
    #[error("{0}")]
    Broken(&'static str),
    /// A histogram has a schema that the model does not know.
    #[error("a histogram has the schema {0}")]
    Schema(i32),
    /// A histogram has more buckets and bounds than one part of a cell takes.
    #[error("a histogram has {0} buckets and bounds")]
    Buckets(usize),
    /// Exceptions go beyond the last value.
    #[error("an exception of the cell lies behind its {count} values")]
    Exception {
        /// The number of values.
        count: usize,
    },
}
