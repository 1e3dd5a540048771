//! A verb that runs libtorch, in a build without: its arguments are known and checked, and it says how to get it.

use anyhow::{Result, bail};

/// Says what is missing.
pub fn run<Args>(_: &Args) -> Result<()> {
    // This is `…::verbs::VERB::run`.
    let verb = module_path!().rsplit("::").nth(1).unwrap_or_default();
    bail!("`tachograph {verb}` needs libtorch, and this build has none: {}", crate::verbs::INSTALL)
}
