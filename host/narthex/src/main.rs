//! The binary: flags, config, wiring.

fn main() {}
