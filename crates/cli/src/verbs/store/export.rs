//! `tachograph store export`.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use tachograph_datasets::Mode;
use tachograph_store::{Filter, Moment, Store};

use super::{Lines, sheet};
use crate::{args, exit, store::Place, table, wanted::Wanted};

/// Write what was measured: as JSON lines, which keep everything, as a data set of inferences, or as a table of their times
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// A file of JSON lines (.jsonl; .jsonl.gz is a tenth of the size or less; `-` for standard output), which must not be
    /// there yet; a table of times (.csv), with a folder of its models beside it; else the folder of a data set, new, for
    /// `train` and `data`.
    to: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Only of this device.
    #[arg(long, value_parser = args::name)]
    device: Option<String>,
    /// Only what was measured since, such as 2026-11-29.
    #[arg(long, value_parser = |text: &str| text.parse::<Moment>().map_err(|error| error.to_string()))]
    since: Option<Moment>,
    /// The outcome as a JSON object (not of standard output).
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.existing()?;
    let device = args.device.as_deref().map(|name| Wanted::new(name)?.in_store(&store)).transpose()?;
    let filter = Filter { device, since: args.since, ..Filter::default() };
    let to = args.to.display().to_string();
    if to == "-" {
        store.export_lines(&filter, io::stdout().lock())?;
        return Ok(());
    }
    let measurements = if let Some(kind) = Lines::of(&args.to) {
        let file = io::BufWriter::new(File::create_new(&args.to).with_context(|| to.clone())?);
        let written = match kind {
            Lines::Plain => store.export_lines(&filter, file).map_err(Into::into),
            Lines::Gzip => zipped(&store, &filter, file),
        };
        // Half a file would be in the way of the next attempt, and be taken for a whole one.
        written.inspect_err(|_| drop(fs::remove_file(&args.to))).with_context(|| to.clone())?
    } else if args.to.extension().is_some_and(|end| end == "csv") {
        sheet::export(&store, &filter, &args.to).with_context(|| to.clone())?
    } else {
        ensure!(!args.to.exists(), "{to}: is there already; a data set is written anew");
        let filter = Filter { mode: Some(Mode::Inference), ..filter };
        let meta = store.export_set(&filter, &args.to).with_context(|| to.clone())?;
        let meta = meta.with_context(|| format!("{}: nothing to export", store.location()))?;
        meta.devices.iter().map(|device| device.file.count as u64).sum()
    };
    if args.json {
        return table::json(&json!({ "to": to, "measurements": measurements }));
    }
    out!("{to}: {}", table::counted(measurements as usize, "measurement"));
    Ok(())
}

fn zipped(store: &Store, filter: &Filter, file: impl Write) -> Result<u64> {
    let mut encoder = GzEncoder::new(file, Compression::default());
    let written = store.export_lines(filter, &mut encoder)?;
    encoder.finish()?.flush()?;
    Ok(written)
}
