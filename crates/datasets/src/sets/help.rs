//! HELP (Lee et al., NeurIPS 2021): three NAS search spaces on many devices.
//!
//! One table a space: a column describes the network, every other one is a device. Where the device is a GPU,
//! its column ends in the batch size. `fpga` and `eyeriss` are estimates. `pixel2`, `samsung_s7`, `samsung_a50`
//! and `essential_ph_1` were recorded in whole milliseconds, so that many values are equal. Networks of
//! NAS-Bench-201 without a path from input to output take almost no time on some devices (183 rows under 0.05 ms
//! on `pixel3`, 128 on `raspi4`): leave them out of relative errors, and say so.

use std::path::{Path, PathBuf};

use csv::StringRecord;
use serde::{Deserialize, Serialize};
use tachograph_import::nas::{fbnet, nasbench201, ofa};
use tachograph_ir::Graph;

use super::{help_splits, no_graph};
use crate::{
    About, DeviceSplit, Error, FBNET, NAS_BENCH_201, OFA, Result, Sample, Samples, Source,
    table::{Table, json},
};

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

    /// Rows as samples, named by `name`.
    fn samples<T>(
        &self,
        rows: impl Iterator<Item = Result<(T, Vec<f64>)>> + 'static,
        family: &'static str,
        name: impl Fn(&T) -> String + 'static,
    ) -> Samples<'_> {
        Box::new(rows.flat_map(move |row| {
            let row = row.map(|(what, times)| (name(&what), times));
            let mut samples = Vec::new();
            match row {
                Err(error) => samples.push(Err(error)),
                Ok((network, times)) => samples.extend(self.devices.iter().zip(times).map(|(device, time)| {
                    let sample = Sample::new(network.as_str(), family, device.as_str(), batch(device), time);
                    Ok(Sample { estimated: is_estimate(device), ..sample })
                })),
            }
            samples
        }))
    }
}

fn cell(row: &StringRecord, column: usize) -> Result<&str, String> {
    row.get(column).ok_or_else(|| format!("no column {column}"))
}

/// One network of NAS-Bench-201 and its times in ms, in the order of [`NasBench201::devices`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NasBench201Row {
    /// Number of the network, from 0.
    pub index: usize,
    /// The cell, such as `|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|…|`.
    pub arch: String,
    /// Times in ms.
    pub times: Vec<f64>,
}

/// All 15,625 cells of NAS-Bench-201 on 27 devices.
#[derive(Clone, Debug)]
pub struct NasBench201(Columns);

impl NasBench201 {
    /// Opens the set below the root of all sets.
    ///
    /// # Errors
    /// The table is not there, or has no header.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self(Columns::open(NAS_BENCH_201.path(root, "nb201_latency_ms.csv.gz")?, 2)?))
    }

    /// Names of the devices.
    pub fn devices(&self) -> &[String] {
        &self.0.devices
    }

    /// The networks, read one by one.
    ///
    /// # Errors
    /// The table cannot be read; rows that are not what they should be are errors of the iterator.
    pub fn rows(&self) -> Result<impl Iterator<Item = Result<NasBench201Row>> + 'static> {
        let describe = |_, row: &StringRecord| {
            let index = cell(row, 0)?;
            let index = index.parse().map_err(|_| format!("`{index}` is not an index"))?;
            Ok((index, cell(row, 1)?.to_owned()))
        };
        let rows = self.0.rows(describe)?;
        Ok(rows.map(|row| row.map(|((index, arch), times)| NasBench201Row { index, arch, times })))
    }
}

impl Source for NasBench201 {
    fn about(&self) -> &'static About {
        &NAS_BENCH_201
    }

    /// Networks are named by their cell.
    fn samples(&self) -> Result<Samples<'_>> {
        let rows = self.rows()?.map(|row| row.map(|row| (row.arch, row.times)));
        Ok(self.0.samples(rows, "nasbench201", String::clone))
    }

    fn splits(&self) -> Vec<DeviceSplit> {
        vec![help_splits::nas_bench_201()]
    }

    /// With `none` as a multiplication by zero, as the benchmark's code runs it.
    fn graph(&self, network: &str) -> Result<Graph> {
        let cell: nasbench201::Cell = network.parse().map_err(no_graph(&NAS_BENCH_201, network))?;
        cell.graph(nasbench201::Zeros::Multiplied).map_err(no_graph(&NAS_BENCH_201, network))
    }
}

/// One network of FBNet and its times in ms, in the order of [`FbNet::devices`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FbNetRow {
    /// Operator of each of the 22 positions, 0 to 8.
    pub operators: Vec<usize>,
    /// Their names, such as `k3_e1_g2`.
    pub names: Vec<String>,
    /// Times in ms.
    pub times: Vec<f64>,
}

/// 5,000 networks of FBNet on 27 devices.
#[derive(Clone, Debug)]
pub struct FbNet(Columns);

impl FbNet {
    /// Opens the set below the root of all sets.
    ///
    /// # Errors
    /// The table is not there, or has no header.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self(Columns::open(FBNET.path(root, "fbnet_latency_ms.csv.gz")?, 2)?))
    }

    /// Names of the devices.
    pub fn devices(&self) -> &[String] {
        &self.0.devices
    }

    /// The networks, read one by one.
    ///
    /// # Errors
    /// As [`NasBench201::rows`].
    pub fn rows(&self) -> Result<impl Iterator<Item = Result<FbNetRow>> + 'static> {
        let describe = |_, row: &StringRecord| {
            let operator = |text: &str| match text.parse() {
                Ok(operator) if operator < 9 => Ok(operator),
                _ => Err(format!("`{text}` is not an operator of FBNet")),
            };
            let operators: Vec<usize> = cell(row, 0)?.split('|').map(operator).collect::<Result<_, _>>()?;
            let names: Vec<String> = cell(row, 1)?.split('|').map(str::to_owned).collect();
            if operators.len() != 22 || names.len() != 22 {
                return Err(format!("{} operators and {} names, not 22", operators.len(), names.len()));
            }
            Ok((operators, names))
        };
        let rows = self.0.rows(describe)?;
        Ok(rows.map(|row| row.map(|((operators, names), times)| FbNetRow { operators, names, times })))
    }
}

