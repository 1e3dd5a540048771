//! Runs in a process of their own: this binary, started again.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use tachograph_train::{Observer, RunConfig, Step, train_observed, train_ranker};

const DIR: &str = "TACHOGRAPH_TEST_RUN_DIR";
const ALONE: &str = "TACHOGRAPH_TEST_ALONE";
/// Rank of MPI that reads another config than the others.
#[cfg(feature = "mpi")]
pub const ODD: &str = "TACHOGRAPH_TEST_ODD_RANK";

/// Prints `step N RSS`, resident size in KiB, after every step.
struct Print;

impl Observer for Print {
    fn step(&mut self, step: &Step) -> bool {
        let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = pages.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        println!("step {} {}", step.step, 4 * pages);
        true
    }

    fn notice(&mut self, message: &str) {
        println!("notice: {message}");
    }
}

/// Trains where it is started by [`start`]; otherwise there is nothing to test.
#[test]
fn child() {
    if let Some(dir) = env::var_os(DIR) {
        let dir = Path::new(&dir);
        let config = RunConfig::load(&dir.with_extension("toml")).unwrap();
        #[cfg(feature = "mpi")]
        let odd = env::var_os(ODD).is_some_and(|odd| env::var_os("OMPI_COMM_WORLD_RANK") == Some(odd));
        #[cfg(feature = "mpi")]
        let config = RunConfig { rate: if odd { 2.0 * config.rate } else { config.rate }, ..config };
        let done = match config.model.ranking() {
            Some(_) => train_ranker(&config, dir, &mut Print).map(drop),
            None => train_observed(&config, dir, &mut Print).map(drop),
        };
        done.unwrap_or_else(|error| panic!("{error}"));
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    }
}

/// Starts `config` in `dir`, or goes on with it.
pub fn start(config: &RunConfig, dir: &Path) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    prepare(&mut command, config, dir, &[]);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// What is said to this binary, or to what starts it by the arguments `before`.
pub fn prepare(command: &mut Command, config: &RunConfig, dir: &Path, before: &[&OsStr]) {
    fs::write(dir.with_extension("toml"), toml::to_string(config).unwrap()).unwrap();
    command.args(before).args(["child::child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir).env("OMP_NUM_THREADS", "1");
}

/// What is in the environment of a run in `dir`.
#[cfg(feature = "mpi")]
pub fn variable(dir: &Path) -> String {
    format!("{DIR}={}", dir.display())
}

/// What it prints.
pub fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().unwrap()).lines()
}

/// Runs to the end; step and resident size in KiB.
pub fn finish(config: &RunConfig, dir: &Path) -> Vec<(u64, u64)> {
    let mut child = start(config, dir);
    let step = |line: String| {
        let mut words = line.split("step ").nth(1)?.split(' ').map(|n| n.parse().ok());
        Some((words.next()??, words.next()??))
    };
    let steps = lines(&mut child).map(Result::unwrap).filter_map(step).collect();
    assert!(child.wait().unwrap().success());
    steps
}

/// Runs to the end; the most that it had in memory, in KiB.
pub fn peak(config: &RunConfig, dir: &Path) -> u64 {
    let mut child = start(config, dir);
    let peak = |line: String| line.split("VmHWM:").nth(1)?.split_whitespace().next()?.parse().ok();
    let peak = lines(&mut child).map(Result::unwrap).filter_map(peak).last();
    assert!(child.wait().unwrap().success());
    peak.unwrap()
}

/// True in a process where test `name` runs alone, and nothing else draws from libtorch's one random generator;
/// elsewhere starts such a process and expects it to succeed.
pub fn alone(name: &str) -> bool {
    if env::var_os(ALONE).is_some() {
        return true;
    }
    let output = Command::new(env::current_exe().unwrap()).args([name, "--exact"]).env(ALONE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}
