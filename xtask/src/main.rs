//! Set-up and CI steps.
fn main() {}
