//! `tachograph compile`: a network as one shared library, tuned on this machine.

mod choice;
mod page;
mod plans;
mod race;
mod tuning;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tachograph_compile::{Network, Out, Plan, Ways, compile, known};
use tachograph_import::onnx;
use tachograph_ir::{Plain, TensorId};
use tachograph_program::Compiler;
use tachograph_tune::{
    DEFAULT,
    live::{Journal, Memory},
    tuner,
};

use self::{
    choice::{Choice, Threads},
    plans::Plans,
};
use crate::{
    args, exit,
    here::{CPU, Here},
    models::{Bind, Model},
    store, table, tuned,
};

/// Compile a network to one shared library for this machine, with a C header and a loader for Python; choose layouts, forms
/// and schedules by what is known of its kernels, and tune them
///
/// What is measured is kept in the store at once, and what is there is not measured again: a compile that was ended goes on where
/// it was. The default plan is always raced; what loses to it is not taken.
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Model file. Weights are taken from ONNX files; elsewhere numbers that look random stand for them.
    model: PathBuf,
    #[command(flatten)]
    bind: Bind,
    #[command(flatten)]
    record: store::Record,
    /// `cpu`, the processor of this machine.
    #[arg(long, default_value = CPU)]
    device: String,
    /// Time for tuning, such as `90s`, `10min` or `1h`; without it and --trials no kernel is measured, and what is known is taken.
    #[arg(long, value_parser = duration)]
    budget: Option<Duration>,
    /// Schedules of all forms of all groups together to tune with, those that the store knows included; 0 measures none.
    #[arg(long, value_parser = args::count)]
    trials: Option<usize>,
    /// Folder for the library and what goes with it; made where there is none.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The tuner; `tachograph tune --list` says which there are.
    #[arg(long, default_value = DEFAULT)]
    tuner: String,
    /// Threads that a run is shared among, at most as many as the machine has cores, or `auto`: 1, 2, 4, … are run, and the fastest is
    /// taken. Kernels are tuned on one.
    #[arg(long, default_value = "1", value_parser = choice::threads)]
    threads: Threads,
    /// Values of an open dimension to choose among, such as `batch=1,2,4,8`: each is compiled by what is known and run, and the one
    /// with most samples a second within --time-ms and --memory-gb is taken.
    #[arg(long, value_name = "NAME=VALUE,…", value_parser = args::axis)]
    over: Option<(String, Vec<u64>)>,
    /// Most time of a run.
    #[arg(long, requires = "over", value_parser = args::positive)]
    time_ms: Option<f64>,
    /// Most memory, 10⁹ bytes: weights, and what a run needs beside them.
    #[arg(long, requires = "over", value_parser = args::positive)]
    memory_gb: Option<f64>,
    /// Of all that is drawn.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The plan as JSON on standard output.
    #[arg(long)]
    json: bool,
}

/// `90s`, `10min`, `1h`, or seconds.
fn duration(text: &str) -> Result<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = match text[end..].trim() {
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let seconds = text[..end].parse::<f64>().ok().map(|n| n * unit).filter(|n| (0.0..1e7).contains(n));
    seconds.map(Duration::from_secs_f64).context("must be a time such as 90s, 10min or 1h")
}

impl Args {
    /// Whether anything may be measured.
    fn tunes(&self) -> bool {
        self.trials.is_some_and(|trials| trials > 0) || self.budget.is_some_and(|time| !time.is_zero())
    }
}

