//! Adapting a checkpoint, in a build without libtorch.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::Args;
use crate::verbs::INSTALL;

/// What there would be to say.
#[derive(clap::Args)]
pub struct Options {
    #[arg(long, hide = true)]
    checkpoint: Option<PathBuf>,
    #[arg(long, hide = true)]
    out: Option<PathBuf>,
}

impl Options {
    pub fn given(&self) -> bool {
        self.checkpoint.is_some() || self.out.is_some()
    }
}

pub fn run(_: &Args) -> Result<()> {
    bail!("adapting a checkpoint needs libtorch, and this build has none: {INSTALL}")
}
