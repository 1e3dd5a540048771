//! `tachograph program`: the tensor programs of a model, one for each fused group of operators.

mod collect;
mod layouts;
mod measure;
mod parts;
mod picked;
mod show;
mod tiles;

pub use picked::Groups;

use anyhow::Result;
use clap::Subcommand;

use crate::exit;

/// Look at the kernels of a model: its fused groups as tensor programs, their schedules, loops and code; measure some here
// clap names groups after structs.
#[derive(clap::Args)]
#[group(id = "program-verb")]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Show(show::Args),
    Measure(measure::Args),
    Collect(collect::Args),
    CollectLayouts(layouts::Args),
    CollectTiles(tiles::Args),
}

pub fn run(args: &Args) -> Result<()> {
    match &args.verb {
        Verb::Show(args) => show::run(args),
        Verb::Measure(args) => measure::run(args),
        Verb::Collect(args) => collect::run(args),
        Verb::CollectLayouts(args) => layouts::run(args),
        Verb::CollectTiles(args) => tiles::run(args),
    }
}
