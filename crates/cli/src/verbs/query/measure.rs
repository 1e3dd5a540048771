//! Measuring here.

use anyhow::Result;
use tachograph_profile::{Protocol, device, measure};
use tachograph_store::Store;

use super::Ask;
use crate::{measured::reading, store::who};

pub const CAN: bool = true;

/// Measures on a device of this machine, and stores it.
pub fn now(store: &Store, ask: &Ask<'_>, here: &str) -> Result<()> {
    tch::set_num_threads(ask.args.threads.map_or(1, |threads| i32::try_from(threads).unwrap_or(i32::MAX)));
    let profile = measure(&ask.model.bound, device(here)?, &Protocol::default())?;
    store.put(ask.network, &reading(&profile, ask.network.batch(), &ask.wanted.name, &who()))?;
    Ok(())
}
