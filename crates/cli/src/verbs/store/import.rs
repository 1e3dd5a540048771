//! `tachograph store import`.

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use serde_json::json;
use tachograph_datasets::{DataSet, open};
use tachograph_store::{Added, Store};

use super::{Lines, table::import_source};
use crate::{
    exit,
    store::{Place, who},
    table,
};

/// Store measurements: sets of `collect`, tables of your own, published sets, what `store export` wrote; again is no harm
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Folders made by `collect`; tables (file,device,latency_ms, and perhaps batch, memory_mb, energy_j) beside their
    /// models (.csv, .tsv); published sets by name; JSON lines of `store export` (.jsonl, .jsonl.gz, or
    /// `-` for standard input).
    #[arg(required = true)]
    from: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Who measured; you, if absent.
    #[arg(long)]
    who: Option<String>,
    /// Folder of published sets; else the one that TACHOGRAPH_DATA names.
    #[arg(long)]
    root: Option<PathBuf>,
    /// One JSON object for each import, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.open()?;
    exit::each(&args.from, |path| {
        let Added { new, known } = import(args, &store, path).with_context(|| path.display().to_string())?;
        let from = path.display().to_string();
        if args.json {
            return table::json(&json!({ "from": from, "new": new, "known": known }));
        }
        out!("{from}: {} new, {known} known", table::counted(new as usize, "measurement"));
        Ok(())
    })
}

fn import(args: &Args, store: &Store, path: &Path) -> Result<Added> {
    let who = args.who.clone().unwrap_or_else(who);
    if path.as_os_str() == "-" {
        return Ok(store.import_lines(io::stdin().lock())?);
    }
    match Lines::of(path) {
        Some(Lines::Plain) => return Ok(store.import_lines(BufReader::new(File::open(path)?))?),
        Some(Lines::Gzip) => {
            let text = MultiGzDecoder::new(BufReader::new(File::open(path)?));
            return Ok(store.import_lines(BufReader::new(text))?);
        }
        None => {}
    }
    if path.is_dir() {
        return Ok(store.import_set(&DataSet::open(path)?, &who)?);
    }
    import_source(store, &*open(path, args.root.as_deref())?, path, &who)
}
