//! What is wrong with an object.

use std::fmt;

use crate::ObjectRef;

/// Something wrong, or worth a word, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The object.
    pub object: ObjectRef,
    /// The field, as in `spec.endpoints[0].interval`; empty where it is about the whole.
    pub field: String,
    /// What is wrong. There is nothing of a secret in it.
    pub text: String,
}

impl fmt::Display for Fault {
    /// `ServiceMonitor a/b: spec.selector: must be there`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.object)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.text)
    }
}
