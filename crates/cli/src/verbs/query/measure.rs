//! Measuring here.

use anyhow::{Context, Result};
use tachograph_profile::{Protocol, device, measure};
use tachograph_store::Store;

use super::Ask;
use crate::{args, measured::reading, store::who};

pub const CAN: bool = true;

/// Measures on a device of this machine, and stores it.
pub fn now(store: &Store, ask: &Ask<'_>, here: &str) -> Result<()> {
    let threads = ask.args.threads.map(|threads| args::threads(&threads.to_string())).transpose();
    tch::set_num_threads(threads.context("--threads")?.unwrap_or(1));
    let profile = measure(&ask.model.bound, device(here)?, &Protocol::default())?;
    store.put(ask.network, &reading(&profile, &ask.model.bound, &ask.wanted.name, &who()))?;
    Ok(())
}
