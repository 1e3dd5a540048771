//! What is in a set of measurements.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tachograph_ir::Quantity;

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

/// The unit of a quantity, and its numbers.
pub type Numbers = (&'static str, Vec<f64>);

impl SetSummary {
    /// Of a set, and its numbers by their unit: times, where it holds any, then memory, energy and others.
    ///
    /// # Errors
    /// The set cannot be read.
    pub fn of(source: &dyn Source) -> Result<(Self, Vec<Numbers>)> {
        let (about, all) = (source.about(), source.measurements()?.collect::<Result<Vec<Measurement>>>()?);
        let distinct = |of: fn(&Measurement) -> &str| all.iter().map(of).collect::<BTreeSet<_>>().len();
        let mut devices = BTreeMap::new();
        all.iter().for_each(|measurement| *devices.entry(measurement.device.clone()).or_default() += 1);
        let mut quantities: Vec<Option<Quantity>> = Vec::new();
        for quantity in all.iter().map(|m| m.value.quantity()) {
            if !quantities.contains(&quantity) {
                quantities.push(quantity);
            }
        }
        let order = [Some(Quantity::Latency), Some(Quantity::Memory), Some(Quantity::Energy)];
        quantities.sort_by_key(|quantity| order.iter().position(|q| q == quantity).unwrap_or(order.len()));
        let of =
            |quantity: &Option<Quantity>| all.iter().filter(|m| m.value.quantity() == *quantity).collect::<Vec<_>>();
        let times: Vec<&Measurement> = quantities.first().map_or(Vec::new(), of);
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
        let numbers = |quantity: &Option<Quantity>| {
            let of = of(quantity);
            (of.first().map_or("", |m| m.value.unit()), of.iter().map(|m| m.value.number()).collect())
        };
        Ok((summary, quantities.iter().map(numbers).collect()))
    }
}
