//! All networks of NAS-Bench-201.

use std::path::Path;

use csv::StringRecord;
use serde::Serialize;
use tachograph_import::nas::nasbench201::{Cell, Zeros};
use tachograph_ir::Graph;

use super::{Columns, about, cell, splits};
use crate::{About, DeviceSplit, Measurements, Result, Source, sets::no_graph};

/// HELP's measurements of NAS-Bench-201.
pub static NAS_BENCH_201: About =
    about("help-nb201", "all 15,625 NAS-Bench-201 networks on 27 devices", "nb201", |root| {
        Ok(Box::new(NasBench201::open(root)?))
    });

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
    fn measurements(&self) -> Result<Measurements<'_>> {
        let rows = self.rows()?.map(|row| row.map(|row| (row.arch, row.times)));
        Ok(self.0.measurements(rows, "nasbench201", String::clone))
    }

    fn splits(&self) -> Vec<DeviceSplit> {
        vec![splits::nas_bench_201()]
    }

    /// With `none` as a multiplication by zero, as the benchmark's code runs it.
    fn graph(&self, network: &str) -> Result<Graph> {
        let cell: Cell = network.parse().map_err(no_graph(&NAS_BENCH_201, network))?;
        cell.graph(Zeros::Multiplied).map_err(no_graph(&NAS_BENCH_201, network))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
