//! Once-for-all MobileNetV3s.

use std::path::Path;

use csv::StringRecord;
use serde::{Deserialize, Serialize};
use tachograph_import::nas::ofa::{Architecture, Width};
use tachograph_ir::Graph;

use super::{Columns, about, cell};
use crate::{About, Error, Measurements, Result, Source, sets::no_graph, table::json};

/// HELP's measurements of once-for-all MobileNetV3.
pub static OFA: About = about("help-ofa", "5,000 once-for-all MobileNetV3 networks on 12 devices", "ofa", |root| {
    Ok(Box::new(Ofa::open(root)?))
});

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
    /// As [`NasBench201::rows`](super::NasBench201::rows); also a row without a network.
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
    fn measurements(&self) -> Result<Measurements<'_>> {
        let rows = self.columns.rows(|_, row: &StringRecord| Ok(cell(row, 0)?.to_owned()))?;
        Ok(self.columns.measurements(rows, "ofa", String::clone))
    }

    /// Of width 1.2, as HELP's networks are.
    fn graph(&self, network: &str) -> Result<Graph> {
        let refuse = no_graph(&OFA, network);
        let Some(arch) = network.parse().ok().and_then(|index: usize| self.archs.get(index)) else {
            return Err(refuse("no such number"));
        };
        let read = || {
            Some(Architecture {
                kernels: arch.ks.as_slice().try_into().ok()?,
                expansions: arch.e.as_slice().try_into().ok()?,
                depths: arch.d.clone().try_into().ok()?,
                resolution: arch.r,
                width: Width::Times1_2,
            })
        };
        let Some(architecture) = read() else { return Err(refuse("not 20 blocks in 5 stages")) };
        architecture.graph().map_err(no_graph(&OFA, network))
    }
}
