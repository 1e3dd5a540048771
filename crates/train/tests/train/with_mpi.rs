//! Several ranks on this machine: `mpirun` starts this binary again. By hand, of all tests here:
//!
//!     cargo test -p tachograph-train --features mpi --test train with_mpi -- --ignored

use std::{
    env,
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tachograph_train::{
    BEST, CheckpointConfig, Epoch, Loss, METRICS, OptimizerConfig, RankingConfig, RankingSplit, RunConfig, Sampling,
    Timing, optimizer::AdamWConfig,
};

use crate::{
    child,
    data::{config, proportional},
    npz::{Shape, graph},
    runs::{last, weights},
};

fn ranks(n: usize, config: &RunConfig, dir: &Path) -> Command {
    let mut command = Command::new("mpirun");
    let (n, program) = (n.to_string(), env::current_exe().unwrap());
    let start = ["--oversubscribe", "--allow-run-as-root", "-n", &n].map(OsStr::new);
    child::prepare(&mut command, config, dir, &[&start[..], &[program.as_os_str()]].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to the end, and what is said then.
fn finish(n: usize, config: &RunConfig, dir: &Path) -> String {
    let output = ranks(n, config, dir).output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("ranks: a step took")).collect();
    let [line] = lines[..] else { panic!("{said}") };
    assert!(line.contains(&format!("{n} ranks")) && line.ends_with("communication"), "{line}");
    line.into()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn epochs(dir: &Path) -> Vec<Epoch> {
    let text = fs::read_to_string(dir.join(METRICS)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn without_times(epochs: Vec<Epoch>) -> Vec<Epoch> {
    epochs.into_iter().map(|epoch| Epoch { timing: Timing::default(), ..epoch }).collect()
}

/// Losses and what chooses epochs, as of one process.
fn same(config: &RunConfig, ranks: &[usize]) {
    let dirs = tempfile::tempdir().unwrap();
    let one = dirs.path().join("one");
    child::finish(config, &one);
    let one = epochs(&one);
    assert_eq!(one.len(), config.epochs as usize);
    for &n in ranks {
        let dir = dirs.path().join(n.to_string());
        finish(n, config, &dir);
        let several = epochs(&dir);
        assert_eq!(several.len(), one.len());
        for (a, b) in one.iter().zip(&several) {
            let (loss, chosen) = ((a.loss - b.loss).abs(), (a.chosen.unwrap() - b.chosen.unwrap()).abs());
            println!("{n} ranks, epoch {}: loss {} off by {loss:.1e}, metric by {chosen:.1e}", a.epoch, a.loss);
            assert!(loss <= 1e-6 * a.loss.abs().max(1.0), "{n} ranks: {} and {}", a.loss, b.loss);
            assert_eq!((a.step, a.best), (b.step, b.best));
            assert!(b.timing.communicate > 0.0 && a.timing.communicate == 0.0);
        }
        assert!(dir.join("report.json").exists() && dir.join(BEST).exists());
    }
}

/// Batches of 9 of 20 networks: parts of 2 and 3 on four ranks, and a last batch with fewer members than ranks.
#[test]
#[ignore = "starts mpirun"]
fn amounts_are_learned_as_by_one_process() {
    let data = tempfile::tempdir().unwrap();
    proportional(data.path());
    let config = RunConfig { batch: 9, epochs: 3, average: 0.9, ..config(data.path()) };
    same(&config, &[2, 4]);
    // A loss that ranks the whole batch, beside one that is a mean over its members.
    let loss: RunConfig = toml::from_str(
        "data = ''\nloss = { sum = [{ weight = 1.0, loss = 'rank-net' }, { weight = 0.1, loss = 'log-squared' }] }",
    )
    .unwrap();
    same(&RunConfig { loss: loss.loss, ..config }, &[3]);
}

/// By gradient descent: Adam divides gradients that are nothing but rounding by their own size.
fn ordering(data: &Path, model: &str) -> RunConfig {
    let text = format!(
        "data = '{}'\nmetric = 'kendall'\nloss = 'list-mle'\nrate = 0.01\noptimizer.kind = 'sgd'\nbatch = 3\nruns = 8\n{model}",
        data.display()
    );
    let ranking = RankingConfig {
        split: RankingSplit::Configurations { seed: 1 },
        draws: 4,
        sampling: Sampling::Fast,
        ..RankingConfig::default()
    };
    RunConfig { epochs: 3, ranking, ..toml::from_str(&text).unwrap() }
}

/// Graphs with configurations, and in segments, of which all ranks remember the scores.
#[test]
#[ignore = "starts mpirun"]
fn orders_are_learned_as_by_one_process() {
    let data = tempfile::tempdir().unwrap();
    for i in 0..5 {
        let shape = Shape { nodes: 20 + 3 * i, configurations: 40 - 9 * i, columns: 4, every: 5 };
        graph(&data.path().join(format!("graph{i}.npz")), shape, i);
    }
    let ours = ordering(data.path(), "[model]\nkind = 'choice-attention'\nhidden = 16\nheads = 2");
    same(&ours, &[2, 4]);
    let gst = "[model]\nkind = 'gst'\ninput = 16\nhidden = 16\nembedding = 8\nsegment = 9";
    same(&RunConfig { loss: Loss::named("pairwise-hinge").unwrap(), ..ordering(data.path(), gst) }, &[2, 4]);
}

/// Long enough to be killed, with a state a step.
fn long(data: &Path) -> RunConfig {
    RunConfig {
        optimizer: OptimizerConfig::AdamW(AdamWConfig::default()),
        average: 0.9,
        epochs: 40,
        checkpoint: CheckpointConfig { steps: 3, keep: 2, ..CheckpointConfig::default() },
        ..config(data)
    }
}

/// The processes of `mpirun` in this directory.
fn processes(dir: &Path) -> Vec<u32> {
    let of = |entry: fs::DirEntry| {
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let ours = environment.split(|byte| *byte == 0).any(|pair| pair == child::variable(dir).as_bytes());
        let rank = environment.windows(21).any(|part| part == b"OMPI_COMM_WORLD_RANK=");
        let id = entry.file_name().to_str()?.parse().ok()?;
        (ours && rank).then_some(id)
    };
    fs::read_dir("/proc").unwrap().filter_map(|entry| of(entry.ok()?)).collect()
}

#[test]
#[ignore = "starts mpirun"]
fn a_killed_rank_ends_the_others_and_the_run_goes_on_to_the_same_bytes() {
    let dirs = tempfile::tempdir().unwrap();
    let [data, whole, killed] = ["data", "whole", "killed"].map(|name| dirs.path().join(name));
    proportional(&data);
    let config = long(&data);
    for n in [2, 4] {
        let [whole, killed] = [&whole, &killed].map(|dir| dir.with_extension(n.to_string()));
        finish(n, &config, &whole);
        for victim in 0..3 {
            let run = ranks(n, &config, &killed).spawn().unwrap();
            let begun = Instant::now();
            let steps = || fs::read_to_string(killed.join(METRICS)).map_or(0, |text| text.lines().count());
            let before = steps();
            while steps() < before + 3 {
                assert!(begun.elapsed() < Duration::from_secs(60));
                thread::sleep(Duration::from_millis(5));
            }
            let all = processes(&killed);
            assert_eq!(all.len(), n, "{all:?}");
            let id = all[victim % n];
            assert!(Command::new("kill").args(["-9", &id.to_string()]).status().unwrap().success());
            let output = run.wait_with_output().unwrap();
            let said = said(&output);
            assert!(!output.status.success(), "{said}");
            let lines: Vec<&str> = said.lines().filter(|line| line.contains("noticed that process rank")).collect();
            assert!(lines.len() == 1 && lines[0].contains("signal 9"), "{said}");
            println!("{}", lines[0]);
            assert!(processes(&killed).is_empty());
        }
        finish(n, &config, &killed);
        assert_eq!(weights(&last(&killed)), weights(&last(&whole)));
        assert_eq!(weights(&killed.join(BEST)), weights(&whole.join(BEST)));
        assert_eq!(without_times(epochs(&killed)), without_times(epochs(&whole)));
        let [killed, whole] = [killed, whole].map(|dir| fs::read_to_string(dir.join("report.json")).unwrap());
        assert_eq!(killed, whole);
    }
}

/// ResModel on a graph as large as TpuGraphs' mean (14,105 nodes), 8 times 16 configurations a step; the share that is
/// communication.
#[test]
#[ignore = "starts mpirun; minutes"]
fn the_share_of_communication() {
    let dirs = tempfile::tempdir().unwrap();
    let file = dirs.path().join("graph.npz");
    graph(&file, Shape { nodes: 14_105, configurations: 200, columns: 18, every: 28 }, 1);
    let model = "[model]\nkind = 'layout-resmodel'";
    let ranking = RankingConfig { draws: 40, validate: 8, ..ordering(&file, model).ranking };
    let config = RunConfig { epochs: 1, batch: 8, runs: 16, ranking, ..ordering(&file, model) };
    for n in [2, 4] {
        println!("{}", finish(n, &config, &dirs.path().join(n.to_string())));
    }
    let one = dirs.path().join("one");
    child::finish(&config, &one);
    let timing = epochs(&one)[0].timing;
    let seconds = timing.wait + timing.forward + timing.backward + timing.step;
    println!("1 process: a step took {:.2} ms", 1e3 * seconds / 5.0);
}

/// What fails on all is said once, and what fails on one ends all.
#[test]
#[ignore = "starts mpirun"]
fn a_failure_is_said_once_and_ends_all() {
    let dirs = tempfile::tempdir().unwrap();
    let [data, dir] = ["data", "run"].map(|name| dirs.path().join(name));
    proportional(&data);
    let bad = RunConfig { device: "another".into(), ..config(&data) };
    let output = ranks(3, &bad, &dir).output().unwrap();
    assert!(!output.status.success());
    assert_eq!(said(&output).matches("unknown device").count(), 1, "{}", said(&output));
    // One rank reads another config.
    let mut command = ranks(3, &config(&data), &dir);
    command.env(child::ODD, "1");
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(!output.status.success() && begun.elapsed() < Duration::from_secs(60));
    assert!(said(&output).contains("ranks differ in their config"), "{}", said(&output));
}
