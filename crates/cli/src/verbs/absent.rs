//! A verb that runs libtorch, in a build without.

use std::ffi::OsString;

use anyhow::{Result, bail};

/// Needs libtorch, which this build does not have; run it to see how to get it.
#[derive(clap::Args)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<OsString>,
}

/// Says what is missing.
pub fn run(_: &Args) -> Result<()> {
    let verb = module_path!().rsplit("::").next().unwrap_or_default();
    bail!("`tachograph {verb}` needs libtorch, and this build has none: {}", super::INSTALL)
}
