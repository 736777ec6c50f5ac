//! Lets others have their turn while a group is evaluated: queries that are little work are answered
//! without waiting for anything, and a group may have thousands of them.
//!
//! It is not: a bound on how many rules are evaluated at once, which is the environment's.

use std::time::Duration;

use tokio::time::Instant;

/// After evaluating for so long others get their turn.
const TURN: Duration = Duration::from_millis(1);

/// The time since others had their turn.
#[derive(Debug)]
pub(super) struct Turn(Instant);

impl Turn {
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    /// To be called between two rules.
    pub(super) async fn pass(&mut self) {
        if self.0.elapsed() >= TURN {
            tokio::task::yield_now().await;
            self.0 = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn others_have_their_turn_after_a_while() {
        let turns = Arc::new(AtomicUsize::new(0));
        let (counter, seen) = (Arc::clone(&turns), || turns.load(Ordering::SeqCst));
        let other = tokio::spawn(async move {
            loop {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        });
        let mut turn = Turn::begin();
        turn.pass().await;
        assert_eq!(seen(), 0);
        tokio::time::advance(TURN).await;
        let before = seen();
        turn.pass().await;
        assert!(seen() > before);
        let after = seen();
        turn.pass().await;
        assert_eq!(seen(), after);
        other.abort();
    }
}
