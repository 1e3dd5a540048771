//! The training loop.

use std::{fs, path::Path, time::Instant};

use tch::Device;

use crate::{
    Corpus, Epoch, Error, Observer, Outcome, Result, RunConfig, Schedule, Step, Timing, TorchPredictor,
    average::Average,
    checkpoint::{Checkpoints, Progress, Saved},
    error::{file, io, setting, torch},
    group::{Gradients, Group},
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
    let group = Group::world()?;
    group.all(|| {
        let corpus = config.corpus()?;
        let names = corpus.left_out.keys().map(String::as_str).collect::<Vec<_>>();
        if let Some((first, why)) = corpus.left_out.first_key_value().filter(|_| group.is_root()) {
            let n = names.len();
            observer.notice(&format!(
                "{n} networks have no graph here and are left out ({first}: {why}): {}",
                names.join(", ")
            ));
        }
        train_on(config, &corpus, dir, observer)
    })
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
    together(config, dir, |group, device| {
        let data = Prepared::new(config, corpus)?;
        let epochs = run(config, dir, device, group, &Predicting { config, data: &data, device, group }, observer)?;
        report::write(group, dir, &TorchPredictor::load(&dir.join(BEST), device)?, &data, &epochs)
    })
}

/// A training on all ranks that were started together, with the directory and the device of the run.
pub(crate) fn together<T>(
    config: &RunConfig,
    dir: &Path,
    training: impl FnOnce(&'static Group, Device) -> Result<T>,
) -> Result<T> {
    tch::set_num_threads(config.threads.max(1));
    let group = Group::world()?;
    group.all(|| {
        group.root_first(|| fs::create_dir_all(dir).map_err(io(dir)))?;
        training(group, group.device(&config.torch_device)?)
    })
}

/// Trains until the run is over; the best weights are in `dir` then.
pub(crate) fn run(
    config: &RunConfig,
    dir: &Path,
    device: Device,
    group: &'static Group,
    task: &dyn Task,
    observer: &mut dyn Observer,
) -> Result<Vec<Epoch>> {
    let text = |part: Result<String, serde_json::Error>| part.map_err(|e| file(dir, e));
    group.agree("their config", &text(serde_json::to_string(config))?)?;
    group.agree("what they read of the data", &text(serde_json::to_string(task.manifest()))?)?;
    // Initial weights follow from the seed; a resumed run draws them too, and then replaces them.
    tch::manual_seed(config.seed as i64);
    let predictor = TorchPredictor::untrained(task.manifest().clone(), device)?;
    let mut run = Run::open(config, dir, predictor, group, task, observer)?;
    let mut shares = Shares::default();
    while !run.is_over() {
        let before = run.progress.steps;
        let timing = run.epoch(task, observer)?;
        shares.add(timing, run.progress.steps - before);
    }
    if let Some(line) = shares.line(group).filter(|_| group.is_root()) {
        observer.notice(&line);
    }
    // What the root has written is there.
    group.meet();
    run.log.epochs()
}

struct Run<'a> {
    config: &'a RunConfig,
    dir: &'a Path,
    group: &'static Group,
    predictor: TorchPredictor,
    /// Where there are several ranks.
    gradients: Option<Gradients>,
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
        group: &'static Group,
        task: &dyn Task,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        // Two kinds of processor may draw weights that differ in a bit.
        group.share(&mut predictor.weights().into_values().collect::<Vec<_>>())?;
        let mut optimizer = Optimizer::new(predictor.store(), config.optimizer)?;
        let average = (config.average > 0.0).then(|| Average::new(predictor.store(), config.average));
        let (mut predictor, mut average) = (predictor, average.transpose()?);
        // The root puts damaged states aside; the others read what it read.
        let (checkpoints, latest) = group.root_first(|| {
            let checkpoints = Checkpoints::open(dir, config.checkpoint.keep)?;
            let latest = checkpoints.latest(|message| observer.notice(message))?;
            Ok((checkpoints, latest))
        })?;
        let seen = latest.as_ref().map(|saved| saved.path.file_name());
        group.agree("the checkpoints that they see: all need one directory", &format!("{seen:?}"))?;
        let mut progress = Progress::new(config, predictor.manifest());
        if let Some(Saved { path, progress: saved, tensors }) = latest {
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
        if group.is_root() {
            let path = dir.join("config.toml");
            let text = toml::to_string(config).map_err(|e| file(&path, e))?;
            fs::write(&path, text).map_err(io(&path))?;
        }
        let log = Log::open(dir, progress.epoch, group.is_root())?;
        let gradients = Gradients::new(group, predictor.store().trainable_variables())?;
        let timing = Timing::default();
        Ok(Self { config, dir, group, predictor, gradients, optimizer, average, progress, checkpoints, log, timing })
    }

    fn is_over(&self) -> bool {
        let patience = self.config.patience;
        self.progress.epoch >= self.config.epochs || patience > 0 && self.progress.waited >= patience
    }

    fn epoch(&mut self, task: &dyn Task, observer: &mut dyn Observer) -> Result<Timing> {
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
                let stop = !observer.step(&step);
                let (stop, seconds) = timed(|| self.group.any(stop));
                self.communicated(seconds);
                let go_on = !stop;
                let every = self.config.checkpoint.steps;
                if !go_on || every > 0 && self.progress.steps.is_multiple_of(every) {
                    self.save(task)?;
                }
                if go_on { Ok(()) } else { Err(Error::Interrupted { step: self.progress.steps, dir: self.dir.into() }) }
            },
        )?;
        self.finish(task, total, start, observer)?;
        Ok(self.timing)
    }

    fn communicated(&mut self, seconds: f64) {
        if !self.group.is_alone() {
            self.timing.communicate += seconds;
        }
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
        // Ranks have parts of one batch, and draw apart.
        let of_rank = (self.group.rank as u64) << 40;
        tch::manual_seed(self.config.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(steps ^ of_rank) as i64);
        let finite = |what: &str, value: f64| {
            let name = |&i: &usize| task.name(i);
            let members = || ready.members.iter().filter_map(name).collect::<Vec<_>>().join(", ");
            let error = || Error::NotFinite { step: steps, what: format!("{what} {value}"), members: members() };
            if value.is_finite() { Ok(()) } else { Err(error()) }
        };
        let (own, seconds) = timed(|| -> Result<_> {
            let outputs: Vec<usize> = (0..task.manifest().outputs.len()).collect();
            let of = |batch| self.predictor.outputs(batch, &outputs, true)?.f_reshape([-1]).map_err(torch("forward"));
            ready.batch.as_ref().map(of).transpose()
        });
        self.timing.forward += seconds;
        // The loss is of the whole batch on every rank, so that one that compares members of the batch, or weighs them by
        // their number, is what it would be on one; each then has the gradients that go through its own part.
        let device = self.predictor.store().device();
        let (all, seconds) = timed(|| self.group.join(own?, ready.own.clone(), ready.values, device));
        self.communicated(seconds);
        let (loss, seconds) = timed(|| -> Result<_> {
            let prediction = task.prediction(ready, ready.known.of(&all?)?)?;
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
            match &mut self.gradients {
                Some(gradients) => gradients.backward(ready.batch.is_some().then_some(&loss)),
                None => loss.f_backward().map(|()| 0.0).map_err(torch("backward")),
            }
        });
        let communicated = done?;
        self.timing.backward += seconds - communicated;
        self.communicated(communicated);
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
            if self.group.is_root() {
                self.predictor.save(&self.dir.join(BEST))?;
            }
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
        if self.group.is_root() {
            observer.epoch(&line);
        }
        Ok(())
    }

    fn save(&mut self, task: &dyn Task) -> Result<()> {
        if !self.group.is_root() {
            return Ok(());
        }
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

/// What of the steps of this process was communication.
#[derive(Default)]
struct Shares {
    steps: u64,
    seconds: f64,
    communicate: f64,
}

impl Shares {
    fn add(&mut self, Timing { wait, forward, backward, step, communicate, .. }: Timing, steps: u64) {
        self.steps += steps;
        self.seconds += wait + forward + backward + step + communicate;
        self.communicate += communicate;
    }

    /// In words; `None` where there was none.
    fn line(&self, group: &Group) -> Option<String> {
        let (size, ms) = (group.size, |seconds: f64| 1e3 * seconds / self.steps as f64);
        let share = 100.0 * self.communicate / self.seconds;
        let (step, communicate) = (ms(self.seconds), ms(self.communicate));
        (size > 1 && self.steps > 0).then(|| {
            format!("{size} ranks: a step took {step:.2} ms, of which {communicate:.2} ms ({share:.1} %) communication")
        })
    }
}

fn timed<T>(action: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let value = action();
    (value, start.elapsed().as_secs_f64())
}
