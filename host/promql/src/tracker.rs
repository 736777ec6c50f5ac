//! Who is told which queries run.

use std::fmt::Debug;

/// Is told of every query when its turn has come and when its work has ended, so that what ran
/// can be told after a crash. Kept outside: the engine itself writes no file.
pub trait QueryTracker: Debug + Send + Sync {
    /// The work on a query begins. It has ended when the returned value is dropped, which is not
    /// before its last thread has stopped, also where nobody waits for the answer any more.
    fn begin(&self, query: &str) -> Box<dyn Send>;
}
