//! The `capsaicin` program.

fn main() {}
