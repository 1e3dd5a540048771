//! From a config to samples and an untrained checkpoint's document.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use tachograph_datasets::{DataSet, Part};
use tachograph_features::Featurizer;
use tachograph_ir::Concrete;

use crate::{Calibration, DeviceDocument, Document, FORMAT, Result, RunConfig, Sample, Target, Training, samples};

/// A run's data.
pub(crate) struct Prepared {
    pub training: Vec<Sample>,
    pub validation: Vec<Sample>,
    pub test: Vec<Sample>,
    /// Of the checkpoint to be, before any epoch.
    pub document: Document,
}

impl Prepared {
    /// Reads the data set, divides it, and fits the featuriser on the training part.
    pub fn new(config: &RunConfig) -> Result<Self> {
        let data = DataSet::open(&config.data)?;
        let networks = samples::bind(&data, &config.device)?;
        let split = config.split.divide(networks.iter().map(|(r, _)| &r.network))?;
        let parts: Vec<Option<Part>> = networks.iter().map(|(r, _)| split.part(&r.network)).collect();
        let fitted: Vec<&Concrete> =
            networks.iter().zip(&parts).filter(|(_, p)| **p == Some(Part::Train)).map(|((_, g), _)| g).collect();
        let featurizer = Featurizer::fit(config.features, &fitted)?;
        let all = samples::featurize(&featurizer, &networks)?;
        let (mut training, mut validation, mut test) = (vec![], vec![], vec![]);
        for (sample, part) in all.into_iter().zip(parts) {
            match part {
                Some(Part::Train) => training.push(sample),
                Some(Part::Validation) => validation.push(sample),
                Some(Part::Test) => test.push(sample),
                None => {}
            }
        }
        let latencies: Vec<f64> = training.iter().map(|s| s.target).collect();
        let range = latencies.iter().fold((f64::MAX, 0f64), |(l, h), &t| (l.min(t), h.max(t)));
        let (first, _) = &networks[0];
        let document = Document {
            format: FORMAT,
            library: env!("CARGO_PKG_VERSION").into(),
            model: config.model.clone(),
            featurizer,
            target: Target::fit(config.target, &latencies),
            devices: vec![DeviceDocument {
                name: config.device.clone(),
                hardware: first.hardware.clone(),
                threads: first.threads,
                library: first.library.clone(),
                calibration: Calibration::default(),
            }],
            training: Training {
                data: config.data.display().to_string(),
                fingerprint: fingerprint(&training),
                networks: training.len(),
                split: split.hash(),
                seed: config.seed,
                epoch: 0,
                validation_mape: 0.0,
                range_ms: range,
            },
        };
        Ok(Self { training, validation, test, document })
    }
}

/// The first 16 hexadecimal digits of SHA-256 over the samples as trained on, in order: name, latency, features
/// and edges.
fn fingerprint(samples: &[Sample]) -> String {
    let mut hash = Sha256::new();
    for sample in samples {
        hash.update(format!("{}\n", sample.name));
        hash.update(sample.target.to_le_bytes());
        sample.features.nodes.iter().chain(&sample.features.globals).for_each(|x| hash.update(x.to_le_bytes()));
        for (from, to) in &sample.features.edges {
            hash.update(from.to_le_bytes());
            hash.update(to.to_le_bytes());
        }
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
