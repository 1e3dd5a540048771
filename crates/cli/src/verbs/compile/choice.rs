//! Batch and threads, by trying: each that is asked for is compiled by what is known, and run.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tachograph_compile::{Network, Out, Plan, compile, known, ways};
use tachograph_program::Compiler;
use tachograph_tune::live::Journal;

use super::{Args, Elements, race};
use crate::{
    args,
    exit::{self, Usage},
    models::{Bind, Model},
    table,
};

/// How many threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// So many.
    Of(u32),
    /// What is fastest.
    Auto,
}

/// A number, or `auto`.
pub fn threads(text: &str) -> Result<Threads> {
    match text {
        "auto" => Ok(Threads::Auto),
        _ => match args::threads(text) {
            Ok(threads) => Ok(Threads::Of(threads.unsigned_abs())),
            Err(error) => bail!("{error}, or `auto`"),
        },
    }
}

/// A configuration that was run.
struct Tried {
    value: Option<u64>,
    threads: u32,
    ms: f64,
    /// Weights and what a run needs beside them.
    gb: f64,
}

impl Tried {
    /// Values of `--over`, which are samples where it is the batch; without it runs.
    fn per_second(&self) -> f64 {
        self.value.unwrap_or(1) as f64 / self.ms * 1e3
    }
}

/// What is compiled in the end.
pub struct Choice {
    pub bind: Bind,
    pub threads: u32,
    name: String,
    tried: Vec<Tried>,
}

impl Choice {
    /// Of what is asked for, the most samples a second within the limits. Nothing is run where there is one alone, and no limit.
    pub fn of(args: &Args, compiler: &Compiler, journal: &mut dyn Journal) -> Result<Self> {
        let (name, values) = match &args.over {
            Some((name, values)) => (name.clone(), values.iter().copied().map(Some).collect()),
            None => (String::new(), vec![None]),
        };
        if args.bind.config()?.contains_key(&name) {
            return Err(Usage(format!("`{name}` is given to both --over and --bind")).into());
        }
        let threads = match args.threads {
            Threads::Of(n) => vec![n],
            Threads::Auto => powers(),
        };
        let mut choice = Self { bind: args.bind.clone(), threads: threads[0], name, tried: Vec::new() };
        if args.over.is_some() || threads.len() > 1 {
            if args.model.as_os_str() == "-" {
                return Err(Usage("--over and --threads auto read the model several times: name a file".into()).into());
            }
            for &value in &values {
                for &threads in &threads {
                    let bind = choice.bound(args, value);
                    // Libraries with threads stay loaded, and are known by their paths.
                    let folder = args.out.join(format!("tried-{}", choice.tried.len()));
                    let tried = run(args, &bind, (&folder, threads), compiler, journal);
                    let _ = std::fs::remove_dir_all(&folder);
                    choice.tried.push(Tried { value, ..tried? });
                }
            }
            let within = |tried: &&Tried| {
                args.time_ms.is_none_or(|ms| tried.ms <= ms) && args.memory_gb.is_none_or(|gb| tried.gb <= gb)
            };
            let best = choice.tried.iter().filter(within);
            let best = best.max_by(|a, b| a.per_second().total_cmp(&b.per_second())).with_context(|| {
                let tried: Vec<String> = choice.rows().iter().map(|row| row.join(" ")).collect();
                format!("nothing of --over is within the limits; tried: {}", tried.join("; "))
            })?;
            choice.threads = best.threads;
            choice.bind = choice.bound(args, best.value);
        }
        Ok(choice)
    }

    fn bound(&self, args: &Args, value: Option<u64>) -> Bind {
        match value {
            Some(value) => args.bind.with(&self.name, value),
            None => args.bind.clone(),
        }
    }

    fn rows(&self) -> Vec<[String; 5]> {
        let row = |tried: &Tried| {
            let value = tried.value.map_or_else(|| "as it is".into(), |value| format!("{}={value}", self.name));
            let (ms, gb) = (format!("{:.3} ms", tried.ms), format!("{:.3} GB", tried.gb));
            [
                value,
                table::counted(tried.threads as usize, "thread"),
                ms,
                gb,
                format!("{:.1} a second", tried.per_second()),
            ]
        };
        self.tried.iter().map(row).collect()
    }

    /// Warns of what is beyond the limits in the end: another plan may be the fastest.
    pub fn hold(&self, args: &Args, ms: f64, plan: &Plan) {
        if args.time_ms.is_some_and(|most| ms > most) {
            exit::warn(&format!("a run takes {ms:.3} ms, which is beyond --time-ms"));
        }
        if args.memory_gb.is_some_and(|most| gb(plan) > most) {
            exit::warn(&format!("the plan takes {:.3} GB, which is beyond --memory-gb", gb(plan)));
        }
    }

    /// A table of what was tried, if anything was.
    pub fn say(&self) {
        if !self.tried.is_empty() {
            let what = if self.name.is_empty() { "runs" } else { "samples" };
            table::table(&["tried", "on", "a run", "memory", what], &self.rows());
            out!("");
        }
    }

    /// The same for machines.
    pub fn json(&self) -> Value {
        let one = |tried: &Tried| {
            let (per_second, value) = (tried.per_second(), tried.value);
            json!({ "value": value, "threads": tried.threads, "ms": tried.ms, "gb": tried.gb, "per_second": per_second })
        };
        self.tried.iter().map(one).collect()
    }
}

/// 1, 2, 4, … and all cores.
fn powers() -> Vec<u32> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let mut all: Vec<u32> = (0..).map(|n| 1 << n).take_while(|&n| n < cores).collect();
    all.push(cores);
    all
}

fn run(
    args: &Args,
    bind: &Bind,
    (folder, threads): (&Path, u32),
    compiler: &Compiler,
    journal: &mut dyn Journal,
) -> Result<Tried> {
    let model = Model::among(&args.model, std::slice::from_ref(&args.model), bind)?;
    let network = Network::of(&model.bound).with_context(|| model.path.clone())?;
    let weights = Elements::new(&args.model, &model);
    let out = Out { folder, objects: &args.out.join("build"), threads };
    let all = ways(&network, &known(&network, journal)?)?;
    let mut plan = compile(&network, &all, &|id| weights.of(id), compiler, out).with_context(|| model.path.clone())?;
    let ms = race::race(&network, folder, &mut plan, None)?.ms;
    Ok(Tried { value: None, threads, ms, gb: gb(&plan) })
}

/// Weights, and what a run needs beside them, in 10⁹ bytes.
fn gb(plan: &Plan) -> f64 {
    (plan.weight_bytes + plan.arena_bytes) as f64 / 1e9
}
