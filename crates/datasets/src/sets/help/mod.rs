//! HELP (Lee et al., NeurIPS 2021): three NAS search spaces on many devices.
//!
//! One table a space: a column describes the network, every other one is a device. Where the device is a GPU,
//! its column ends in the batch size. `fpga` and `eyeriss` are estimates. `pixel2`, `samsung_s7`, `samsung_a50`
//! and `essential_ph_1` were recorded in whole milliseconds, so that many values are equal. Networks of
//! NAS-Bench-201 without a path from input to output take almost no time on some devices (183 rows under 0.05 ms
//! on `pixel3`, 128 on `raspi4`): leave them out of relative errors, and say so.

mod fbnet;
mod nasbench201;
mod ofa;
mod splits;

use std::path::{Path, PathBuf};

use csv::StringRecord;

pub use self::{fbnet::*, nasbench201::*, ofa::*};
use crate::{About, Measured, Measurement, Measurements, Result, Source, table::Table};

/// What the three sets share.
const fn about(
    name: &'static str,
    what: &'static str,
    files: &'static str,
    open: fn(&Path) -> Result<Box<dyn Source>>,
) -> About {
    let from = "github.com/HayeonLee/HELP, commit 45f70eb, as CSV";
    About { name, what, from, licence: "MIT", folder: "help", files, open }
}

/// Devices of HELP that were simulated or calculated.
pub fn is_estimate(device: &str) -> bool {
    matches!(device, "fpga" | "eyeriss")
}

/// Columns of GPUs end in the batch size; the names of other devices may end in a number too.
fn batch(device: &str) -> u64 {
    const GPUS: [&str; 7] = ["1080ti", "2080ti", "titan_rtx", "titan_xp", "titanx", "titanxp", "v100"];
    let split = device.rsplit_once('_').filter(|(gpu, _)| GPUS.contains(gpu));
    split.and_then(|(_, batch)| batch.parse().ok()).unwrap_or(1)
}

/// The devices of a table and how its rows are read.
#[derive(Clone, Debug)]
struct Columns {
    path: PathBuf,
    devices: Vec<String>,
    /// Columns before the first device.
    first: usize,
}

impl Columns {
    fn open(path: PathBuf, first: usize) -> Result<Self> {
        let table = Table::open(&path)?;
        let devices = table.headers().iter().skip(first).map(str::to_owned).collect();
        Ok(Self { path, devices, first })
    }

    /// Each row: what `describe` makes of it, and the time on each device.
    fn rows<T: 'static>(
        &self,
        describe: impl Fn(usize, &StringRecord) -> Result<T, String> + 'static,
    ) -> Result<impl Iterator<Item = Result<(T, Vec<f64>)>> + 'static> {
        let (mut table, first) = (Table::open(&self.path)?, self.first);
        let mut index = 0;
        Ok(std::iter::from_fn(move || {
            let (line, row) = match table.row()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            let times = row.iter().skip(first).map(|cell| match cell.parse::<f64>() {
                Ok(time) if time.is_finite() && time > 0.0 => Ok(time),
                _ => Err(format!("`{cell}` is not a time")),
            });
            let read = describe(index, &row).and_then(|what| Ok((what, times.collect::<Result<_, _>>()?)));
            index += 1;
            Some(read.map_err(|message| table.error(line, message)))
        }))
    }

    /// Rows as measurements, named by `name`.
    fn measurements<T>(
        &self,
        rows: impl Iterator<Item = Result<(T, Vec<f64>)>> + 'static,
        family: &'static str,
        name: impl Fn(&T) -> String + 'static,
    ) -> Measurements<'_> {
        Box::new(rows.flat_map(move |row| {
            let row = row.map(|(what, times)| (name(&what), times));
            let mut all = Vec::new();
            match row {
                Err(error) => all.push(Err(error)),
                Ok((network, times)) => all.extend(self.devices.iter().zip(times).map(|(device, time)| {
                    let measured =
                        Measurement::new(network.as_str(), family, device.as_str(), batch(device), Measured::ms(time));
                    Ok(Measurement { estimated: is_estimate(device), ..measured })
                })),
            }
            all
        }))
    }
}

fn cell(row: &StringRecord, column: usize) -> Result<&str, String> {
    row.get(column).ok_or_else(|| format!("no column {column}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_those_of_gpus() {
        for (device, expected) in [("1080ti_256", 256), ("titan_rtx_1", 1), ("essential_ph_1", 1), ("gold_6226", 1)] {
            assert_eq!(batch(device), expected, "{device}");
        }
    }
}
