//! NeuSight (Lee et al., ASPLOS 2025): language models and operators on GPUs.
//!
//! | here | in the folder | holds |
//! |---|---|---|
//! | [`NeuSight::labels`] | `label/GPU/*.json` | end-to-end times |
//! | [`NeuSight::trace`] | `label/GPU/*.csv` | times of each operator of such a run |
//! | [`NeuSight::op_graph`] | `results/opgraph` | operator graphs with shapes |
//! | [`NeuSight::operators`] | `data/dataset` | times of single operators |
//! | [`NeuSight::gpus`] | `data/device_configs` | what a GPU can do |
//! | [`NeuSight::predictions`] | `summary/summary.csv` | published predictions beside the measurement |
//!
//! GPUs are written with `_` for spaces, as the folders of `label` are.

mod label;
mod op_graph;
mod operator;
mod prediction;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    About, DeviceSplit, Measured, Measurement, Measurements, Part, Result, Source,
    table::{Table, files, json},
};

pub use label::{Label, TraceRow};
pub use op_graph::OpGraphNode;
pub use operator::{OperatorRow, OperatorShape};
pub use prediction::{Method, OperatorKind, Prediction};

/// NeuSight's labels.
pub static NEUSIGHT: About = About {
    name: "neusight",
    what: "language models end to end on GPUs, inference and training step; operators; published predictions",
    from: "github.com/sitar-lab/NeuSight, commit 6945927, scripts/asplos",
    licence: "MIT",
    folder: "neusight",
    files: "",
    open: |root| Ok(Box::new(NeuSight::open(root)?)),
};

/// What a GPU can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Gpu {
    /// Name of the GPU.
    pub device: String,
    /// Memory in GB.
    #[serde(rename = "Dev_Mem")]
    pub memory: f64,
    /// Bandwidth of the memory in GB/s.
    #[serde(rename = "Mem_Bw")]
    pub bandwidth: f64,
    /// Streaming multiprocessors.
    #[serde(rename = "Num_Sm")]
    pub sms: u32,
    /// Cores in each.
    #[serde(rename = "Core_Per_SM")]
    pub cores_per_sm: u32,
    /// Clock in MHz.
    pub freq: f64,
    /// Peak in single precision, GFLOP/s; where there are matrix cores, without them.
    #[serde(rename = "SingleFLOPs", alias = "SingleFLOPsVEC")]
    pub single_flops: f64,
    /// Peak of the matrix cores in single precision, GFLOP/s, where it is given.
    #[serde(rename = "SingleFLOPsMM", default)]
    pub matrix_flops: Option<f64>,
    /// Second-level cache in MB.
    #[serde(rename = "L2Cache")]
    pub l2_cache: f64,
}

/// The set.
#[derive(Clone, Debug)]
pub struct NeuSight {
    folder: PathBuf,
}

impl NeuSight {
    /// Opens the set below the root of all sets.
    ///
    /// # Errors
    /// The folder is not there.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self { folder: NEUSIGHT.path(root, "")? })
    }

    /// End-to-end times, GPU by GPU, in order of name.
    ///
    /// # Errors
    /// A file that cannot be read, or whose name or content is not what it should be.
    pub fn labels(&self) -> Result<Vec<Label>> {
        label::labels(&self.folder.join("label"))
    }

    /// The operators of a run, in the order they ran; empty where none were recorded.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn trace(&self, label: &Label) -> Result<Vec<TraceRow>> {
        label::trace(&self.folder.join("label"), label)
    }

    /// The operator graph of a run by its name, such as `bert_large-inf-512-8`.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn op_graph(&self, network: &str) -> Result<Vec<OpGraphNode>> {
        op_graph::read(&self.folder.join("results/opgraph"), network)
    }

    /// Times of single operators: those to fit on, or those to test on (which have no validation part). The test
    /// tables `elem`, `ln`, `softmax` and `habitat` repeat rows of `vec` and are not read.
    ///
    /// # Errors
    /// A folder that is not there; rows that are not what they should be are errors of the iterator.
    pub fn operators(&self, part: Part) -> Result<impl Iterator<Item = Result<OperatorRow>> + use<>> {
        operator::rows(&self.folder.join("data/dataset"), part)
    }

    /// The GPUs.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn gpus(&self) -> Result<Vec<Gpu>> {
        let gpu = |path: PathBuf| json(&path).map(|gpu: Gpu| Gpu { device: underscores(&gpu.device), ..gpu });
        files(&self.folder.join("data/device_configs"), &[".json"])?.into_iter().map(gpu).collect()
    }

    /// The published predictions.
    ///
    /// # Errors
    /// The table cannot be read, or a row is not what it should be.
    pub fn predictions(&self) -> Result<Vec<Prediction>> {
        prediction::read(Table::open(&self.folder.join("summary/summary.csv.gz"))?)
    }
}

fn underscores(name: &str) -> String {
    name.replace(' ', "_")
}

impl Source for NeuSight {
    fn about(&self) -> &'static About {
        &NEUSIGHT
    }

    /// The end-to-end times.
    fn measurements(&self) -> Result<Measurements<'_>> {
        Ok(Box::new(self.labels()?.into_iter().map(|label| {
            let time = Measurement::new(
                label.name(),
                &label.model,
                &label.device,
                label.batch,
                Measured::ms(label.e2e_latency),
            );
            Ok(Measurement { phase: label.phase, ..time })
        })))
    }

    fn splits(&self) -> Vec<DeviceSplit> {
        let seen = ["Tesla_P4", "Tesla_P100-PCIE-16GB", "Tesla_V100-PCIE-32GB", "Tesla_T4", "NVIDIA_A100-PCIE-40GB"];
        let unseen = ["NVIDIA_L4", "NVIDIA_A100_80GB_PCIe", "NVIDIA_H100_80GB_HBM3"];
        vec![DeviceSplit::new("NeuSight, unseen GPUs", &seen[..], &[], &unseen)]
    }
}
