//! The training loop.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tachograph_datasets::{DataSet, Part};
use tachograph_features::{FeatureGraph, Featurizer};
use tachograph_ir::Concrete;
use tachograph_metrics::Report;
use tch::Device;

use crate::{
    Adam, Error, Predictor, Result, RunConfig, Sample, Training,
    error::{file, io, torch},
    predictor::{DeviceDocument, Document, FORMAT},
    samples, tensors,
};

const LAST: &str = "last.safetensors";
/// Name of the best checkpoint in a run directory.
pub const BEST: &str = "best.safetensors";

/// One line of `log.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Finished epochs.
    pub epoch: u32,
    /// Mean training loss.
    pub loss: f64,
    /// Validation MAPE, percent.
    pub validation_mape: f64,
    /// Seconds of the epoch.
    pub seconds: f64,
}

/// What a run achieved.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Hash of the split.
    pub split: String,
    /// Epoch of the chosen weights.
    pub epoch: u32,
    /// On the validation set.
    pub validation: Report,
    /// On the test set, measured once, after the choice.
    pub test: Report,
    /// Predictions on the test set: name, predicted ms, measured ms.
    pub predictions: Vec<(String, f64, f64)>,
}

/// State of a run between epochs.
#[derive(Serialize, Deserialize)]
struct Progress {
    config: RunConfig,
    steps: u64,
    finished: u32,
    best_mape: f64,
    document: Document,
}

/// Trains as `config` says, in the run directory `dir`. A run that was stopped goes on after its last
/// finished epoch. `watch` sees every epoch.
///
/// # Errors
/// Data that cannot be read, a loss that is not finite, a directory that holds another run.
pub fn train(config: &RunConfig, dir: &Path, mut watch: impl FnMut(&Epoch)) -> Result<Outcome> {
    tch::set_num_threads(config.threads.max(1));
    fs::create_dir_all(dir).map_err(io(dir))?;
    let torch_device = torch_device(&config.torch_device)?;
    if !(config.clip >= 0.0 && config.clip.is_finite()) {
        return Err(Error::Config(format!("clip {} is no length", config.clip)));
    }

    let data = DataSet::open(&config.data)?;
    let networks = samples::bind(&data, &config.device)?;
    let split = config.split.divide(networks.iter().map(|(r, _)| &r.network))?;
    let parts: Vec<Option<Part>> = networks.iter().map(|(r, _)| split.part(&r.network)).collect();
    let fitted: Vec<&Concrete> =
        networks.iter().zip(&parts).filter(|(_, p)| **p == Some(Part::Train)).map(|((_, g), _)| g).collect();
    let featurizer = Featurizer::fit(config.features, &fitted)?;
    let all = samples::featurize(&featurizer, &networks)?;
    let pick = |part| all.iter().zip(&parts).filter(|(_, p)| **p == Some(part)).map(|(s, _)| s).collect::<Vec<_>>();
    let (training, validation, test) = (pick(Part::Train), pick(Part::Validation), pick(Part::Test));

    let (record, _) = &networks[0];
    let range = training.iter().fold((f64::MAX, 0f64), |(l, h), s| (l.min(s.target), h.max(s.target)));
    let document = Document {
        format: FORMAT,
        library: env!("CARGO_PKG_VERSION").into(),
        model: config.model.clone(),
        featurizer,
        devices: vec![DeviceDocument {
            name: config.device.clone(),
            hardware: record.hardware.clone(),
            threads: record.threads,
            library: record.library.clone(),
        }],
        training: Training {
            data: config.data.display().to_string(),
            networks: training.len(),
            split: split.hash(),
            seed: config.seed,
            epoch: 0,
            validation_mape: f64::INFINITY,
            range_ms: range,
        },
    };
    tch::manual_seed(config.seed as i64);
    let mut run = Run::open(config, dir, Predictor::new(document, torch_device)?)?;
    for epoch in run.finished..config.epochs {
        let line = run.epoch(epoch, &training, &validation)?;
        watch(&line);
    }
    drop(run);
    let best = Predictor::load(&dir.join(BEST), torch_device)?;
    let (validation, _) = evaluate(&best, &validation)?;
    let (test_report, predictions) = evaluate(&best, &test)?;
    let outcome = Outcome {
        split: split.hash(),
        epoch: best.document().training.epoch,
        validation,
        test: test_report,
        predictions: test.iter().zip(predictions).map(|(s, p)| (s.name.clone(), p, s.target)).collect(),
    };
    let path = dir.join("report.json");
    let text = serde_json::to_string_pretty(&outcome).map_err(|e| file(&path, e))?;
    fs::write(&path, text).map_err(io(&path))?;
    Ok(outcome)
}

/// Predicts `samples` with the first head and compares.
///
/// # Errors
/// Features of another schema.
pub fn evaluate(predictor: &Predictor, samples: &[&Sample]) -> Result<(Report, Vec<f64>)> {
    let features: Vec<&FeatureGraph> = samples.iter().map(|s| &s.features).collect();
    let predictions = predictor.predict_all(&features, 0)?;
    let targets: Vec<f64> = samples.iter().map(|s| s.target).collect();
    Ok((Report::new(&predictions[..], &targets[..], "ms")?, predictions))
}

