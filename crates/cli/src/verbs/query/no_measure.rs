//! Without libtorch, workers measure.

use anyhow::{Result, bail};
use tachograph_store::Store;

use super::Ask;
use crate::verbs::INSTALL;

/// A job for this machine in a file of this machine would wait for a worker that this build is not.
pub fn now(_: &Store, _: &Ask<'_>, _: &str) -> Result<()> {
    bail!("measuring here needs libtorch, and this build has none: {INSTALL}")
}
