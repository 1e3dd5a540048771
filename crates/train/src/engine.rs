//! The training loop.

use std::{fs, path::Path, time::Instant};

use crate::{
    Corpus, Epoch, Error, Observer, Outcome, Result, RunConfig, Schedule, Step, Timing, TorchPredictor,
    average::Average,
    checkpoint::{Checkpoints, Progress, Saved},
    error::{file, io, setting, torch},
    interval::calibrate,
    loader::with_batches,
    log::Log,
    optimizer::Optimizer,
    predicting::Predicting,
    prepare::Prepared,
    report,
    task::{Ready, Task},
};

/// Name of the best checkpoint in a run directory.
pub const BEST: &str = "best.safetensors";

/// Trains as `config` says, in the run directory `dir`. A run that was stopped, whenever and however, goes on from
/// its last checkpoint and ends as if it had not been. `watch` sees every epoch.
///
/// # Errors
/// Data that cannot be read, a loss that is not finite, a directory that holds another run, a disk that is full.
pub fn train(config: &RunConfig, dir: &Path, watch: impl FnMut(&Epoch)) -> Result<Outcome> {
    struct Watch<F>(F);
    impl<F: FnMut(&Epoch)> Observer for Watch<F> {
        fn epoch(&mut self, epoch: &Epoch) {
            (self.0)(epoch);
        }
    }
    train_observed(config, dir, &mut Watch(watch))
}

/// [`train`], with an observer that sees every step and may stop the run. It is told of networks that are left out.
///
/// # Errors
/// As [`train`]; [`Error::Interrupted`] where the observer stopped it.
pub fn train_observed(config: &RunConfig, dir: &Path, observer: &mut dyn Observer) -> Result<Outcome> {
    config.check()?;
    let corpus = config.corpus()?;
    let names = corpus.left_out.keys().map(String::as_str).collect::<Vec<_>>();
    if let Some((first, why)) = corpus.left_out.first_key_value() {
        let n = names.len();
        observer.notice(&format!(
            "{n} networks have no graph here and are left out ({first}: {why}): {}",
            names.join(", ")
        ));
    }
    train_on(config, &corpus, dir, observer)
}

/// [`train_observed`] on a corpus that has been read, whatever data set `config` names.
///
/// # Errors
/// As [`train_observed`].
pub fn train_on(config: &RunConfig, corpus: &Corpus, dir: &Path, observer: &mut dyn Observer) -> Result<Outcome> {
    config.check()?;
    if config.model.ranking().is_some() {
        let kind = config.model.kind();
        return Err(setting(
            "model",
            format!("`{kind}` ranks configurations, and networks have none: use `train_ranker`"),
        ));
    }
    let device = prepare(config, dir)?;
    let data = Prepared::new(config, corpus)?;
    let epochs = run(config, dir, device, &Predicting { config, data: &data, device }, observer)?;
    report::write(dir, &TorchPredictor::load(&dir.join(BEST), device)?, &data, &epochs)
}

/// The directory and the device of a run.
pub(crate) fn prepare(config: &RunConfig, dir: &Path) -> Result<tch::Device> {
    tch::set_num_threads(config.threads.max(1));
    fs::create_dir_all(dir).map_err(io(dir))?;
    tachograph_gnn::device(&config.torch_device).map_err(|e| setting("torch_device", e.to_string()))
}

/// Trains until the run is over; the best weights are in `dir` then.
pub(crate) fn run(
    config: &RunConfig,
    dir: &Path,
    device: tch::Device,
    task: &dyn Task,
    observer: &mut dyn Observer,
) -> Result<Vec<Epoch>> {
    // Initial weights follow from the seed; a resumed run draws them too, and then replaces them.
    tch::manual_seed(config.seed as i64);
    let predictor = TorchPredictor::untrained(task.manifest().clone(), device)?;
    let mut run = Run::open(config, dir, predictor, task, observer)?;
    while !run.is_over() {
        run.epoch(task, observer)?;
    }
    run.log.epochs()
}

struct Run<'a> {
    config: &'a RunConfig,
    dir: &'a Path,
    predictor: TorchPredictor,
    optimizer: Optimizer,
    average: Option<Average>,
    progress: Progress,
    checkpoints: Checkpoints,
    log: Log,
    /// Of the epoch under way.
    timing: Timing,
}

