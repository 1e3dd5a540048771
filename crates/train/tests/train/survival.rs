//! What kills a run, and what is left of it.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tachograph_models::{ModelConfig, NnlpConfig};
use tachograph_train::{
    BEST, CheckpointConfig, Epoch, Error, METRICS, Observer, OptimizerConfig, RunConfig, Schedule, Step, Timing,
    optimizer::AdamWConfig, train, train_observed,
};

use crate::{
    child,
    data::{config, proportional},
    runs::{copy, last, refusal, run, weights},
};

/// Every part that has a state, checkpoints within epochs.
fn everything(data: &Path) -> RunConfig {
    RunConfig {
        model: ModelConfig::from(NnlpConfig { hidden: 16, dropout: 0.2, ..NnlpConfig::default() }),
        optimizer: OptimizerConfig::AdamW(AdamWConfig::default()),
        schedule: Schedule::Plateau { patience: 3, factor: 0.8 },
        average: 0.9,
        nodes: 300,
        epochs: 150,
        checkpoint: CheckpointConfig { steps: 3, keep: 2, ..CheckpointConfig::default() },
        ..config(data)
    }
}

fn metrics(dir: &Path) -> Vec<Epoch> {
    let text = fs::read_to_string(dir.join(METRICS)).unwrap();
    let epoch = |line| Epoch { timing: Timing::default(), ..serde_json::from_str(line).unwrap() };
    text.lines().map(epoch).collect()
}

#[test]
fn a_run_killed_fifty_times_ends_where_one_never_killed_does() {
    let dirs = tempfile::tempdir().unwrap();
    let [data, whole, killed] = ["data", "whole", "killed"].map(|name| dirs.path().join(name));
    proportional(&data);
    let config = everything(&data);
    let begun = Instant::now();
    let mut run = child::start(&config, &whole);
    let mut lines = child::lines(&mut run).map(Result::unwrap).filter(|line| line.contains("step "));
    lines.next().unwrap();
    let startup = begun.elapsed();
    let steps = 1 + lines.count();
    assert!(run.wait().unwrap().success());

    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for kill in 0..50 {
        let mut run = child::start(&config, &killed);
        if kill % 5 == 0 {
            // Anywhere before, or shortly after, the first step.
            thread::sleep(startup.mul_f64(rng.random_range(0.0..1.1)));
        } else {
            let mut lines = child::lines(&mut run).filter(|line| line.as_ref().unwrap().contains("step "));
            lines.nth(rng.random_range(0..4)).expect("the run ended before it was killed fifty times").unwrap();
            thread::sleep(Duration::from_micros(rng.random_range(0..8000)));
        }
        run.kill().unwrap();
        assert!(!run.wait().unwrap().success(), "the run ended before kill {kill}");
    }
    let rest = child::finish(&config, &killed).len();
    assert!(0 < rest && rest < steps, "{rest} of {steps} steps were left");

    assert_eq!(weights(&last(&killed)), weights(&last(&whole)));
    assert_eq!(weights(&killed.join(BEST)), weights(&whole.join(BEST)));
    assert_eq!(metrics(&killed), metrics(&whole));
    let [killed, whole] = [killed, whole].map(|dir| fs::read_to_string(dir.join("report.json")).unwrap());
    assert_eq!(killed, whole);
}

#[test]
fn resident_size_is_flat_over_ten_thousand_steps() {
    let dirs = tempfile::tempdir().unwrap();
    let [data, dir] = ["data", "run"].map(|name| dirs.path().join(name));
    proportional(&data);
    let checkpoint = CheckpointConfig { epochs: 50, ..CheckpointConfig::default() };
    let config = RunConfig { batch: 1, epochs: 500, average: 0.9, checkpoint, ..config(&data) };
    let steps = child::finish(&config, &dir);
    assert_eq!(steps.len(), 10_000);
    // The allocator settles within the first tenth.
    let most = |part: &[(u64, u64)]| part.iter().map(|s| s.1).max().unwrap();
    let (early, late) = (most(&steps[1000..2000]), most(&steps[9000..]));
    assert!(early > 0 && late < early + 4096, "{early} KiB in steps 1,000 to 2,000, {late} KiB at the end");
}

