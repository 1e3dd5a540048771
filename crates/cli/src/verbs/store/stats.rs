//! `tachograph store stats`.

use anyhow::Result;
use serde_json::json;
use tachograph_ir::Bytes;

use super::minute;
use crate::{exit, store::Place, table};

/// Count what the store holds, device by device
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
    let (stats, devices) = (store.stats()?, store.devices()?);
    if args.json {
        return table::json(&json!({ "store": store.location().to_string(), "holds": stats, "devices": devices }));
    }
    out!("{}: {}", store.location(), Bytes(stats.bytes));
    let counted = |number: u64, thing: &str| table::counted(number as usize, thing);
    out!(
        "{} of {} on {}; {}, {}, {}",
        counted(stats.measurements, "measurement"),
        counted(stats.graphs, "graph"),
        counted(stats.devices, "device"),
        counted(stats.jobs, "job"),
        counted(stats.checkpoints, "checkpoint"),
        counted(stats.tuning, "tuning record"),
    );
    let row = |device: &tachograph_store::KnownDevice| {
        let newest = device.newest.map_or("–".into(), minute);
        [device.name.clone(), device.measurements.to_string(), newest, device.hardware.clone()]
    };
    let rows: Vec<_> = devices.iter().map(row).collect();
    if !rows.is_empty() {
        table::table(&["device", "measurements", "newest (UTC)", "hardware"], &rows);
    }
    Ok(())
}