impl<'a> Run<'a> {
    /// A new run, or the state of the last checkpoint.
    fn open(
        config: &'a RunConfig,
        dir: &'a Path,
        predictor: TorchPredictor,
        task: &dyn Task,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let mut optimizer = Optimizer::new(predictor.store(), config.optimizer)?;
        let average = (config.average > 0.0).then(|| Average::new(predictor.store(), config.average));
        let (mut predictor, mut average) = (predictor, average.transpose()?);
        let checkpoints = Checkpoints::open(dir, config.checkpoint.keep)?;
        let mut progress = Progress::new(config, predictor.manifest());
        if let Some(Saved { path, progress: saved, tensors }) =
            checkpoints.latest(|message| observer.notice(message))?
        {
            if !progress.continues(&saved) {
                return Err(file(&path, "belongs to a run with another config or other data; use another directory"));
            }
            let restored = predictor
                .set_weights(&tensors)
                .map_err(Error::from)
                .and_then(|()| optimizer.restore(saved.steps, &tensors));
            let restored = restored.and_then(|()| average.as_mut().map_or(Ok(()), |a| a.restore(&tensors)));
            let restored = restored.and_then(|()| task.restore(&tensors));
            restored.map_err(|e| file(&path, e))?;
            *predictor.manifest_mut() = saved.manifest.clone();
            progress = Progress { config: config.clone(), ..saved };
        }
        // Written only now, so that a directory refused for belonging to another run keeps its own.
        let path = dir.join("config.toml");
        let text = toml::to_string(config).map_err(|e| file(&path, e))?;
        fs::write(&path, text).map_err(io(&path))?;
        let log = Log::open(dir, progress.epoch)?;
        let timing = Timing::default();
        Ok(Self { config, dir, predictor, optimizer, average, progress, checkpoints, log, timing })
    }

    fn is_over(&self) -> bool {
        let patience = self.config.patience;
        self.progress.epoch >= self.config.epochs || patience > 0 && self.progress.waited >= patience
    }

    fn epoch(&mut self, task: &dyn Task, observer: &mut dyn Observer) -> Result<()> {
        let start = Instant::now();
        self.timing = Timing::default();
        let mut plan = task.plan(self.progress.epoch);
        let total = plan.len();
        let left = plan.split_off(self.progress.batch.min(total));
        with_batches(
            left,
            |draw| task.make(draw),
            |ready: Ready, waited| {
                self.timing.wait += waited;
                self.timing.prepare += ready.seconds;
                let step = self.step(&ready, task, total)?;
                let go_on = observer.step(&step);
                let every = self.config.checkpoint.steps;
                if !go_on || every > 0 && self.progress.steps.is_multiple_of(every) {
                    self.save(task)?;
                }
                if go_on { Ok(()) } else { Err(Error::Interrupted { step: self.progress.steps, dir: self.dir.into() }) }
            },
        )?;
        self.finish(task, total, start, observer)
    }

    /// Learning rate of batch `batch` of `total` in the epoch under way.
    fn rate(&self, batch: usize, total: usize) -> f64 {
        let epoch = (self.progress.epoch, self.config.epochs);
        self.config.rate * self.config.schedule.factor(epoch, (batch, total), self.progress.plateau.falls)
    }