#[test]
fn a_damaged_checkpoint_is_passed_over_for_the_one_before_it() {
    struct Notices(Vec<String>);
    impl Observer for Notices {
        fn notice(&mut self, message: &str) {
            self.0.push(message.into());
        }
    }
    let (data, dirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = config(data.path());
    let [whole, damaged, hopeless] = ["whole", "damaged", "hopeless"].map(|name| dirs.path().join(name));
    run(&config, &whole);
    copy(&whole, &damaged);
    copy(&whole, &hopeless);
    // Torn, and altered in one byte.
    for (n, path) in [last(&damaged), last(&damaged).with_file_name("0000000015.safetensors")].iter().enumerate() {
        let mut bytes = fs::read(path).unwrap();
        let last = bytes.len() - 1;
        if n == 0 {
            bytes.truncate(last / 2)
        } else {
            bytes[last] ^= 1
        }
        fs::write(path, bytes).unwrap();
    }
    let mut notices = Notices(vec![]);
    train_observed(&config, &damaged, &mut notices).unwrap();
    assert_eq!(notices.0.len(), 2, "{:?}", notices.0);
    assert!(notices.0[0].contains("0000000020.safetensors") && notices.0[1].contains("checksum"), "{:?}", notices.0);
    assert!(last(&damaged).with_extension("damaged").exists());
    assert_eq!(weights(&last(&damaged)), weights(&last(&whole)));
    assert_eq!(metrics(&damaged), metrics(&whole));

    for path in fs::read_dir(hopeless.join("checkpoints")).unwrap() {
        fs::write(path.unwrap().path(), b"nothing").unwrap();
    }
    assert!(refusal(&config, &hopeless).to_string().contains("no whole checkpoint is left"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_that_loses_nothing() {
    let (data, dirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = config(data.path());
    let [full, whole] = ["full", "whole"].map(|name| dirs.path().join(name));
    let beside = full.join("checkpoints/0000000015.tmp");
    let watch = |epoch: &Epoch| {
        if epoch.epoch == 2 {
            copy(&full, &whole);
            // What is written here meets a full device.
            std::os::unix::fs::symlink("/dev/full", &beside).unwrap();
        }
    };
    let error = train(&config, &full, watch).map(|_| ()).unwrap_err();
    let Error::Predict(tachograph_predict::Error::Io { path, source }) = &error else { panic!("{error}") };
    assert_eq!(
        (path.as_path(), source.kind()),
        (&*beside.with_extension("safetensors"), std::io::ErrorKind::StorageFull)
    );
    assert_eq!(run(&config, &full).iter().map(|e| e.epoch).collect::<Vec<_>>(), [3, 4]);
    run(&config, &whole);
    assert_eq!(weights(&last(&full)), weights(&last(&whole)));
    assert_eq!(metrics(&full), metrics(&whole));
}

#[test]
fn a_run_that_diverges_leaves_its_last_good_checkpoint() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let checkpoint = CheckpointConfig { steps: 1, ..CheckpointConfig::default() };
    let config = RunConfig { rate: 1e37, checkpoint, ..config(data.path()) };
    let error = refusal(&config, dir.path());
    let Error::NotFinite { step, members, .. } = &error else { panic!("{error}") };
    assert!(*step > 0 && members.split(", ").count() == 4, "{error}");
    let kept = last(dir.path());
    assert!(kept.ends_with(format!("{step:010}.safetensors")), "{}", kept.display());
    let finite = |bytes: &Vec<u8>| bytes.chunks(4).all(|b| f32::from_le_bytes(b.try_into().unwrap()).is_finite());
    assert!(weights(&kept).values().all(finite));
}

#[test]
fn a_run_that_is_interrupted_says_how_to_go_on_and_does() {
    struct Stop(u64, Vec<u64>);
    impl Observer for Stop {
        fn step(&mut self, step: &Step) -> bool {
            self.1.push(step.step);
            step.step != self.0
        }
    }
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = config(data.path());
    let error = train_observed(&config, dir.path(), &mut Stop(7, vec![])).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Interrupted { step: 7, .. }));
    assert!(error.to_string().contains("the same command goes on"));
    let mut rest = Stop(0, vec![]);
    train_observed(&config, dir.path(), &mut rest).unwrap();
    assert_eq!(rest.1, (8..=20).collect::<Vec<_>>());
}
