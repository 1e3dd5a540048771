//! `cargo xtask bench-peers`: our graph layers beside PyTorch Geometric, in turn, on the same arrays.

mod compare;
mod machine;
mod page;
mod results;
mod worker;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use tachograph_torch_link::install::first_line;

use crate::root;
use crate::tools::{cargo, run};
use results::{Measurement, Quartiles, Results, Side};
use worker::Worker;

/// Warm-up runs of each side; the first is compared.
const WARM_UP: usize = 3;

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// The Python that has torch_geometric.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// A case, or several; without it, all.
    #[arg(long)]
    case: Vec<String>,
    /// Numbers of threads.
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
    /// Timed runs of each side in place of the case's own number.
    #[arg(long)]
    runs: Option<usize>,
    /// The page whose tables are replaced; the numbers lie beside it as JSON in `benches/results`.
    #[arg(long, default_value = "docs/performance.md")]
    out: PathBuf,
}

/// A case as `peer list` describes it.
#[derive(Clone, Debug, Deserialize)]
struct Case {
    name: String,
    title: String,
    goal: f64,
    bare_goal: Option<f64>,
    runs: usize,
}

/// Runs the comparison.
pub fn bench(options: &Options) -> Result<()> {
    let root = root()?;
    check_python(options)?;
    let program = build()?;
    let list = Command::new(&program).arg("list").output().context("cannot run the peer program")?;
    let all: Vec<Case> = serde_json::from_slice(&list.stdout).context("`peer list` prints no cases")?;
    let chosen: Vec<&Case> = match &options.case[..] {
        // A case without a goal tests the comparison itself.
        [] => all.iter().filter(|c| c.goal > 0.0).collect(),
        names => names
            .iter()
            .map(|name| all.iter().find(|c| c.name == *name).with_context(|| format!("no case `{name}`")))
            .collect::<Result<_>>()?,
    };
    let store = root.join("benches/results/gnn.json");
    let out = root.join(&options.out);
    for case in chosen {
        let folder = tempfile::tempdir()?;
        run(Command::new(&program).args(["prepare", &case.name]).arg(folder.path()))?;
        for &threads in &options.threads {
            let (versions, measurement) = measure(case, threads, &program, folder.path(), options)?;
            measurement.print();
            if case.goal > 0.0 {
                let mut results = Results::load(&store, &machine::describe(&versions)?)?;
                results.insert(measurement);
                results.save(&store)?;
                page::write(&out, &all, &results)?;
            }
        }
    }
    Ok(())
}

fn measure(
    case: &Case,
    threads: usize,
    program: &std::path::Path,
    folder: &std::path::Path,
    options: &Options,
) -> Result<(String, Measurement)> {
    let count = threads.to_string();
    let ours = || {
        let mut command = Command::new(program);
        command.args(["work", "ours", &case.name]).arg(folder).args(["--threads", &count]);
        command
    };
    let bare = || {
        let mut command = Command::new(program);
        command.args(["work", "bare", &case.name]).arg(folder).args(["--threads", &count]);
        command
    };
    let mut script = Command::new(&options.python);
    script.arg(root()?.join("benches/peers/gnn.py")).arg(folder).args(["--threads", &count]);

    let (mut ours, _) = Worker::start("ours", ours(), threads)?;
    let (mut theirs, versions) = Worker::start("theirs", script, threads)?;
    let (mut bare, _) = Worker::start("bare", bare(), threads)?;
    let floor = ours.floor()?;
    let outputs = ours.check()?;
    ensure!(outputs == theirs.check()?, "{}: the two sides computed different things", case.name);
    let difference = compare::largest(folder, &outputs)?;
    for _ in 1..WARM_UP {
        ours.run()?;
        theirs.run()?;
        bare.run()?;
    }
    let runs = options.runs.unwrap_or(case.runs).max(1);
    let (mut a, mut b, mut c) = (vec![], vec![], vec![]);
    for _ in 0..runs {
        a.push(ours.run()?);
        b.push(theirs.run()?);
        c.push(bare.run()?.network);
    }
    let measurement = Measurement {
        case: case.name.clone(),
        threads,
        runs,
        ours: Side::new(&a, ours.memory()?),
        theirs: Side::new(&b, theirs.memory()?),
        bare: Quartiles::new(c),
        copy: bare.copy_rate()?,
        floor,
        difference,
    };
    Ok((versions.unwrap_or_default(), measurement))
}

/// Builds the program of our side and finds it.
fn build() -> Result<PathBuf> {
    let mut args = vec!["build", "--release", "-p", "tachograph-benches", "--features", "amx", "--bin", "peer"];
    args.push("--message-format=json-render-diagnostics");
    let output = cargo(args)?.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the peer program does not build");
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let artifacts = lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let program = artifacts.filter_map(|a| a["executable"].as_str().map(PathBuf::from)).next_back();
    program.context("cargo names no program")
}

fn check_python(options: &Options) -> Result<()> {
    let python = options.python.to_string_lossy();
    first_line(&python, &["-c", "import torch_geometric; print(torch_geometric.__version__)"]).with_context(|| {
        format!("{python} cannot import torch_geometric: {python} -m pip install torch==2.11.0 torch_geometric==2.8.1")
    })?;
    Ok(())
}
