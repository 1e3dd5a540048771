//! Measurements by network and output.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tachograph_datasets::{Measured, Measurement, Mode, Source};
use tachograph_ir::{Assignment, Millis, Quantity};

use super::{Line, Query};
use crate::{Error, Output, Result};

pub struct Table {
    pub outputs: Vec<Output>,
    pub lines: Vec<Line>,
}

impl Table {
    /// Outputs are in the order of `query`, or else of the devices' names, quantity after quantity of each.
    pub fn new(source: &dyn Source, query: &Query) -> Result<Self> {
        let measurements = source.measurements()?.collect::<Result<Vec<_>, _>>()?;
        let columns = Columns::new(source, &measurements, query)?;
        let mut lines: Vec<Line> = Vec::new();
        let mut places: HashMap<(String, Mode, Assignment), usize> = HashMap::new();
        for measurement in measurements {
            let unit = measurement.value.unit();
            let Some(quantity) = measurement.value.quantity() else {
                return Err(tachograph_datasets::Error::NoUnit { set: source.name(), unit }.into());
            };
            let Some(measurement) = at_batch(measurement, query.batch) else { continue };
            let Measurement { network, family, device, assignment, phase, value, .. } = measurement;
            if !columns.devices.contains(&device) {
                continue;
            }
            // A line takes its place when its network is first measured, whatever was: what is asked for does not
            // change the order, which training depends on.
            let place = *places.entry((network.clone(), phase, assignment.clone())).or_insert(lines.len());
            if place == lines.len() {
                let targets = vec![f64::NAN; columns.outputs.len()];
                lines.push(Line { network, family, phase, assignment, targets });
            }
            if let Some(&column) = columns.places.get(&(device, phase, quantity)) {
                let target = &mut lines[place].targets[column];
                // Of repeated measurements the smallest: interference adds and never takes away.
                *target = target.min(value.number());
            }
        }
        lines.retain(|line| line.targets.iter().any(|target| target.is_finite()));
        Ok(Self { outputs: columns.outputs, lines })
    }
}

/// The same latency an image at another batch; other quantities do not follow, and are lost.
fn at_batch(mut measurement: Measurement, batch: Option<u64>) -> Option<Measurement> {
    if let Some(batch) = batch {
        let Measured::Latency(Millis(ms)) = measurement.value else { return None };
        let measured = measurement.assignment.insert("batch".into(), batch).unwrap_or(batch).max(1);
        measurement.value = Measured::ms(ms * batch as f64 / measured as f64);
    }
    Some(measurement)
}

/// The outputs, and where the measurements of each go.
struct Columns {
    outputs: Vec<Output>,
    devices: BTreeSet<String>,
    places: HashMap<(String, Mode, Quantity), usize>,
}

impl Columns {
    fn new(source: &dyn Source, measurements: &[Measurement], query: &Query) -> Result<Self> {
        let mut phases: BTreeMap<&str, BTreeSet<Mode>> = BTreeMap::new();
        for measurement in measurements {
            phases.entry(&measurement.device).or_default().insert(measurement.phase);
        }
        if let Some(unknown) = query.devices.iter().find(|device| !phases.contains_key(device.as_str())) {
            let known = phases.into_keys().collect::<Vec<_>>().join(", ");
            return Err(Error::Device { name: unknown.clone(), known });
        }
        let devices: Vec<&str> = match query.devices.is_empty() {
            true => phases.keys().copied().collect(),
            false => query.devices.iter().map(String::as_str).collect(),
        };
        let (mut outputs, mut places) = (Vec::new(), HashMap::new());
        for &device in &devices {
            let recorded = source.ran_on(device);
            for &phase in &phases[device] {
                // Where a device did both, the training step is told apart.
                let apart = phases[device].len() > 1 && phase == Mode::Training;
                let name = if apart { format!("{device} {phase}") } else { device.to_owned() };
                for &quantity in &query.quantities {
                    places.insert((device.to_owned(), phase, quantity), outputs.len());
                    let mut output = Output::new(name.clone(), quantity);
                    if let Some(on) = &recorded {
                        (output.hardware, output.threads) = (on.hardware.clone(), on.threads);
                        output.library = on.library.clone();
                    }
                    outputs.push(output);
                }
            }
        }
        let devices = devices.into_iter().map(str::to_owned).collect();
        Ok(Self { outputs, devices, places })
    }
}
