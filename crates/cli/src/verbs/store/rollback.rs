//! `tachograph store rollback`.

use anyhow::Result;

use crate::{args, exit, store::Place, table, wanted::Wanted};

/// Take back the checkpoint of a device that is in use, and put up the one before it
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// The device that it predicts.
    #[arg(value_parser = args::name)]
    device: String,
    #[command(flatten)]
    place: Place,
    /// The checkpoint that is in use then, as a JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.open()?;
    let name = Wanted::new(&args.device)?.in_store(&store)?;
    let former = store.roll_back(&name)?;
    if args.json {
        return table::json(&former);
    }
    out!("{name}: checkpoint {} is in use again, {:.1} % off on what it had not seen", former.id, 100.0 * former.score);
    Ok(())
}