impl Source for FbNet {
    fn about(&self) -> &'static About {
        &FBNET
    }

    /// Networks are named by their operators, `7|8|1|…`.
    fn samples(&self) -> Result<Samples<'_>> {
        let rows = self.rows()?.map(|row| row.map(|row| (row.operators, row.times)));
        let name = |operators: &Vec<usize>| operators.iter().map(usize::to_string).collect::<Vec<_>>().join("|");
        Ok(self.0.samples(rows, "fbnet", name))
    }

    fn splits(&self) -> Vec<DeviceSplit> {
        help_splits::fbnet(self.devices())
    }

    /// For images of 32 × 32 and 100 classes, which is what was measured.
    fn graph(&self, network: &str) -> Result<Graph> {
        let operators = network.split('|').map(str::parse).collect::<Result<Vec<usize>, _>>();
        let operators = operators.map_err(no_graph(&FBNET, network))?;
        let network_of = fbnet::Architecture::from_indices(&operators).map_err(no_graph(&FBNET, network))?;
        network_of.graph(fbnet::Images::Cifar100).map_err(no_graph(&FBNET, network))
    }
}

/// A once-for-all MobileNetV3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfaArch {
    /// Kernel size of each block, four a stage.
    pub ks: Vec<u64>,
    /// Expansion of each block.
    pub e: Vec<u64>,
    /// Blocks in use in each stage.
    pub d: Vec<usize>,
    /// Side of the image in pixels.
    pub r: u64,
}

/// One once-for-all network and its times in ms, in the order of [`Ofa::devices`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfaRow {
    /// Number of the network, from 0.
    pub index: usize,
    /// The network.
    pub arch: OfaArch,
    /// Times in ms.
    pub times: Vec<f64>,
}

/// 5,000 once-for-all networks on four GPUs with three batch sizes each.
#[derive(Clone, Debug)]
pub struct Ofa {
    columns: Columns,
    archs: Vec<OfaArch>,
}

impl Ofa {
    /// Opens the set below the root of all sets.
    ///
    /// # Errors
    /// The table or the file of networks is not there or cannot be read.
    pub fn open(root: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Archs {
            arch: Vec<OfaArch>,
        }
        let columns = Columns::open(OFA.path(root, "ofa_latency_ms.csv.gz")?, 1)?;
        let archs: Archs = json(&OFA.path(root, "ofa_archs.json.gz")?)?;
        Ok(Self { columns, archs: archs.arch })
    }

    /// Names of the devices.
    pub fn devices(&self) -> &[String] {
        &self.columns.devices
    }

    /// The networks by number.
    pub fn archs(&self) -> &[OfaArch] {
        &self.archs
    }

    /// The networks with their times, read one by one.
    ///
    /// # Errors
    /// As [`NasBench201::rows`]; also a row without a network.
    pub fn rows(&self) -> Result<impl Iterator<Item = Result<OfaRow>> + '_> {
        let rows = self.columns.rows(|_, row: &StringRecord| {
            let index = cell(row, 0)?;
            index.parse::<usize>().map_err(|_| format!("`{index}` is not an index"))
        })?;
        Ok(rows.map(|row| {
            let (index, times) = row?;
            let arch = self.archs.get(index).cloned();
            let arch = arch.ok_or_else(|| Error::damaged(&self.columns.path, format!("no network {index}")))?;
            Ok(OfaRow { index, arch, times })
        }))
    }
}

impl Source for Ofa {
    fn about(&self) -> &'static About {
        &OFA
    }

    /// Networks are named by their number.
    fn samples(&self) -> Result<Samples<'_>> {
        let rows = self.columns.rows(|_, row: &StringRecord| Ok(cell(row, 0)?.to_owned()))?;
        Ok(self.columns.samples(rows, "ofa", String::clone))
    }

    /// Of width 1.2, as HELP's networks are.
    fn graph(&self, network: &str) -> Result<Graph> {
        let refuse = no_graph(&OFA, network);
        let Some(arch) = network.parse().ok().and_then(|index: usize| self.archs.get(index)) else {
            return Err(refuse("no such number"));
        };
        let read = || {
            Some(ofa::Architecture {
                kernels: arch.ks.as_slice().try_into().ok()?,
                expansions: arch.e.as_slice().try_into().ok()?,
                depths: arch.d.clone().try_into().ok()?,
                resolution: arch.r,
                width: ofa::Width::Times1_2,
            })
        };
        let Some(architecture) = read() else { return Err(refuse("not 20 blocks in 5 stages")) };
        architecture.graph().map_err(no_graph(&OFA, network))
    }
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

    #[test]
    fn a_row_that_is_none_names_its_line() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("help")).unwrap();
        let path = root.path().join("help/nb201_latency_ms.csv.gz");
        std::fs::write(&path, "arch_idx,arch_str,fpga\n0,|a|,1.5\n1,|b|,-2\n").unwrap();
        let rows: Vec<_> = NasBench201::open(root.path()).unwrap().rows().unwrap().collect();
        assert_eq!(rows[0].as_ref().unwrap().times, [1.5]);
        let error = rows[1].as_ref().unwrap_err().to_string();
        assert!(error.ends_with("nb201_latency_ms.csv.gz:3: `-2` is not a time"), "{error}");
    }
}
