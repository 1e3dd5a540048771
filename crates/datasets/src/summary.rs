//! What is in a set of measurements.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{Noise, Result, Sample, Source};

/// What is in a set of measurements.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Name of the set.
    pub set: &'static str,
    /// What was measured, in a line.
    pub what: &'static str,
    /// Where it comes from.
    pub from: &'static str,
    /// Its licence.
    pub licence: &'static str,
    /// Unit of its times.
    pub unit: &'static str,
    /// Measurements.
    pub samples: usize,
    /// Of these, calculated and not measured.
    pub estimated: usize,
    /// Distinct networks.
    pub networks: usize,
    /// Their families.
    pub families: usize,
    /// Measurements of each device.
    pub devices: BTreeMap<String, usize>,
    /// How far measurements of the same thing on the same device differ.
    pub noise: Option<Noise>,
    /// The same between two names of a device that ran with another version of its library.
    pub versions: Vec<(String, String, Noise)>,
    /// Splits over devices that were published with it.
    pub splits: Vec<String>,
}

impl Summary {
    /// Of a set, and the times that it holds.
    ///
    /// # Errors
    /// The set cannot be read.
    pub fn of(source: &dyn Source) -> Result<(Self, Vec<f64>)> {
        let (about, samples) = (source.about(), source.samples()?.collect::<Result<Vec<Sample>>>()?);
        let distinct = |of: fn(&Sample) -> &str| samples.iter().map(of).collect::<BTreeSet<_>>().len();
        let mut devices = BTreeMap::new();
        samples.iter().for_each(|sample| *devices.entry(sample.device.clone()).or_default() += 1);
        let key = |s: &Sample| (s.network.clone(), s.device.clone(), s.batch, s.phase, s.configuration);
        let versions = source.measured_again().iter().filter_map(|&(old, new)| {
            let both = samples.iter().filter(|s| s.device == old || s.device == new);
            Some((old.into(), new.into(), Noise::of(both.map(|s| ((&s.network, s.batch), s.time)))?))
        });
        let summary = Self {
            set: about.name,
            what: about.what,
            from: about.from,
            licence: about.licence,
            unit: about.unit,
            samples: samples.len(),
            estimated: samples.iter().filter(|sample| sample.estimated).count(),
            networks: distinct(|s| &s.network),
            families: distinct(|s| &s.family),
            devices,
            noise: Noise::of(samples.iter().map(|s| (key(s), s.time))),
            versions: versions.collect(),
            splits: source.splits().iter().map(ToString::to_string).collect(),
        };
        Ok((summary, samples.iter().map(|sample| sample.time).collect()))
    }
}
