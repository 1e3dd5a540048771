//! `tachograph devices`.

use anyhow::Result;
use serde_json::json;
use tachograph_ir::Device;
use tachograph_predict::{Catalog, DeviceEntry};

use crate::{exit, table};

/// List the devices that can be predicted for, and those with a device file
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// A checkpoint, a file or the name of a bundled one; give it again for several. Without it, the bundled ones.
    #[arg(long)]
    checkpoint: Vec<String>,
    /// One JSON object a device, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let catalog = if args.checkpoint.is_empty() { Catalog::bundled() } else { Catalog::named(&args.checkpoint)? };
    let (entries, here) = (catalog.devices()?, catalog.here()?);
    let quantities = |entry: &DeviceEntry| entry.quantities.iter().map(ToString::to_string).collect::<Vec<_>>();
    let is_here = |entry: &DeviceEntry| here.as_ref() == Some(&entry.name);
    // A device file by the name that a checkpoint is found by, where one is.
    let predicted = |device: &Device| catalog.find(Some(&device.name)).is_ok();
    if args.json {
        for entry in &entries {
            let DeviceEntry { name, ran_on, checkpoint, .. } = entry;
            let (quantities, here) = (quantities(entry), is_here(entry));
            table::json(&json!({
                "device": name, "ran_on": ran_on, "predicts": quantities, "checkpoint": checkpoint, "this_machine": here,
            }))?;
        }
        return Device::all().iter().try_for_each(|device| {
            table::json(&json!({
                "device_file": device.name, "aliases": device.aliases, "kind": device.kind, "vendor": device.vendor,
                "bandwidth_bytes_per_s": device.bandwidth, "memory_bytes": device.memory,
                "peak_flop_per_s": device.peak, "predicted": predicted(device),
            }))
        });
    }
    out!("can be predicted for:");
    let row = |entry: &DeviceEntry| {
        let name = if is_here(entry) { format!("{} (this machine)", entry.name) } else { entry.name.clone() };
        [name, quantities(entry).join(", "), entry.checkpoint.clone(), entry.ran_on.clone()]
    };
    table::table(&["device", "predicts", "checkpoint", "measured on"], &entries.iter().map(row).collect::<Vec<_>>());
    out!("\ndevice files, which give names and tell which devices are near:");
    let row = |device: &Device| {
        let figure = |value: Option<f64>, scale: f64| value.map_or("–".into(), |v| format!("{:.1}", v / scale));
        let f32 = device.peak.get(&tachograph_ir::DType::F32).copied();
        let known = if predicted(device) { "yes" } else { "no" };
        [device.name.clone(), known.into(), figure(f32, 1e12), figure(device.bandwidth, 1e9), device.aliases.join(", ")]
    };
    let titles = ["device file", "predicted", "TFLOP/s (f32)", "GB/s", "other names"];
    table::table(&titles, &Device::all().iter().map(row).collect::<Vec<_>>());
    Ok(())
}
