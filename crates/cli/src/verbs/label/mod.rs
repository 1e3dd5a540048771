//! `tachograph label`.

mod configurations;

use std::{path::PathBuf, thread, time::Duration};

use anyhow::{Result, ensure};
use clap::ValueEnum;
use serde_json::json;
use tachograph_label::{Labelled, Limits, LiteRt, Method, Outcome, label};

use crate::{
    args::{self, Fill},
    exit, table,
};

/// Label every .tflite file of a folder: with the estimates of Arm's compiler Vela, or with the times of the LiteRT
/// interpreter on this CPU (docs/labels.md)
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// The folder; files below it are labelled too, and `.tflite.gz` is read as well.
    #[arg(required_unless_present = "list")]
    folder: Option<PathBuf>,
    /// Folder of the data set, new or begun; killed, the same command goes on.
    #[arg(long, required_unless_present = "list")]
    out: Option<PathBuf>,
    /// What labels: the first estimates, the second measures. Either is installed from PyPI when it is first used.
    #[arg(long, value_enum)]
    with: With,
    /// Accelerators, with commas, or `all`.
    #[arg(long, value_delimiter = ',', default_value = "ethos-u55-128")]
    accelerator: Vec<String>,
    /// System configurations of Vela, with commas, or `all` of the accelerator's generation; by default the accelerator's.
    #[arg(long, value_delimiter = ',')]
    system_config: Vec<String>,
    /// Memory modes of Vela, with commas, or `all`; by default the accelerator's.
    #[arg(long, value_delimiter = ',')]
    memory_mode: Vec<String>,
    /// What int8 weights are labelled as where all of a tensor's are the same, as in files that were published without theirs.
    #[arg(long, value_enum)]
    fill: Option<Fill>,
    /// Name of this CPU in the set, for `--with tflite`.
    #[arg(long, default_value = "cpu", value_parser = args::name)]
    name: String,
    /// Whether XNNPACK computes what it can, for `--with tflite`: one pass each.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "on")]
    xnnpack: Vec<Xnnpack>,
    /// Longest time for the repeats of one file, in seconds, for `--with tflite`.
    #[arg(long, default_value_t = 0.5, value_parser = args::positive)]
    seconds: f64,
    /// Processes at once; by default one a core for estimates and one alone for measurements.
    #[arg(long, value_parser = args::threads)]
    workers: Option<i32>,
    /// Longest time for one file, in seconds; then it is refused.
    #[arg(long, default_value_t = 120.0, value_parser = args::positive)]
    time_limit: f64,
    /// Most memory of a process, in GB; a file that wants more is refused.
    #[arg(long, default_value_t = 8.0, value_parser = args::positive)]
    memory_limit: f64,
    /// Show the configurations that Vela knows and do nothing.
    #[arg(long)]
    list: bool,
    /// One JSON object a configuration, each on a line.
    #[arg(long)]
    json: bool,
}

/// What labels.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum With {
    /// Arm's compiler for Ethos-U accelerators.
    Vela,
    /// The LiteRT interpreter, one thread.
    Tflite,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Xnnpack {
    On,
    Off,
}

pub fn run(args: &Args) -> Result<()> {
    if args.list {
        return configurations::list(args.json);
    }
    let (Some(folder), Some(out)) = (&args.folder, &args.out) else { return Ok(()) };
    let limits =
        Limits { time: Duration::try_from_secs_f64(args.time_limit)?, memory: (args.memory_limit * 1e9) as u64 };
    ensure!(folder.is_dir(), "{}: no folder", folder.display());
    let all = || thread::available_parallelism().map_or(1, usize::from);
    let workers = match (args.workers, args.with) {
        (Some(workers), _) => usize::try_from(workers)?,
        (None, With::Vela) => all(),
        (None, With::Tflite) => 1,
    };
    match args.with {
        With::Vela => {
            let systems = configurations::chosen(&args.accelerator, &args.system_config, &args.memory_mode)?;
            exit::each(systems, |vela| one(args, folder, out, vela.method()?, workers, limits))
        }
        With::Tflite => exit::each(&args.xnnpack, |&xnnpack| {
            let xnnpack = xnnpack == Xnnpack::On;
            let device = if xnnpack { args.name.clone() } else { format!("{} plain", args.name) };
            let litert = LiteRt { device, xnnpack, threads: 1, seconds: args.seconds };
            one(args, folder, out, litert.method()?, workers, limits)
        }),
    }
}

fn one(
    args: &Args,
    folder: &std::path::Path,
    out: &std::path::Path,
    method: Method,
    workers: usize,
    limits: Limits,
) -> Result<()> {
    let method = match args.fill {
        Some(weights) => method.filled(weights.into()),
        None => method,
    };
    let Outcome { device, labels, refused } = label(folder, out, &method, workers, limits, |file| match file {
        Labelled::Refused(refusal) => eprintln!("refused {}: {}", refusal.network, refusal.reason),
        Labelled::Known(_) | Labelled::Done(_) => {}
    })?;
    let set = out.display();
    if args.json {
        return table::json(&json!({ "set": set.to_string(), "device": device, "labels": labels, "refused": refused }));
    }
    out!("{set}, {device}: {labels} labels, {refused} refused");
    Ok(())
}
