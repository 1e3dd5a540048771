//! What is in a set of measurements.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{Measurement, Noise, Result, Source};

/// What is in a set of measurements.
#[derive(Clone, Debug, Serialize)]
pub struct SetSummary {
    /// Name of the set.
    pub set: String,
    /// What was measured, in a line.
    pub what: &'static str,
    /// Where it comes from.
    pub from: &'static str,
    /// Its licence.
    pub licence: &'static str,
    /// Unit of the quantity of which it tells the noise: of times, where it holds any.
    pub unit: &'static str,
    /// Measurements of any quantity.
    pub measurements: usize,
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

impl SetSummary {
    /// Of a set, and the numbers of which it tells the noise: times, where it holds any.
    ///
    /// # Errors
    /// The set cannot be read.
    pub fn of(source: &dyn Source) -> Result<(Self, Vec<f64>)> {
        let (about, all) = (source.about(), source.measurements()?.collect::<Result<Vec<Measurement>>>()?);
        let distinct = |of: fn(&Measurement) -> &str| all.iter().map(of).collect::<BTreeSet<_>>().len();
        let mut devices = BTreeMap::new();
        all.iter().for_each(|measurement| *devices.entry(measurement.device.clone()).or_default() += 1);
        let first = all.iter().map(|m| m.value.quantity()).min_by_key(|quantity| quantity.is_none());
        let times: Vec<&Measurement> = all.iter().filter(|m| Some(m.value.quantity()) == first).collect();
        let key =
            |m: &Measurement| (m.network.clone(), m.device.clone(), m.assignment.clone(), m.phase, m.configuration);
        let versions = source.measured_again().iter().filter_map(|&(old, new)| {
            let both = times.iter().filter(|m| m.device == old || m.device == new);
            let noise = Noise::of(both.map(|m| ((&m.network, &m.assignment), m.value.number())))?;
            Some((old.into(), new.into(), noise))
        });
        let summary = Self {
            set: source.name(),
            what: about.what,
            from: about.from,
            licence: about.licence,
            unit: times.first().map_or("", |m| m.value.unit()),
            measurements: all.len(),
            estimated: all.iter().filter(|measurement| measurement.estimated).count(),
            networks: distinct(|m| &m.network),
            families: distinct(|m| &m.family),
            devices,
            noise: Noise::of(times.iter().map(|m| (key(m), m.value.number()))),
            versions: versions.collect(),
            splits: source.splits().iter().map(ToString::to_string).collect(),
        };
        Ok((summary, times.iter().map(|m| m.value.number()).collect()))
    }
}
