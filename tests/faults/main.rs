//! What breaks from outside, and what must hold all the same.

mod kill;
mod queries;
