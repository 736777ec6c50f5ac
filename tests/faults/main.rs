//! What breaks from outside, and what must hold all the same.

mod disk_full;
mod kill;
mod queries;
mod replay;
