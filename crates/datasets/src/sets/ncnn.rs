//! ncnn's benchmark tables: real graphs on real machines, reported by the community over years and versions.
//!
//! **Repeated keys.** 560 rows repeat device, threads, power saving, Vulkan device and network of an earlier one.
//! Of such rows the one with the smallest average stands ([`Ncnn::resolved`]): interference only slows a run
//! down. How far the others are from it is the noise floor of the set. Networks that were renamed over the years
//! go by their present name: `mobilenet-ssd`, `mobilenet-yolo` and `squeezenet-ssd` are written with `_` now,
//! `mobilenet_yolov3` is `mobilenetv2_yolov3`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tachograph_ir::Graph;

use crate::{About, Error, Measured, Measurement, Measurements, Result, Source, table::Table};

/// The benchmark tables of ncnn.
pub static NCNN: About = About {
    name: "ncnn",
    what: "35 networks on 102 machines, CPU and Vulkan, reported by the community",
    from: "github.com/Tencent/ncnn, commit a4d2ea1, benchmark/README.md as CSV and benchmark/*.param",
    licence: "BSD-3-Clause",
    folder: "ncnn",
    files: "",
    open: |root| Ok(Box::new(Ncnn::open(root)?)),
};

/// One measured row. Times are in ms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NcnnRow {
    /// The machine.
    pub device: String,
    /// Threads of the computation.
    pub num_threads: u32,
    /// ncnn's choice of cores: 0 all, 1 the small, 2 the large ones.
    pub powersave: u32,
    /// Number of the Vulkan device; −1 for the CPU. Empty in the oldest reports, which are of CPUs.
    pub gpu_device: Option<f64>,
    /// Runs timed.
    pub loop_count: u32,
    /// The network, as reported.
    pub model: String,
    /// Shortest run.
    pub min_ms: f64,
    /// Longest run.
    pub max_ms: f64,
    /// Mean of all runs.
    pub avg_ms: f64,
}

/// What makes two rows the same measurement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct NcnnKey {
    /// The machine.
    pub device: String,
    /// Threads of the computation.
    pub num_threads: u32,
    /// ncnn's choice of cores.
    pub powersave: u32,
    /// Number of the Vulkan device; `None` for the CPU.
    pub vulkan: Option<u32>,
    /// The network, by its present name.
    pub network: String,
}

impl NcnnRow {
    /// The network's present name.
    pub fn network(&self) -> &str {
        match self.model.as_str() {
            "mobilenet-ssd" => "mobilenet_ssd",
            "mobilenet-yolo" => "mobilenet_yolo",
            "squeezenet-ssd" => "squeezenet_ssd",
            "mobilenet_yolov3" => "mobilenetv2_yolov3",
            name => name,
        }
    }

    /// Number of the Vulkan device; `None` for the CPU.
    pub fn vulkan(&self) -> Option<u32> {
        self.gpu_device.filter(|&number| number >= 0.0).map(|number| number as u32)
    }

    /// Its identity.
    pub fn key(&self) -> NcnnKey {
        NcnnKey {
            device: self.device.clone(),
            num_threads: self.num_threads,
            powersave: self.powersave,
            vulkan: self.vulkan(),
            network: self.network().into(),
        }
    }

    /// True where the network computes in integers.
    pub fn int8(&self) -> bool {
        self.model.ends_with("_int8")
    }

    /// In the common form: the device with its setting, the average time.
    pub fn measurement(&self) -> Measurement {
        let on = self.vulkan().map_or("CPU".into(), |number| format!("Vulkan {number}"));
        let device = format!("{}, {on}, threads {}, powersave {}", self.device, self.num_threads, self.powersave);
        let network = self.network();
        Measurement::new(network, network.trim_end_matches("_int8"), device, 1, Measured::ms(self.avg_ms))
    }

    fn check(self, path: &Path) -> Result<Self> {
        let ordered = 0.0 < self.min_ms && self.min_ms <= self.avg_ms && self.avg_ms <= self.max_ms;
        if ordered && self.max_ms.is_finite() {
            return Ok(self);
        }
        let Self { device, model, min_ms, avg_ms, max_ms, .. } = self;
        let message = format!("`{model}` on `{device}`: not 0 < min {min_ms} ≤ avg {avg_ms} ≤ max {max_ms} ms");
        Err(Error::damaged(path, message))
    }
}

/// The set.
#[derive(Clone, Debug)]
pub struct Ncnn {
    path: PathBuf,
    models: PathBuf,
}

impl Ncnn {
    /// Opens the set below the root of all sets.
    ///
    /// # Errors
    /// The table is not there.
    pub fn open(root: &Path) -> Result<Self> {
        let folder = NCNN.path(root, "")?;
        Ok(Self { path: NCNN.path(root, "ncnn_latency_ms.csv.gz")?, models: folder.join("models") })
    }

    /// All rows, repeated ones too.
    ///
    /// # Errors
    /// The table cannot be read; rows that are not what they should be are errors of the iterator.
    pub fn rows(&self) -> Result<impl Iterator<Item = Result<NcnnRow>> + '_> {
        Ok(Table::open(&self.path)?.records::<NcnnRow>().map(|row| row?.check(&self.path)))
    }

    /// One row a key, by the rule above.
    ///
    /// # Errors
    /// The first row that is not what it should be.
    pub fn resolved(&self) -> Result<BTreeMap<NcnnKey, NcnnRow>> {
        let mut rows: BTreeMap<NcnnKey, NcnnRow> = BTreeMap::new();
        for row in self.rows()? {
            let row = row?;
            match rows.get_mut(&row.key()) {
                Some(kept) if kept.avg_ms <= row.avg_ms => {}
                Some(kept) => *kept = row,
                None => drop(rows.insert(row.key(), row)),
            }
        }
        Ok(rows)
    }
}

impl Source for Ncnn {
    fn about(&self) -> &'static About {
        &NCNN
    }

    /// All rows, repeated ones too.
    fn measurements(&self) -> Result<Measurements<'_>> {
        Ok(Box::new(self.rows()?.map(|row| Ok(row?.measurement()))))
    }

    fn graph(&self, network: &str) -> Result<Graph> {
        super::import(&NCNN, network, &self.models.join(format!("{network}.param")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "device,num_threads,powersave,gpu_device,loop_count,model,min_ms,max_ms,avg_ms\n";

    fn set(rows: &str) -> (tempfile::TempDir, Ncnn) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("ncnn")).unwrap();
        std::fs::write(root.path().join("ncnn/ncnn_latency_ms.csv.gz"), format!("{HEADER}{rows}")).unwrap();
        let set = Ncnn::open(root.path()).unwrap();
        (root, set)
    }

    #[test]
    fn of_repeated_keys_the_fastest_stands() {
        let (_root, set) =
            set("a,1,0,-1.0,8,mobilenet_ssd,2,4,3\na,1,0,,8,mobilenet-ssd,1,3,2\na,1,0,0.0,8,mobilenet_ssd,1,1,1\n");
        assert_eq!(set.measurements().unwrap().count(), 3);
        let rows: Vec<_> = set.resolved().unwrap().into_values().map(|row| (row.vulkan(), row.avg_ms)).collect();
        assert_eq!(rows, [(None, 2.0), (Some(0), 1.0)]);
    }

    #[test]
    fn refuses_times_out_of_order() {
        let (_root, set) = set("a,1,0,-1.0,8,alexnet,5,4,3\n");
        assert!(set.resolved().unwrap_err().to_string().contains("`alexnet` on `a`"));
    }
}
