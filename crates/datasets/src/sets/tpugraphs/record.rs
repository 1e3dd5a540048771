//! Where things are in a file of tuning records (`tuning.proto` of google-research-datasets/tpu_graphs).

use std::{collections::HashMap, ops::Range};

use super::{
    archive::Collection,
    wire::{self, Value},
};

/// A run, and where its configuration is.
#[derive(Debug)]
pub struct Run {
    pub collection: Collection,
    pub config: Range<usize>,
    /// In ns.
    pub time: Option<u64>,
    /// Of the compiler's own choice.
    pub default: bool,
}

/// A record of a file.
pub struct Part {
    pub range: Range<usize>,
    fingerprint: u64,
    /// Whether it has runs.
    pub run: bool,
}

/// What a record has, by place.
#[derive(Default)]
pub struct Record {
    pub module: Option<Range<usize>>,
    pub runs: Vec<Range<usize>>,
    pub configurable: Vec<u64>,
}

/// The records of a file: it is one (`ModuleTuningData`), or has one in each of its fields (`TuningData`).
pub fn parts(bytes: &[u8]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for field in wire::fields(bytes, 0..bytes.len()) {
        let (1, Value::Bytes(range)) = field? else {
            return Ok(vec![Part { range: 0..bytes.len(), fingerprint: 0, run: true }]);
        };
        let mut part = Part { range: range.clone(), fingerprint: 0, run: false };
        for field in wire::fields(bytes, range) {
            match field? {
                (2, Value::Number(number)) => part.fingerprint = number,
                // The runs are most of it, and come last.
                (3, _) => {
                    part.run = true;
                    break;
                }
                _ => {}
            }
        }
        parts.push(part);
    }
    Ok(parts)
}

/// Parts by the fingerprints of their modules, or by their places where these are not set or not theirs alone.
pub fn named(parts: &[Part]) -> impl Iterator<Item = (String, &Part)> {
    let mut times = HashMap::new();
    parts.iter().for_each(|part| *times.entry(part.fingerprint).or_insert(0) += 1);
    parts.iter().enumerate().map(move |(place, part)| match part.fingerprint {
        number if number != 0 && times.get(&number) == Some(&1) => (format!("{number:016x}"), part),
        _ => (format!("module{place}"), part),
    })
}

/// What a record has.
pub fn of(bytes: &[u8], range: Range<usize>) -> Result<Record, String> {
    let mut record = Record::default();
    for field in wire::fields(bytes, range) {
        match field? {
            (1, Value::Bytes(range)) => record.module = Some(range),
            (3, Value::Bytes(range)) => record.runs.push(range),
            (4, Value::Bytes(range)) => record.configurable.extend(wire::packed(bytes, range)?),
            (4, Value::Number(node)) => record.configurable.push(node),
            _ => {}
        }
    }
    Ok(record)
}

/// The runs that are configurations.
pub fn runs(bytes: &[u8], places: Vec<Range<usize>>) -> Result<Vec<Run>, String> {
    let mut runs = Vec::new();
    for place in places {
        runs.extend(run(bytes, place)?);
    }
    if runs.iter().any(|run| run.time.is_some()) {
        runs.retain(|run| run.time.is_some());
    }
    Ok(runs)
}

/// A run; `None` where it failed or configures nothing.
fn run(bytes: &[u8], place: Range<usize>) -> Result<Option<Run>, String> {
    let (mut config, mut time, mut failed, mut default) = (None, None, false, false);
    for field in wire::fields(bytes, place) {
        match field? {
            (1, Value::Bytes(range)) => config = Some((Collection::Tile, range)),
            (2, Value::Bytes(range)) => config = Some((Collection::Layout, range)),
            (3, Value::Number(flag)) => failed = flag != 0,
            (4, Value::Bytes(range)) => {
                for field in wire::fields(bytes, range) {
                    // TpuGraphs takes a nanosecond or none for a measurement that went wrong.
                    if let (4, Value::Number(ns)) = field? {
                        time = Some(ns).filter(|ns| (2..1 << 62).contains(ns));
                    }
                }
            }
            (5, Value::Number(flag)) => default = flag != 0,
            _ => {}
        }
    }
    let config = config.filter(|_| !failed);
    Ok(config.map(|(collection, config)| Run { collection, config, time, default }))
}
