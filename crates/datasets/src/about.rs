//! The catalogue of published sets.

use std::path::{Path, PathBuf};

use crate::{Error, Result, Source, sets};

/// Environment variable that names the folder of published sets.
pub const DATA: &str = "TACHOGRAPH_DATA";

/// What a set is and where it comes from.
#[derive(Debug, PartialEq, Eq)]
pub struct About {
    /// Its name here.
    pub name: &'static str,
    /// What was measured, in a line.
    pub what: &'static str,
    /// Where to get it.
    pub from: &'static str,
    /// Under which licence.
    pub licence: &'static str,
    /// Its folder below the root of all sets.
    pub folder: &'static str,
    /// Unit of [`Sample::time`](crate::Sample::time).
    pub unit: &'static str,
}

/// HELP's measurements of NAS-Bench-201.
pub const NAS_BENCH_201: About = About {
    name: "help-nb201",
    what: "all 15,625 NAS-Bench-201 networks on 27 devices",
    from: "github.com/HayeonLee/HELP, commit 45f70eb, as CSV",
    licence: "MIT",
    folder: "help",
    unit: "ms",
};

/// HELP's measurements of FBNet.
pub const FBNET: About = About { name: "help-fbnet", what: "5,000 FBNet networks on 27 devices", ..NAS_BENCH_201 };

/// HELP's measurements of once-for-all MobileNetV3.
pub const OFA: About =
    About { name: "help-ofa", what: "5,000 once-for-all MobileNetV3 networks on 12 devices", ..NAS_BENCH_201 };

/// The benchmark tables of ncnn.
pub const NCNN: About = About {
    name: "ncnn",
    what: "35 networks on 102 machines, CPU and Vulkan, reported by the community",
    from: "github.com/Tencent/ncnn, commit a4d2ea1, benchmark/README.md as CSV and benchmark/*.param",
    licence: "BSD-3-Clause",
    folder: "ncnn",
    unit: "ms",
};

/// The benchmark results of timm.
pub const TIMM: About = About {
    name: "timm",
    what: "vision models on GPUs and CPUs, inference and training step, 22 settings",
    from: "github.com/huggingface/pytorch-image-models, commit aa4b585, results/benchmark-*.csv with gzip",
    licence: "Apache-2.0",
    folder: "timm",
    unit: "ms",
};

/// NeuSight's labels.
pub const NEUSIGHT: About = About {
    name: "neusight",
    what: "language models end to end on GPUs, inference and training step; operators; published predictions",
    from: "github.com/sitar-lab/NeuSight, commit 6945927, scripts/asplos",
    licence: "MIT",
    folder: "neusight",
    unit: "ms",
};

/// TpuGraphs' archives.
pub const TPUGRAPHS: About = About {
    name: "tpugraphs",
    what: "XLA graphs under many compiler configurations on TPUs: .npz archives of the tile and layout collections",
    from: "download.tensorflow.org/data/tpu_graphs/v0 (npz_*.tar), unpacked",
    licence: "Apache-2.0 (the repository google-research-datasets/tpu_graphs)",
    folder: "tpugraphs",
    unit: "ms",
};

/// LayerDAG's extract of the tile collection.
pub const LAYERDAG_TILE: About = About {
    name: "layerdag-tile",
    what: "1,261 kernels of TpuGraphs' tile collection with their mean normalised run time",
    from: "github.com/Graph-COM/LayerDAG, the tile data as JSON lines",
    licence: "see LICENSE in the folder",
    folder: "tpugraphs/layerdag_tile",
    unit: "normalised",
};

/// Estimates of Arm's compiler.
pub const VELA: About = About {
    name: "vela",
    what: "quantised networks on eleven Ethos-U configurations, estimated by Arm's compiler",
    from: "made with ethos-u-vela 5.2.0 from the int8 files of models/tflite",
    licence: "Apache-2.0",
    folder: "vela",
    unit: "ms",
};

/// All published sets.
pub const SETS: [&About; 9] =
    [&NAS_BENCH_201, &FBNET, &OFA, &NCNN, &TIMM, &NEUSIGHT, &TPUGRAPHS, &LAYERDAG_TILE, &VELA];

/// The folder that holds published sets: `path`, or else what `TACHOGRAPH_DATA` names, or else `../shared/data`.
pub fn data_root(path: Option<&Path>) -> PathBuf {
    let default = || std::env::var_os(DATA).map_or_else(|| "../shared/data".into(), PathBuf::from);
    path.map_or_else(default, PathBuf::from)
}

/// Opens a published set by name, below `root`.
///
/// # Errors
/// No such set, or its files are not there; the message says where to get them and where to put them.
pub fn open(name: &str, root: &Path) -> Result<Box<dyn Source>> {
    Ok(match name {
        "help-nb201" => Box::new(sets::NasBench201::open(root)?),
        "help-fbnet" => Box::new(sets::FbNet::open(root)?),
        "help-ofa" => Box::new(sets::Ofa::open(root)?),
        "ncnn" => Box::new(sets::Ncnn::open(root)?),
        "timm" => Box::new(sets::Timm::open(root)?),
        "neusight" => Box::new(sets::NeuSight::open(root)?),
        "tpugraphs" => Box::new(sets::TpuGraphs::open(root)?),
        "layerdag-tile" => Box::new(sets::LayerDagTile::open(root)?),
        "vela" => Box::new(sets::Vela::open(root)?),
        _ => return Err(Error::UnknownSet(name.into())),
    })
}

impl About {
    /// Path of one of the set's files, or its folder (for an empty `file`), which must exist.
    pub(crate) fn path(&'static self, root: &Path, file: &str) -> Result<PathBuf> {
        let folder = root.join(self.folder);
        let path = if file.is_empty() { folder } else { folder.join(file) };
        if path.exists() { Ok(path) } else { Err(Error::Missing { about: self, path }) }
    }
}
