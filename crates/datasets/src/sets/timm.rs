//! timm's benchmark results: whole vision models, inference and training step, on GPUs and CPUs.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use tachograph_ir::Graph;

use crate::{
    About, Error, Measured, Measurement, Measurements, Mode, RanOn, Result, Source,
    table::{Table, files, stem},
};

const ENDS: [&str; 2] = [".csv.gz", ".csv"];

/// The benchmark results of timm.
pub static TIMM: About = About {
    name: "timm",
    what: "vision models on GPUs and CPUs, inference and training step, 22 settings",
    from: "github.com/huggingface/pytorch-image-models, commit aa4b585, results/benchmark-*.csv with gzip",
    licence: "Apache-2.0",
    folder: "timm",
    files: "",
    open: |root| Ok(Box::new(Timm::open(root)?)),
};

/// How the models of a file were run; the file's name says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The name without `benchmark-` and extension: the measurement's device.
    pub name: String,
    /// Inference or training step.
    pub phase: Mode,
    /// `amp` (half precision where torch thinks fit), `amp_bf16`, `bf16` or `fp32`.
    pub precision: String,
    /// `nchw` or `nhwc`.
    pub layout: String,
    /// Version of torch without dots, such as `291` for 2.9.1.
    pub torch: String,
    /// Version of CUDA, such as `cu128`; `cpu` without.
    pub platform: String,
    /// The GPU or CPU; `4090` is written `rtx4090` and `5090` `rtx5090`, as in the other files.
    pub device: String,
    /// Compiled by `torch.compile`.
    pub compiled: bool,
}

impl Setting {
    /// Reads a name such as `benchmark-infer-amp-nchw-pt291-cu128-4090-dynamo`.
    fn parse(stem: &str) -> Option<Self> {
        let name = stem.strip_prefix("benchmark-")?;
        let (settings, compiled) = name.strip_suffix("-dynamo").map_or((name, false), |rest| (rest, true));
        let mut parts = settings.split('-').map(str::to_owned);
        let phase = match parts.next()?.as_str() {
            "infer" => Mode::Inference,
            "train" => Mode::Training,
            _ => return None,
        };
        let (precision, layout) = (parts.next()?, parts.next()?);
        let torch = parts.next()?.strip_prefix("pt")?.to_owned();
        let (platform, device) = (parts.next()?, parts.next()?);
        let device = if device.bytes().all(|b| b.is_ascii_digit()) { format!("rtx{device}") } else { device };
        let name = name.to_owned();
        parts.next().is_none().then_some(Self { name, phase, precision, layout, torch, platform, device, compiled })
    }
}

/// One model under one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimmRow {
    /// Name of the model, with what follows a dot (the weights).
    pub model: String,
    /// Images a second.
    #[serde(alias = "infer_samples_per_sec", alias = "train_samples_per_sec")]
    pub samples_per_sec: f64,
    /// Time of one batch in ms.
    #[serde(alias = "infer_step_time", alias = "train_step_time")]
    pub step_time: f64,
    /// Images a batch; smaller than that of other rows where it did not fit into memory.
    #[serde(alias = "infer_batch_size", alias = "train_batch_size", deserialize_with = "whole")]
    pub batch_size: u64,
    /// Side of the images in pixels.
    #[serde(alias = "infer_img_size", alias = "train_img_size", deserialize_with = "whole")]
    pub img_size: u64,
    /// Parameters in millions.
    pub param_count: f64,
    /// Multiply–accumulates of one image in 10⁹, where the file has them.
    #[serde(default, alias = "infer_gmacs")]
    pub gmacs: Option<f64>,
    /// Outputs of the convolutions of one image in 10⁶, where the file has them.
    #[serde(default, alias = "infer_macts")]
    pub macts: Option<f64>,
}

/// Some files write counts as `1024.0`.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    let whole = value.fract() == 0.0 && (0.0..1e15).contains(&value);
    if whole { Ok(value as u64) } else { Err(D::Error::custom(format!("{value} is not a count"))) }
}

impl TimmRow {
    /// The model without its weights: what stands before the first dot.
    pub fn architecture(&self) -> &str {
        self.model.split('.').next().unwrap_or_default()
    }

    /// `ARCHITECTURE__SIZE`: the name of the graph in `models/timm`.
    pub fn network(&self) -> String {
        format!("{}__{}", self.architecture(), self.img_size)
    }

    /// The leading letters of the name: the family that may be left out whole.
    pub fn family(&self) -> &str {
        self.model.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
    }

    fn measurement(&self, setting: &Setting) -> Measurement {
        let time = Measurement::new(
            self.network(),
            self.family(),
            &setting.name,
            self.batch_size,
            Measured::ms(self.step_time),
        );
        Measurement { phase: setting.phase, ..time }
    }
}

/// The set.
#[derive(Clone, Debug)]
pub struct Timm {
    settings: Vec<(Setting, PathBuf)>,
    models: PathBuf,
}