    fn step(&mut self, ready: &Ready, task: &dyn Task, total: usize) -> Result<Step> {
        let Progress { epoch, batch, steps, .. } = self.progress;
        // The random numbers of a step depend on nothing but the seed and the step, so that a resumed run draws the
        // same; the factor (2⁶⁴ over the golden ratio) spreads neighbouring seeds over all of u64.
        tch::manual_seed(self.config.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(steps) as i64);
        let finite = |what: &str, value: f64| {
            let name = |&i: &usize| task.name(i);
            let members = || ready.members.iter().filter_map(name).collect::<Vec<_>>().join(", ");
            let error = || Error::NotFinite { step: steps, what: format!("{what} {value}"), members: members() };
            if value.is_finite() { Ok(()) } else { Err(error()) }
        };
        let (loss, seconds) = timed(|| -> Result<_> {
            let outputs: Vec<usize> = (0..task.manifest().outputs.len()).collect();
            let prediction = self.predictor.outputs(&ready.batch, &outputs, true)?;
            let prediction = task.prediction(ready, ready.known.of(&prediction)?)?;
            let loss = self.config.loss.value(&prediction, &ready.known.targets, ready.known.lists.as_ref())?;
            let value = f64::try_from(&loss).map_err(torch("loss"))?;
            Ok((loss, value))
        });
        let (loss, value) = loss?;
        self.timing.forward += seconds;
        // Before the gradients: one that is not finite would reach the weights, and then the checkpoint.
        finite("loss", value)?;
        let (done, seconds) = timed(|| {
            self.optimizer.zero_grad();
            loss.f_backward().map_err(torch("backward"))
        });
        done?;
        self.timing.backward += seconds;
        let rate = self.rate(batch, total);
        let (done, seconds) = timed(|| {
            finite("norm of the gradients", self.optimizer.clip(self.config.clip, self.config.clip_each)?)?;
            self.optimizer.step(rate)?;
            self.average.as_mut().map_or(Ok(()), |a| a.update(self.optimizer.steps()))
        });
        done?;
        self.timing.step += seconds;
        let samples = ready.members.len();
        let progress = &mut self.progress;
        progress.loss += value * samples as f64;
        (progress.steps, progress.batch, progress.seen) = (steps + 1, batch + 1, progress.seen + samples);
        Ok(Step {
            step: steps + 1,
            epoch: epoch + 1,
            epochs: self.config.epochs,
            in_epoch: batch + 1,
            of_epoch: total,
            samples,
            loss: value,
            rate,
        })
    }

    /// Validates, keeps the weights if they are the best or the epoch does not matter, logs, and makes the run resumable from here.
    fn finish(&mut self, task: &dyn Task, total: usize, start: Instant, observer: &mut dyn Observer) -> Result<()> {
        // Averaged weights are validated and kept; training goes on with its own, swapped back below.
        self.average.as_mut().map_or(Ok(()), Average::swap)?;
        let (evaluated, seconds) = timed(|| task.validate(&self.predictor));
        let validation = evaluated?;
        self.timing.validate = seconds;
        let rate = self.rate(total.saturating_sub(1), total);
        let chosen = validation.chosen;
        let progress = &mut self.progress;
        progress.epoch += 1;
        // Without a value there is no choice, but there must be weights: those of the first epoch.
        let best = match chosen {
            _ if self.config.refit => true,
            Some(value) => self.config.metric.improves(value, progress.best),
            None => progress.manifest.training.epoch == 0,
        };
        progress.best = if best { chosen } else { progress.best };
        progress.waited = if best { 0 } else { progress.waited + 1 };
        if let Schedule::Plateau { patience, .. } = self.config.schedule {
            progress.plateau.epoch(best, patience);
        }
        if best {
            let manifest = self.predictor.manifest_mut();
            manifest.training.epoch = progress.epoch;
            // With `refit` the validation set was learned from: its errors promise nothing.
            if let Some(report) = validation.report.as_ref().filter(|_| !self.config.refit) {
                calibrate(manifest, &validation.predictions, "validation");
                manifest.training.validation_mape = Some(100.0 * report.mape);
            }
            progress.manifest = self.predictor.manifest().clone();
            self.predictor.save(&self.dir.join(BEST))?;
        }
        self.average.as_mut().map_or(Ok(()), Average::swap)?;
        let line = Epoch {
            epoch: progress.epoch,
            step: progress.steps,
            loss: progress.loss / progress.seen.max(1) as f64,
            rate,
            chosen,
            best,
            validation: validation.report,
            ranking: validation.ranking,
            timing: Timing { total: start.elapsed().as_secs_f64(), ..self.timing },
        };
        // Before the checkpoint: a log that is ahead of the last checkpoint is cut when the run resumes, one that is
        // behind would lack an epoch for ever.
        self.log.append(&line)?;
        (progress.batch, progress.loss, progress.seen) = (0, 0.0, 0);
        if progress.epoch.is_multiple_of(self.config.checkpoint.epochs) || self.is_over() {
            self.save(task)?;
        }
        observer.epoch(&line);
        Ok(())
    }

    fn save(&mut self, task: &dyn Task) -> Result<()> {
        let (done, seconds) = timed(|| {
            let mut tensors = self.predictor.weights();
            tensors.extend(self.optimizer.state());
            tensors.extend(self.average.iter().flat_map(Average::state));
            tensors.extend(task.state()?);
            self.checkpoints.save(&self.progress, &tensors)
        });
        self.timing.save += seconds;
        done
    }
}

fn timed<T>(action: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let value = action();
    (value, start.elapsed().as_secs_f64())
}
