//! What this program measured, as a store keeps it.

use std::collections::BTreeMap;

use anyhow::Result;
use tachograph_datasets::Mode;
use tachograph_ir::{BoundGraph, DType, TensorId};
use tachograph_profile::{PROTOCOL, Profile};
use tachograph_store::{Moment, Network, Reading, Setup, Store};

use crate::{exit, here::Here, store::who};

/// The element type that a network computes in: that of most of its weights by their bytes, else of its first input.
pub fn element_type(bound: &BoundGraph) -> DType {
    let mut bytes = BTreeMap::<DType, u64>::new();
    let ids = (0..bound.graph().tensors().len()).map(|i| TensorId(i as u32));
    for fact in ids.filter(|id| bound.is_parameter(*id)).map(|id| bound.fact(id)) {
        *bytes.entry(fact.dtype).or_default() += fact.bytes().unwrap_or(0);
    }
    let most = bytes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(dtype, _)| dtype);
    let first = || bound.graph().inputs().first().map(|id| bound.fact(*id).dtype);
    most.or_else(first).unwrap_or(DType::F32)
}

/// An inference of a network on a device that the store calls `name`.
pub fn reading(profile: &Profile, bound: &BoundGraph, name: &str, who: &str) -> Reading {
    let environment = &profile.environment;
    Reading {
        batch: bound.batch(),
        mode: Mode::Inference,
        setup: Setup {
            device: name.into(),
            hardware: environment.device.clone(),
            threads: environment.threads,
            library: environment.library.clone(),
            dtype: element_type(bound),
            driver: environment.driver.clone(),
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
        Ok(store.put(&Network::new(bound)?, &reading(profile, bound, &name, &who()))?)
    };
    if let Err(error) = put() {
        exit::warn(&format!("not stored in {}: {error:#}", store.location()));
    }
}
