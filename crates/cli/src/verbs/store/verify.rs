//! `tachograph store verify`.

use anyhow::{Result, ensure};
use tachograph_ir::Plain;

use crate::{exit, store::Place, table};

/// Read all that the store holds, and say what is wrong with it
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// A JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.existing()?;
    let verdict = store.verify()?;
    match args.json {
        true => table::json(&verdict)?,
        false => {
            verdict.faults.iter().for_each(|fault| out!("{}", Plain(fault)));
            out!("{}: {} graphs and {} measurements are whole", store.location(), verdict.graphs, verdict.measurements);
        }
    }
    let faults = table::counted(verdict.faults.len(), "fault");
    ensure!(
        verdict.is_whole(),
        "{}: {faults}; a backup or `tachograph store export` saves what is whole",
        store.location()
    );
    Ok(())
}
