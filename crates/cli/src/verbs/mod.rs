//! The verbs, one a module: arguments, a call of the libraries, and what is printed. Those that run libtorch have their
//! work in a file of its own, so that a build without has their help and says how to get them.

pub mod adapt;
pub mod choose;
pub mod collect;
pub mod compile;
pub mod completions;
pub mod data;
pub mod devices;
pub mod doctor;
pub mod ensemble;
pub mod evaluate;
pub mod inspect;
pub mod label;
pub mod predict;
pub mod profile;
pub mod program;
pub mod query;
pub mod rank;
pub mod runner;
pub mod sample;
pub mod store;
pub mod train;
pub mod transfer;
pub mod tune;
pub mod worker;

/// How to get the verbs that run libtorch.
#[cfg(not(feature = "torch"))]
pub const INSTALL: &str = "cargo install tachograph-cli --features torch (in a checkout: --path crates/cli)";

/// What a verb that runs libtorch says without it, after its arguments were checked.
#[cfg(not(feature = "torch"))]
fn absent(verb: &str) -> anyhow::Result<()> {
    anyhow::bail!("`tachograph {verb}` needs libtorch, and this build has none: {INSTALL}")
}

/// What the help of a verb that runs libtorch ends with.
fn after_help() -> String {
    #[cfg(not(feature = "torch"))]
    return format!("This build has no libtorch, which this verb needs: {INSTALL}\n\n{}", crate::exit::CODES);
    #[cfg(feature = "torch")]
    return crate::exit::CODES.to_owned();
}
