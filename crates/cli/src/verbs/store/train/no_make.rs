//! Without libtorch no checkpoint can be made.

use anyhow::{Result, bail};
use tachograph_store::Store;

use super::{Args, part::Part};
use crate::{verbs::INSTALL, wanted::Wanted};

pub fn checkpoint(_: &Args, _: &Wanted, _: &Store, _: &str, part: &Part) -> Result<(&'static str, Vec<u8>)> {
    bail!(
        "{} measurements are enough for a checkpoint, but making one needs libtorch, and this build has none: {INSTALL}; \
         until then `tachograph query` predicts by rates from them",
        part.learned.len()
    )
}