impl Timm {
    /// Opens the set below the root of all sets; graphs are in `../models/timm` from there.
    ///
    /// # Errors
    /// The folder is not there, or a file in it has a name that says no setting.
    pub fn open(root: &Path) -> Result<Self> {
        let settings = files(&TIMM.path(root, "")?, &ENDS)?.into_iter().map(|path| {
            let setting = Setting::parse(stem(&path, &ENDS));
            let setting = setting.ok_or_else(|| Error::damaged(&path, "the name says no setting"))?;
            Ok((setting, path))
        });
        let settings = settings.collect::<Result<_>>()?;
        Ok(Self { settings, models: root.join("../models/timm") })
    }

    /// The settings, in order of name.
    pub fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter().map(|(setting, _)| setting)
    }

    /// All rows with their setting, file by file. The empty rows of models that did not run are left out.
    pub fn rows(&self) -> impl Iterator<Item = Result<(&Setting, TimmRow)>> {
        self.settings.iter().flat_map(|(setting, path)| {
            let (rows, error) = match Table::open(path) {
                Ok(table) => (Some(rows(path, table)), None),
                Err(error) => (None, Some(Err(error))),
            };
            rows.into_iter().flatten().map(move |row| Ok((setting, row?))).chain(error)
        })
    }

    /// Where the graph of a network lies, if there is one.
    pub fn graph_file(&self, network: &str) -> Option<PathBuf> {
        Some(self.models.join(format!("{network}.onnx.gz"))).filter(|path| path.exists())
    }
}

/// Rows of a file, checked; without those that have no time.
fn rows<'a>(path: &'a Path, mut table: Table) -> impl Iterator<Item = Result<TimmRow>> + 'a {
    let headers = table.headers().clone();
    let time = headers.iter().position(|name| name.ends_with("step_time"));
    std::iter::from_fn(move || {
        loop {
            let (line, row) = match table.row()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            if time.and_then(|time| row.get(time)).is_some_and(str::is_empty) {
                continue;
            }
            let read = row.deserialize::<TimmRow>(Some(&headers)).map_err(|e| Error::line(path, line, e));
            return Some(read.and_then(|row| {
                let positive = row.step_time > 0.0 && row.step_time.is_finite() && row.batch_size > 0;
                let message = || format!("{}: {} ms for {} images", row.model, row.step_time, row.batch_size);
                if positive { Ok(row) } else { Err(Error::line(path, line, message())) }
            }));
        }
    })
}

impl Source for Timm {
    fn about(&self) -> &'static About {
        &TIMM
    }

    /// Devices are settings.
    fn measurements(&self) -> Result<Measurements<'_>> {
        Ok(Box::new(self.rows().map(|row| row.map(|(setting, row)| row.measurement(setting)))))
    }

    fn ran_on(&self, device: &str) -> Option<RanOn> {
        let setting = self.settings().find(|setting| setting.name == device)?;
        let Setting { torch, platform, precision, layout, .. } = setting;
        let compiled = if setting.compiled { ", torch.compile" } else { "" };
        let library = format!("torch {torch}, {platform}, {precision}, {layout}{compiled}");
        Some(RanOn { hardware: setting.device.clone(), threads: 0, library })
    }

    fn measured_again(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("infer-amp-nchw-pt210-cu121-rtx3090", "infer-amp-nchw-pt240-cu124-rtx3090"),
            ("infer-amp-nhwc-pt210-cu121-rtx3090", "infer-amp-nhwc-pt240-cu124-rtx3090"),
            ("infer-fp32-nchw-pt221-cpu-i9_10940x-dynamo", "infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo"),
        ]
    }

    /// `../models/timm/NETWORK.onnx.gz`, with batch 1 in its inputs.
    fn graph(&self, network: &str) -> Result<Graph> {
        super::import(&TIMM, network, &self.models.join(format!("{network}.onnx.gz")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_settings() {
        let setting = Setting::parse("benchmark-infer-amp_bf16-nchw-pt291-cu130-5090-dynamo").unwrap();
        assert_eq!(
            (setting.device.as_str(), setting.precision.as_str(), setting.compiled),
            ("rtx5090", "amp_bf16", true)
        );
        let setting = Setting::parse("benchmark-train-fp32-nhwc-pt240-cpu-i9_10940x").unwrap();
        assert_eq!(
            (setting.device.as_str(), setting.platform.as_str(), setting.phase),
            ("i9_10940x", "cpu", Mode::Training)
        );
        assert!(Setting::parse("benchmark-infer-amp").is_none());
    }

    #[test]
    fn rows_without_a_time_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("timm")).unwrap();
        let path = root.path().join("timm/benchmark-infer-fp32-nchw-pt240-cpu-x.csv");
        let header = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count";
        std::fs::write(&path, format!("{header}\nresnet50.a1,224,100,10,1,25.6\nvit_big,224,,,,\n")).unwrap();
        let set = Timm::open(root.path()).unwrap();
        let samples: Vec<_> = set.measurements().unwrap().collect::<Result<_>>().unwrap();
        assert_eq!(samples.len(), 1);
        assert_eq!((samples[0].network.as_str(), samples[0].family.as_str()), ("resnet50__224", "resnet"));
    }
}
