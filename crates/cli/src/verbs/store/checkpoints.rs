//! `tachograph store checkpoints`.

use anyhow::Result;
use tachograph_store::{Checkpoint, Standing};

use super::minute;
use crate::{exit, store::Place, table};

/// List the checkpoints that were trained from the store
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// One JSON object a checkpoint, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let checkpoints = args.place.existing()?.checkpoints()?;
    if args.json {
        return checkpoints.iter().try_for_each(table::json);
    }
    let row = |checkpoint: &Checkpoint| {
        [
            checkpoint.id.to_string(),
            standing(checkpoint.standing).into(),
            checkpoint.learned.measurements.to_string(),
            format!("{:.1}", 100.0 * checkpoint.score),
            minute(checkpoint.made_at),
            checkpoint.name.clone(),
        ]
    };
    let titles = ["number", "state", "learned", "MAPE %", "made (UTC)", "device"];
    table::table(&titles, &checkpoints.iter().map(row).collect::<Vec<_>>());
    Ok(())
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Kept => "kept",
        Standing::Installed => "installed",
        Standing::RolledBack => "rolled back",
    }
}