pub fn run(args: &Args) -> Result<()> {
    ensure!(
        args.device == CPU,
        "--device {}: networks are compiled for the processor of this machine, --device {CPU}",
        args.device
    );
    let by = tuner(&args.tuner)?;
    let compiler = Compiler::find()?;
    let here = Here::cpu().context("the system does not say which processor this machine has")?;
    let mut journal: Box<dyn Journal> = match args.record.open()? {
        Some(store) => Box::new(tuned::Kept::new(store, here, Some(tuned::compiler(&compiler)))),
        None => Box::new(Memory::default()),
    };
    let choice = Choice::of(args, &compiler, journal.as_mut())?;
    let model = Model::among(&args.model, std::slice::from_ref(&args.model), &choice.bind)?;
    model.warn(false);
    let network = Network::of(&model.bound).with_context(|| model.path.clone())?;
    tuning::tune(args, &network, by, &compiler, journal.as_mut())?;
    let weights = Elements::new(&args.model, &model);
    let objects = args.out.join("build");
    let one = |ways: &Ways, folder: &Path| {
        let out = Out { folder, objects: &objects, threads: choice.threads };
        compile(&network, ways, &|id| weights.of(id), &compiler, out).with_context(|| model.path.clone())
    };
    let measured = known(&network, journal.as_mut())?;
    let plans = match args.tunes() {
        true => Plans::timed(&network, &measured, &|id| weights.of(id), &compiler, &objects)?,
        false => Plans::known(&network, &measured)?,
    };
    let mut plan = one(&plans.best, &args.out)?;
    let mut default = None;
    if !plans.best_is_default {
        default = Some(one(&plans.default, &args.out.join("default"))?);
    }
    let mut raced = race::race(&network, &args.out, &mut plan, default.as_mut())?;
    if args.tunes() && plans.best_is_default {
        raced.default_is(&plan);
    }
    let taken = match (raced.default_ms, default) {
        (Some(theirs), Some(default)) if theirs < raced.ms => {
            race::take_default(&args.out)?;
            raced.ms = theirs;
            exit::warn("the default plan is no slower than what was tuned, and is taken");
            default
        }
        _ => plan,
    };
    choice.hold(args, raced.ms, &taken);
    if args.out.join("default").exists() {
        let _ = std::fs::remove_dir_all(args.out.join("default"));
    }
    write(&args.out.join("plan.json"), &serde_json::to_string_pretty(&taken)?)?;
    write(&args.out.join("plan.html"), &page::html(&taken, &raced, &plans.ran)?)?;
    said(args, &taken, &raced, &choice, &plans)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

fn said(args: &Args, plan: &Plan, raced: &race::Raced, choice: &Choice, plans: &Plans) -> Result<()> {
    if let Some(first) = plan.stand_ins.first() {
        let count = table::counted(plan.stand_ins.len(), "weight");
        exit::warn(&format!(
            "the file has no elements of {count}, such as `{}`: numbers that look random took their place",
            Plain(first)
        ));
    }
    if args.json {
        return table::json(
            &json!({ "out": args.out, "ms": raced.ms, "default_ms": raced.default_ms, "predicted_ms": plan.predicted_ms(), "tried": choice.json(), "plans": plans.ran, "plan": plan }),
        );
    }
    choice.say();
    plans.say();
    let longest = |plan: &Plan| {
        let mut steps: Vec<_> = plan.steps.iter().collect();
        steps.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        steps.into_iter().take(8).map(page::row).collect::<Vec<_>>()
    };
    out!("{}: {}, {} of them copies", Plain(&plan.model), table::counted(plan.steps.len(), "step"), plan.copies());
    table::table(&["group", "operators", "how", "predicted ms", "from", "ms"], &longest(plan));
    let default = raced.default_ms.map_or_else(String::new, |ms| format!(", the default plan {ms:.3} ms"));
    out!(
        "\na run takes {:.3} ms (predicted {:.3}{default}), on {}",
        raced.ms,
        plan.predicted_ms(),
        table::counted(plan.threads as usize, "thread")
    );
    let mb = |bytes: u64| bytes as f64 / 1e6;
    out!("{:.1} MB of weights, {:.1} MB beside them", mb(plan.weight_bytes), mb(plan.arena_bytes));
    out!("{}: network.so, tachograph.h, network.py, plan.json, plan.html", args.out.display());
    Ok(())
}

/// Elements of the weights of a model file.
struct Elements<'a> {
    stored: Option<onnx::Weights>,
    model: &'a Model,
}

impl<'a> Elements<'a> {
    /// Files of other kinds, and what cannot be read twice, have none.
    fn new(path: &Path, model: &'a Model) -> Self {
        Self { stored: onnx::Weights::read(path).ok(), model }
    }

    fn of(&self, id: TensorId) -> Result<Option<Vec<f64>>, String> {
        let Some(stored) = &self.stored else { return Ok(None) };
        stored.elements(&self.model.bound.graph().tensor(id).name).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text: &str| duration(text).map(|time| time.as_secs_f64()).ok();
        assert_eq!(
            ["90s", "10min", "1.5h", "7", "0"].map(seconds),
            [Some(90.0), Some(600.0), Some(5400.0), Some(7.0), Some(0.0)]
        );
        assert_eq!(["10 days", "", "-1s", "1e9h", "min"].map(seconds), [None; 5]);
    }
}
