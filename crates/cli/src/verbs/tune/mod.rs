//! `tachograph tune`.

mod from;
mod live;
pub mod progress;
mod recorded;
mod report;
mod said;

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use tachograph_tune::{
    DEFAULT, TUNERS,
    live::{SPACES, SpaceEntry},
    tuner,
};

use crate::{args, exit, models::Bind, store, table};

/// Search for the fastest schedules of a model's groups, measured on this machine; or in a recorded space, which stands for
/// the hardware
///
/// What is measured is kept in the store at once, and what is there is never measured again: the same command goes on where
/// it was ended, and says what is known where nothing is left to do.
#[derive(clap::Args)]
#[command(after_help = exit::CODES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Model file whose groups are tuned.
    #[arg(required_unless_present_any = ["recorded", "list"], conflicts_with_all = ["recorded", "list"])]
    model: Option<PathBuf>,
    /// This group of the model alone; `tachograph program show MODEL` lists them.
    #[arg(long, requires = "model")]
    group: Option<usize>,
    #[command(flatten)]
    bind: Bind,
    #[command(flatten)]
    record: store::Record,
    /// A table of measured configurations (CSV, also gzip'd): a column for each parameter, `time_ms`, and perhaps
    /// `device`, `task`, `valid`, `error`; or a file of measured programs (`program collect`, `.jsonl.gz`).
    #[arg(long, value_name = "FILE", conflicts_with = "list")]
    recorded: Option<PathBuf>,
    /// `cpu`, the processor of this machine; or the device of the table, which may be left out where there is but one.
    #[arg(long)]
    device: Option<String>,
    /// The task of the table; may be left out where there is but one.
    #[arg(long)]
    task: Option<String>,
    /// Start from what was measured elsewhere; several times for several. Of a table, or of measured programs: another one whose
    /// parameters have the same names, FILE, FILE:DEVICE or FILE:DEVICE:TASK. Of a model: `store`, other shapes of the same operators on this
    /// machine; `store:DEVICE`, these shapes too, on a device that the store knows; or a file of measured programs, or a folder
    /// of such (`program collect`). Of those in --list, tachograph, gp-devices, moses, dgp-tl, felix and source-order can.
    #[arg(long, value_name = "WHERE")]
    from: Vec<String>,
    /// The tuner; --list says which there are.
    #[arg(long, default_value = DEFAULT)]
    tuner: String,
    /// Where schedules of a model's groups are sought; --list says which spaces there are, and where each tuner seeks.
    #[arg(long, value_name = "SPACE", conflicts_with_all = ["recorded", "list"])]
    space: Option<String>,
    /// A network trained on other programs, from which the cost model of a tuner goes on (`gtuner`, `tenset-mlp`, `tlp`,
    /// `pruner-pacm`).
    #[arg(long, value_name = "FILE", requires = "model")]
    checkpoint: Option<PathBuf>,
    /// Schedules, or configurations of a table, those that the store knows included; of a model 64 for each different group
    /// unless --minutes is given, of a table 100. 0 measures nothing and says what is known.
    #[arg(long, value_parser = args::count)]
    trials: Option<usize>,
    /// Minutes of this run.
    #[arg(long, requires = "model", value_parser = args::positive)]
    minutes: Option<f64>,
    /// Of all that is drawn.
    #[arg(long, default_value_t = 0, requires = "model")]
    seed: u64,
    /// MB that buffers of candidates may take at once, in memory and in temporary files each.
    #[arg(long, value_name = "MB", default_value_t = 2048, requires = "model", value_parser = clap::value_parser!(u64).range(1..1 << 30))]
    memory_mb: u64,
    /// Repetitions, with the seeds 0, 1, 2, ….
    #[arg(long, default_value_t = 1, value_parser = args::count)]
    seeds: usize,
    /// List the tuners, what they are and where they come from.
    #[arg(long)]
    list: bool,
    /// One JSON object for each trial, each on a line.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Verb {
    Report(report::Args),
}

pub fn run(args: &Args) -> Result<()> {
    if let Some(Verb::Report(args)) = &args.verb {
        return report::run(args);
    }
    match (&args.model, &args.recorded) {
        (Some(model), _) => live::run(args, model, tuner(&args.tuner)?),
        (_, Some(path)) => recorded::run(args, path, tuner(&args.tuner)?),
        _ => list(args.json),
    }
}

fn list(json: bool) -> Result<()> {
    if json {
        return TUNERS.iter().try_for_each(|tuner| {
            table::json(&json!({
                "tuner": tuner.name,
                "default": tuner.name == DEFAULT,
                "about": tuner.about,
                "source": tuner.source,
                "space": tuner.space,
                "here": tuner.is_there(),
            }))
        });
    }
    let row = |tuner: &tachograph_tune::Tuner| {
        let lacking = if tuner.is_there() { "" } else { " (not in this build: needs libtorch)" };
        [tuner.name.to_owned(), format!("{}{lacking}", tuner.about), tuner.space.to_owned(), tuner.source.to_owned()]
    };
    table::table(&["tuner", "is", "space", "source"], &TUNERS.iter().map(row).collect::<Vec<_>>());
    out!("{DEFAULT} is taken where none is named\n");
    let row = |space: &SpaceEntry| [space.name.to_owned(), space.about.to_owned()];
    table::table(&["space", "is"], &SPACES.iter().map(row).collect::<Vec<_>>());
    Ok(())
}
