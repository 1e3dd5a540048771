//! What this program measured, as a store keeps it.

use anyhow::Result;
use tachograph_datasets::Mode;
use tachograph_ir::{BoundGraph, DType};
use tachograph_profile::{PROTOCOL, Profile};
use tachograph_store::{Moment, Network, Reading, Setup, Store};

use crate::{exit, here::Here, store::who};

/// An inference at `batch` on a device that the store calls `name`.
pub fn reading(profile: &Profile, batch: u64, name: &str, who: &str) -> Reading {
    let environment = &profile.environment;
    Reading {
        batch,
        mode: Mode::Inference,
        setup: Setup {
            device: name.into(),
            hardware: environment.device.clone(),
            threads: environment.threads,
            library: environment.library.clone(),
            dtype: DType::F32,
            driver: String::new(),
            governor: environment.governor.clone(),
        },
        protocol: PROTOCOL,
        median_ms: Some(profile.median_ms),
        iqr_ms: Some(profile.iqr_ms),
        min_ms: Some(profile.min_ms),
        repeats: u32::try_from(profile.repeats).unwrap_or(u32::MAX),
        peak_bytes: profile.peak_memory,
        energy_j: profile.energy,
        date: Moment::now(),
        who: who.into(),
    }
}

/// Stores what was measured here. What is printed does not depend on it: a store that cannot be written is a warning.
pub fn keep(store: Option<&Store>, bound: &BoundGraph, profile: &Profile) {
    let Some(store) = store else { return };
    let put = || -> Result<bool> {
        let name = Here::with(&profile.environment.device).name;
        Ok(store.put(&Network::new(bound)?, &reading(profile, bound.batch(), &name, &who()))?)
    };
    if let Err(error) = put() {
        exit::warn(&format!("not stored in {}: {error:#}", store.location()));
    }
}
