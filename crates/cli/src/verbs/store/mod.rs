//! `tachograph store`: what a store holds, in and out, its checkpoints and its jobs. A verb of it is a module.

mod cancel;
mod checkpoints;
mod export;
mod import;
mod jobs;
mod release;
mod roles;
mod rollback;
mod sheet;
mod stats;
mod table;
mod top;
mod train;
mod verify;

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;

use crate::exit;

/// Look after the store of measurements: what it holds, in and out, its checkpoints, its jobs
// clap names groups after structs.
#[derive(clap::Args)]
#[group(id = "store-verb")]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Stats(stats::Args),
    Verify(verify::Args),
    Import(import::Args),
    Export(export::Args),
    Train(train::Args),
    Checkpoints(checkpoints::Args),
    Rollback(rollback::Args),
    Jobs(jobs::Args),
    Cancel(cancel::Args),
    Release(release::Args),
    Top(top::Args),
    Roles(roles::Args),
}

pub fn run(args: &Args) -> Result<()> {
    match &args.verb {
        Verb::Stats(args) => stats::run(args),
        Verb::Verify(args) => verify::run(args),
        Verb::Import(args) => import::run(args),
        Verb::Export(args) => export::run(args),
        Verb::Train(args) => train::run(args),
        Verb::Checkpoints(args) => checkpoints::run(args),
        Verb::Rollback(args) => rollback::run(args),
        Verb::Jobs(args) => jobs::run(args),
        Verb::Cancel(args) => cancel::run(args),
        Verb::Release(args) => release::run(args),
        Verb::Top(args) => top::run(args),
        Verb::Roles(args) => roles::run(args),
    }
}

/// How a file of JSON lines is written, by the end of its name.
enum Lines {
    Plain,
    Gzip,
}

impl Lines {
    /// `None` where it is another kind of file.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (plain, gzip) = (name.ends_with(".jsonl"), name.ends_with(".jsonl.gz"));
        plain.then_some(Self::Plain).or_else(|| gzip.then_some(Self::Gzip))
    }
}

/// A moment for people: its minute.
fn minute(moment: tachograph_store::Moment) -> String {
    moment.to_string().get(..16).map_or_else(|| moment.to_string(), |minute| minute.replace('T', " "))
}
