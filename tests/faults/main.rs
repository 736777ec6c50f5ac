//! What breaks from outside, and what must hold all the same.

mod alertmanagers;
mod disk_full;
mod kill;
mod queries;
mod replay;
