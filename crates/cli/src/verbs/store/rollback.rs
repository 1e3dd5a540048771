//! `tachograph store rollback`.

use anyhow::Result;

use crate::{args, exit, store::Place, table, wanted::Wanted};

/// Take back the checkpoint of a device that is in use, and put up the one before it; before the first there was none
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// The device that it predicts.
    #[arg(value_parser = args::name)]
    device: String,
    #[command(flatten)]
    place: Place,
    /// The checkpoint that is in use then, as a JSON object, or null.
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
    match former {
        Some(former) => {
            let off = 100.0 * former.score;
            out!("{name}: checkpoint {} is in use again, {off:.1} % off on what it had not seen", former.id);
        }
        None => out!("{name}: none of the store is in use any more; bundled checkpoints or rates predict it again"),
    }
    Ok(())
}
