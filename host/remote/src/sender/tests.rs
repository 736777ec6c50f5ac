//! Senders over a real log and a real receiver, with answers as a test wants them.

mod answers;
mod arrivals;
mod restarts;
mod world;
