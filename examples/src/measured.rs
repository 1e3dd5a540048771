//! Measurements of one device, featurised for a predictor.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use serde::Deserialize;
use tachograph_datasets::DataSet;
use tachograph_features::{FeatureGraph, Featurizer};
use tachograph_train::{Calibration, DeviceDocument, Selection, bind};

/// Measurements of one device, in the order of their source.
pub struct Measured {
    /// The device, as a checkpoint describes it.
    pub device: DeviceDocument,
    /// Files or networks.
    pub names: Vec<String>,
    /// What the predictor sees of them.
    pub graphs: Vec<FeatureGraph>,
    /// Milliseconds.
    pub latencies: Vec<f64>,
}

#[derive(Deserialize)]
struct Row {
    file: PathBuf,
    device: String,
    latency_ms: f64,
    batch: Option<u64>,
}

impl Measured {
    /// Reads the measurements of `device` from a CSV (`file,device,latency_ms`, optional `batch`; files relative to
    /// it) or from a data set. Models of a CSV that cannot be read are named on standard error and left out.
    ///
    /// # Errors
    /// Neither source, a table or a data set that cannot be read, no measurement of the device.
    pub fn read(csv: Option<&Path>, data: Option<&Path>, device: &str, featurizer: &Featurizer) -> Result<Self> {
        match (csv, data) {
            (Some(path), _) => Self::from_csv(path, device, featurizer),
            (None, Some(path)) => {
                let data = DataSet::open(path)?;
                let networks = bind(&data, device)?;
                let graphs = networks.par_iter().map(|(_, bound)| featurizer.featurize(bound));
                let graphs = graphs.collect::<Result<_, _>>()?;
                let record = networks[0].0;
                Ok(Self {
                    device: DeviceDocument {
                        hardware: record.hardware.clone(),
                        threads: record.threads,
                        library: record.library.clone(),
                        ..unknown(device)
                    },
                    names: networks.iter().map(|(r, _)| r.network.to_string()).collect(),
                    graphs,
                    latencies: networks.iter().map(|(r, _)| r.median_ms).collect(),
                })
            }
            (None, None) => bail!("give --csv or --data"),
        }
    }

    fn from_csv(path: &Path, device: &str, featurizer: &Featurizer) -> Result<Self> {
        let name = || path.display().to_string();
        let mut reader = csv::Reader::from_path(path).with_context(name)?;
        let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>().with_context(name)?;
        let rows: Vec<Row> = rows.into_iter().filter(|r| r.device == device).collect();
        if rows.is_empty() {
            bail!("{}: no measurements of `{device}`", path.display());
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let load = |row: &Row| -> Result<FeatureGraph> {
            let batch: Vec<String> = row.batch.iter().map(|n| format!("batch={n}")).collect();
            let (_, bound) = tachograph_examples_graphs::load(&folder.join(&row.file), &batch)?;
            Ok(featurizer.featurize(&bound)?)
        };
        let loaded: Vec<Result<FeatureGraph>> = rows.par_iter().map(load).collect();
        let mut all = Self { device: unknown(device), names: vec![], graphs: vec![], latencies: vec![] };
        for (row, graph) in rows.into_iter().zip(loaded) {
            match graph {
                Ok(graph) => {
                    all.names.push(row.file.display().to_string());
                    all.graphs.push(graph);
                    all.latencies.push(row.latency_ms);
                }
                Err(error) => eprintln!("left out: {error:#}"),
            }
        }
        Ok(all)
    }
}

fn unknown(device: &str) -> DeviceDocument {
    let other = || "not recorded".to_owned();
    let calibration = Calibration::default();
    DeviceDocument { name: device.into(), hardware: other(), threads: 1, library: other(), calibration }
}

/// A [`Selection`] by name.
///
/// # Errors
/// Another name.
pub fn selection(name: &str) -> Result<Selection, String> {
    match name {
        "random" => Ok(Selection::Random),
        "diverse" => Ok(Selection::Diverse),
        "stratified" => Ok(Selection::Stratified),
        _ => Err("use random, diverse or stratified".into()),
    }
}