fn torch_device(name: &str) -> Result<Device> {
    let refuse = |message: &dyn std::fmt::Display| Error::Config(format!("torch_device `{name}`: {message}"));
    let index = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        Some(("cuda", n)) => n.parse().map_err(|_| refuse(&"not a device number"))?,
        _ => return Err(refuse(&"use cpu or cuda:N")),
    };
    // Before the first question about CUDA: it fixes the answer.
    tachograph_torch_link::load_cuda().map_err(|e| refuse(&e))?;
    if tch::Cuda::is_available() { Ok(Device::Cuda(index)) } else { Err(refuse(&"no CUDA device can be used")) }
}

struct Run<'a> {
    config: &'a RunConfig,
    dir: &'a Path,
    predictor: Predictor,
    adam: Adam,
    finished: u32,
    best_mape: f64,
}

impl<'a> Run<'a> {
    fn open(config: &'a RunConfig, dir: &'a Path, predictor: Predictor) -> Result<Self> {
        let adam = Adam::new(predictor.store(), config.adam)?;
        let mut run = Self { config, dir, predictor, adam, finished: 0, best_mape: f64::INFINITY };
        let path = dir.join(LAST);
        if path.exists() {
            run.resume(&path)?;
        } else {
            let text = toml::to_string(config).map_err(|e| Error::Config(e.to_string()))?;
            let path = dir.join("config.toml");
            fs::write(&path, text).map_err(io(&path))?;
        }
        Ok(run)
    }

    fn resume(&mut self, path: &Path) -> Result<()> {
        let (text, tensors) = tensors::load(path)?;
        let progress: Progress = serde_json::from_str(&text).map_err(|e| file(path, e))?;
        let same = RunConfig { epochs: self.config.epochs, ..progress.config.clone() } == *self.config;
        if !same || progress.document.featurizer != self.predictor.document().featurizer {
            return Err(file(path, "belongs to a run with another config or other data; use another directory"));
        }
        self.predictor.set_weights(&tensors)?;
        self.adam.restore(progress.steps, &tensors)?;
        self.predictor.document_mut().training = progress.document.training;
        (self.finished, self.best_mape) = (progress.finished, progress.best_mape);
        Ok(())
    }

    fn epoch(&mut self, epoch: u32, training: &[&Sample], validation: &[&Sample]) -> Result<Epoch> {
        let start = std::time::Instant::now();
        let mut order: Vec<usize> = (0..training.len()).collect();
        let seed = self.config.seed.wrapping_mul(1_000_003).wrapping_add(epoch.into());
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        tch::manual_seed(seed as i64);
        let chunks: Vec<&[usize]> = order.chunks(self.config.batch.max(1)).collect();
        let total = chunks.len() as u64 * u64::from(self.config.epochs);
        let mut sum = 0.0;
        for chunk in &chunks {
            let batch: Vec<&Sample> = chunk.iter().map(|&i| training[i]).collect();
            sum += self.step(&batch, total)? * batch.len() as f64;
        }
        let (report, _) = evaluate(&self.predictor, validation)?;
        let line = Epoch {
            epoch: epoch + 1,
            loss: sum / training.len().max(1) as f64,
            validation_mape: 100.0 * report.mape,
            seconds: start.elapsed().as_secs_f64(),
        };
        self.finish(&line)?;
        Ok(line)
    }

    fn step(&mut self, samples: &[&Sample], total: u64) -> Result<f64> {
        let device = self.predictor.store().device();
        let features: Vec<&FeatureGraph> = samples.iter().map(|s| &s.features).collect();
        let model = &self.config.model;
        let batch = samples::collate(&features, model.layers(), model.compressible(), device)?;
        let prediction = self.predictor.model().forward(&batch, 0, true)?;
        let loss = self.config.loss.value(&prediction, &samples::targets(samples, device)?, None)?;
        let value = f64::try_from(&loss).map_err(torch("loss"))?;
        let step = self.adam.steps();
        let finite = |what: &str, value: f64| {
            let members = || samples.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
            let error = || Error::NotFinite { step, what: format!("{what} {value}"), members: members() };
            if value.is_finite() { Ok(()) } else { Err(error()) }
        };
        finite("loss", value)?;
        self.adam.zero_grad();
        loss.f_backward().map_err(torch("backward"))?;
        finite("norm of the gradients", self.adam.clip(self.config.clip)?)?;
        let rate = self.config.rate * self.config.schedule.factor(step, total);
        self.adam.step(rate)?;
        Ok(value)
    }

    /// Logs the epoch, keeps the weights if they are the best, and makes the run resumable from here.
    fn finish(&mut self, line: &Epoch) -> Result<()> {
        self.finished = line.epoch;
        if line.validation_mape < self.best_mape {
            self.best_mape = line.validation_mape;
            let training = &mut self.predictor.document_mut().training;
            (training.epoch, training.validation_mape) = (line.epoch, line.validation_mape);
            self.predictor.save(&self.dir.join(BEST))?;
        }
        let progress = Progress {
            config: self.config.clone(),
            steps: self.adam.steps(),
            finished: self.finished,
            best_mape: self.best_mape,
            document: self.predictor.document().clone(),
        };
        let path = self.dir.join(LAST);
        let text = serde_json::to_string(&progress).map_err(|e| file(&path, e))?;
        let mut tensors = self.predictor.weights();
        tensors.extend(self.adam.state());
        tensors::save(&path, &text, &tensors)?;

        let path = self.dir.join("log.jsonl");
        let mut log = OpenOptions::new().create(true).append(true).open(&path).map_err(io(&path))?;
        let text = serde_json::to_string(line).map_err(|e| file(&path, e))?;
        writeln!(log, "{text}").map_err(io(&path))
    }
}
