//! The verbs, one a module: arguments, a call of the libraries, and what is printed.

pub mod choose;
pub mod completions;
pub mod data;
pub mod devices;
pub mod doctor;
pub mod ensemble;
pub mod inspect;
pub mod predict;
pub mod transfer;

// A build without libtorch has these in name, to say how to get them.
#[cfg_attr(not(feature = "torch"), path = "absent.rs")]
pub mod adapt;
#[cfg_attr(not(feature = "torch"), path = "absent.rs")]
pub mod collect;
#[cfg_attr(not(feature = "torch"), path = "absent.rs")]
pub mod evaluate;
#[cfg_attr(not(feature = "torch"), path = "absent.rs")]
pub mod profile;
#[cfg_attr(not(feature = "torch"), path = "absent.rs")]
pub mod train;

/// How to get the verbs that run libtorch.
#[cfg(not(feature = "torch"))]
pub const INSTALL: &str = "cargo install tachograph-cli --features torch (in a checkout: --path crates/cli)";

/// As many threads as a machine may have.
#[cfg(feature = "torch")]
fn threads() -> clap::builder::RangedI64ValueParser<i32> {
    clap::value_parser!(i32).range(1..=1024)
}
