//! Networks of FBNet.

use std::path::Path;

use csv::StringRecord;
use serde::Serialize;
use tachograph_import::nas::fbnet::{Architecture, Images};
use tachograph_ir::Graph;

use super::{Columns, about, cell, splits};
use crate::{About, DeviceSplit, Measurements, Result, Source, sets::no_graph};

/// HELP's measurements of FBNet.
pub static FBNET: About =
    about("help-fbnet", "5,000 FBNet networks on 27 devices", "fbnet", |root| Ok(Box::new(FbNet::open(root)?)));

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
    /// As [`NasBench201::rows`](super::NasBench201::rows).
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
    fn measurements(&self) -> Result<Measurements<'_>> {
        let rows = self.rows()?.map(|row| row.map(|row| (row.operators, row.times)));
        let name = |operators: &Vec<usize>| operators.iter().map(usize::to_string).collect::<Vec<_>>().join("|");
        Ok(self.0.measurements(rows, "fbnet", name))
    }

    fn splits(&self) -> Vec<DeviceSplit> {
        splits::fbnet(self.devices())
    }

    /// For images of 32 × 32 and 100 classes, which is what was measured.
    fn graph(&self, network: &str) -> Result<Graph> {
        let operators = network.split('|').map(str::parse).collect::<Result<Vec<usize>, _>>();
        let operators = operators.map_err(no_graph(&FBNET, network))?;
        let network_of = Architecture::from_indices(&operators).map_err(no_graph(&FBNET, network))?;
        network_of.graph(Images::Cifar100).map_err(no_graph(&FBNET, network))
    }
}
