//! Adapting a checkpoint, in a build without libtorch.

use anyhow::{Result, bail};

use super::Args;
use crate::verbs::INSTALL;

pub fn run(_: &Args) -> Result<()> {
    bail!("adapting a checkpoint needs libtorch, and this build has none: {INSTALL}")
}
