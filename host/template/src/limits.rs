//! How much one execution of a template may use.

/// Bounds of one execution. What goes over one is cut with an error that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Templates within templates. Go allows 100,000, which is a gigabyte of stack.
    pub depth_max: usize,
    /// Bytes of what comes out, and of what any one function makes.
    pub output_bytes_max: usize,
    /// Nodes evaluated, a call with long texts counting more than one: what ends a loop that is not
    /// endless but might as well be.
    pub steps_max: usize,
}

impl Limits {
    /// What notifications are executed with: those of a group of many thousand alerts, too.
    pub const DEFAULT: Self = Self {
        depth_max: 100,
        output_bytes_max: 16 << 20,
        steps_max: 10_000_000,
    };

    /// What a label or annotation of one alert is executed with.
    pub const ANNOTATION: Self = Self {
        depth_max: 100,
        output_bytes_max: 1 << 20,
        steps_max: 1_000_000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How deep blocks, parentheses and templates may lie in one another while executing, all taken
/// together: each is a piece of the thread's stack.
pub(crate) const LEVELS_MAX: usize = 400;

/// How deep lists and maps that a template makes may lie in one another: they are printed, and
/// dropped, on the stack.
pub(crate) const VALUE_DEPTH_MAX: usize = 100;

/// About the bytes that a list or map may be printed in: each time that it holds another counts,
/// so that a few calls cannot make one that nobody can print.
pub(crate) const VALUE_BYTES_MAX: usize = 64 << 20;

/// Bytes of text that a function takes or makes for the price of one step.
pub(crate) const STEP_BYTES: usize = 64;

/// Steps that a regular expression costs, since it is compiled.
pub(crate) const REGEX_STEPS: usize = 200;

/// How deep blocks or parentheses may be written into one another.
pub(crate) const NESTING_MAX: usize = 100;
