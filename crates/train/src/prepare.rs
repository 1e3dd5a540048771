//! From a config to samples and an untrained checkpoint's manifest.

use sha2::{Digest, Sha256};
use tachograph_datasets::Part;
use tachograph_features::{FeatureGraph, Featurizer};
use tachograph_ir::{BoundGraph, disk::hex};
use tachograph_predict::NetworkSpec;

use crate::{
    Corpus, Error, Example, FORMAT, Manifest, Output, Result, RunConfig, TargetConfig, Training, error::setting,
    seen::record_seen,
};

/// A run's data.
pub(crate) struct Prepared {
    pub training: Vec<Example>,
    pub validation: Vec<Example>,
    pub test: Vec<Example>,
    /// Of the checkpoint to be, before any epoch.
    pub manifest: Manifest,
}

impl Prepared {
    /// Divides the corpus and fits the featuriser on the training part.
    pub fn new(config: &RunConfig, corpus: &Corpus) -> Result<Self> {
        let division = config.split.divide(corpus)?;
        let mut members = division.members(Part::Train);
        if config.refit {
            members.extend(division.members(Part::Validation));
        }
        let fitted: Vec<&BoundGraph> = members.iter().map(|&i| &corpus.entries[i].bound).collect();
        let featurizer = Featurizer::fit(config.features, &fitted)?;
        let (mut training, mut validation, mut test) = (vec![], vec![], vec![]);
        for (sample, part) in corpus.featurize(&featurizer)?.into_iter().zip(&division.parts) {
            match part {
                Part::Train => training.push(sample),
                Part::Validation => validation.push(sample),
                Part::Test => test.push(sample),
            }
        }
        if config.refit {
            training.extend(validation.iter().cloned());
        }
        let outputs = outputs(config, corpus, &training, &featurizer)?;
        let mut manifest = Manifest {
            format: FORMAT,
            library: env!("CARGO_PKG_VERSION").into(),
            model: NetworkSpec::of(&config.model).map_err(|e| setting("model", e.to_string()))?,
            members: 1,
            featurizer,
            training: Training {
                data: corpus.data.clone(),
                fingerprint: fingerprint(&training),
                networks: training.len(),
                split: division.hash,
                seed: config.seed,
                epoch: 0,
                validation_mape: None,
                range_ms: outputs.first().and_then(|d| d.range).unwrap_or_default(),
            },
            outputs,
        };
        record_seen(&mut manifest, corpus, &members)?;
        Ok(Self { training, validation, test, manifest })
    }
}

/// The outputs with targets and ranges of the training set.
fn outputs(config: &RunConfig, corpus: &Corpus, training: &[Example], featurizer: &Featurizer) -> Result<Vec<Output>> {
    let output = |(o, output): (usize, &Output)| {
        let value =
            |sample: &Example| Some((sample.target(o)?, featurizer.roofline_ms(&sample.features, output.quantity)));
        let values: Vec<(f64, Option<f64>)> = training.iter().filter_map(value).collect();
        if values.is_empty() {
            return Err(Error::NothingMeasured { what: format!("{}, training set", output.title()) });
        }
        let range = values.iter().fold((f64::MAX, 0f64), |(l, h), &(t, _)| (l.min(t), h.max(t)));
        let published = config.model.target_scale(output.quantity);
        if config.target == TargetConfig::Published && published.is_none() {
            let kind = config.model.kind();
            return Err(setting(
                "target",
                format!("`published`, but model `{kind}` was published without a unit of its own"),
            ));
        }
        Ok(Output { target: config.target.scale(published, &values), range: Some(range), ..output.clone() })
    };
    corpus.outputs.iter().enumerate().map(output).collect()
}

/// The first 16 hexadecimal digits of SHA-256 over the samples as trained on, in order: name, targets, features
/// and edges.
fn fingerprint(samples: &[Example]) -> String {
    let mut hash = Sha256::new();
    for sample in samples {
        hash.update(format!("{}\n", sample.name));
        sample.targets.iter().for_each(|target| hash.update(target.to_le_bytes()));
        let FeatureGraph { nodes, edge_features, globals, .. } = &sample.features;
        nodes.iter().chain(edge_features).chain(globals).for_each(|x| hash.update(x.to_le_bytes()));
        for (from, to) in &sample.features.edges {
            hash.update(from.to_le_bytes());
            hash.update(to.to_le_bytes());
        }
    }
    hex(&hash.finalize()[..8])
}
