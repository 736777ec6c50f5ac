//! Blocks from outside: written, read, measured, damaged, and decoded by someone else.

mod damage;
mod fixture;
mod golden;
mod reach;
mod round_trip;
mod size;
