//! Measurements one by one, and as a table.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tachograph_datasets::{DataSet, Phase, RanOn, Source};
use tachograph_ir::Assignment;

use super::{Choice, Line};
use crate::{Error, Output, Result};

/// One measurement.
pub struct Row {
    pub network: String,
    pub family: String,
    pub device: String,
    pub phase: Phase,
    pub config: Assignment,
    /// In the order of [`Quantity::ALL`](crate::Quantity::ALL).
    pub values: [Option<f64>; 3],
    pub recorded: Option<RanOn>,
}

impl Row {
    /// The same latency an image at another batch; other quantities do not follow and are lost.
    pub fn scale_to(&mut self, batch: u64) {
        let measured = self.config.insert("batch".into(), batch).unwrap_or(batch).max(1);
        let [latency, ..] = self.values;
        self.values = [latency.map(|ms| ms * batch as f64 / measured as f64), None, None];
    }
}

/// The measurements of a published set or of a table.
pub fn of_source(source: &dyn Source) -> Result<Vec<Row>> {
    let mut ran_on = HashMap::new();
    let row = |sample: tachograph_datasets::Result<tachograph_datasets::Sample>| {
        let sample = sample?;
        let recorded = ran_on.entry(sample.device.clone()).or_insert_with(|| source.ran_on(&sample.device)).clone();
        Ok(Row {
            network: sample.network,
            family: sample.family,
            device: sample.device,
            phase: sample.phase,
            config: Assignment::from([("batch".into(), sample.batch)]),
            values: [Some(sample.time), sample.memory_mb, sample.energy_j],
            recorded,
        })
    };
    source.samples()?.map(row).collect()
}

/// The measurements of a set in the project's own format.
pub fn of_data_set(data: &DataSet) -> Vec<Row> {
    let row = |record: &tachograph_datasets::Record| Row {
        network: record.network.to_string(),
        family: record.network.family().into(),
        device: record.device.clone(),
        phase: Phase::Inference,
        config: record.config.clone(),
        values: [record.median_ms, record.peak_bytes.map(|bytes| bytes as f64 / 1e6), record.energy_j],
        recorded: Some(RanOn {
            hardware: record.hardware.clone(),
            threads: record.threads,
            library: record.library.clone(),
        }),
    };
    data.records().iter().map(row).collect()
}

/// Measurements by network and output.
pub struct Table {
    pub outputs: Vec<Output>,
    pub lines: Vec<Line>,
}

impl Table {
    /// Outputs are in the order of `choice`, or else of the devices' names, quantity after quantity of each.
    pub fn new(mut rows: Vec<Row>, choice: &Choice) -> Result<Self> {
        let mut phases: BTreeMap<String, BTreeSet<Phase>> = BTreeMap::new();
        for row in &rows {
            phases.entry(row.device.clone()).or_default().insert(row.phase);
        }
        if let Some(unknown) = choice.devices.iter().find(|device| !phases.contains_key(*device)) {
            let known = phases.into_keys().collect::<Vec<_>>().join(", ");
            return Err(Error::Device { name: unknown.clone(), known });
        }
        let devices: Vec<String> = match choice.devices.is_empty() {
            true => phases.keys().cloned().collect(),
            false => choice.devices.clone(),
        };
        let mut columns = HashMap::new();
        let mut outputs = Vec::new();
        for device in devices {
            for &phase in &phases[&device] {
                // Where a device did both, the training step is told apart.
                let apart = phases[&device].len() > 1 && phase == Phase::Training;
                let name = if apart { format!("{device} {phase}") } else { device.clone() };
                for &quantity in &choice.quantities {
                    columns.insert((device.clone(), phase, quantity), outputs.len());
                    outputs.push(Output::new(name.clone(), quantity));
                }
            }
        }
        rows.retain(|row| choice.quantities.iter().any(|&q| columns.contains_key(&(row.device.clone(), row.phase, q))));
        let mut lines: Vec<(Line, Vec<f64>)> = Vec::new();
        let mut places = HashMap::new();
        for row in rows {
            let Row { network, family, device, phase, config, values, recorded } = row;
            let time = values[0].unwrap_or(f64::INFINITY);
            let place = *places.entry((network.clone(), phase, config.clone())).or_insert(lines.len());
            if place == lines.len() {
                let targets = vec![f64::NAN; outputs.len()];
                lines.push((Line { network, family, phase, config, targets }, vec![f64::INFINITY; outputs.len()]));
            }
            let (line, times) = &mut lines[place];
            for &quantity in &choice.quantities {
                let column = columns[&(device.clone(), phase, quantity)];
                let better = time < times[column] || line.targets[column].is_nan();
                if let Some(value) = values[quantity as usize].filter(|_| better) {
                    (line.targets[column], times[column]) = (value, time);
                }
                if let Some(RanOn { hardware, threads, library }) = &recorded {
                    let output = &mut outputs[column];
                    (output.hardware, output.threads) = (hardware.clone(), *threads);
                    output.library = library.clone();
                }
            }
        }
        let lines = lines.into_iter().map(|(line, _)| line);
        let lines = lines.filter(|line| line.targets.iter().any(|t| t.is_finite())).collect();
        Ok(Self { outputs, lines })
    }
}
