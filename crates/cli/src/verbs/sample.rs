//! `tachograph sample`.

use std::{fs, io::Write, path::PathBuf};

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use tachograph_import::tflite;
use tachograph_networks::edge::{Space, sample};

use crate::{args::Fill, exit, table};

/// Draw networks for accelerators at the edge from four search spaces and write them as int8 .tflite files (docs/labels.md)
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Folder of the files, made where it is not there.
    folder: PathBuf,
    /// Search spaces, with commas; by default all: edge-classify, edge-decode, edge-audio and edge-superres.
    #[arg(long, value_delimiter = ',')]
    space: Vec<Space>,
    /// Networks of each space.
    #[arg(long, default_value_t = 100)]
    count: u64,
    /// Index of the first.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Seed of the networks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the weights are: a compiler that packs them is told another size by each.
    #[arg(long, value_enum, default_value = "bell")]
    weights: Fill,
    /// The outcome as a JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let spaces = if args.space.is_empty() { &Space::ALL[..] } else { &args.space };
    fs::create_dir_all(&args.folder).with_context(|| args.folder.display().to_string())?;
    let (mut written, mut skipped) = (0u64, 0u64);
    for &space in spaces {
        for index in args.from..args.from.saturating_add(args.count) {
            let graph = match sample(space, args.seed, index) {
                Ok(graph) => graph,
                // No draw within the bounds: the others are no worse for it.
                Err(error) => {
                    exit::warn(&error.to_string());
                    skipped += 1;
                    continue;
                }
            };
            let bytes = tflite::write_with(&graph.bind(&Default::default())?, args.weights.into())?;
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(&bytes)?;
            let path = args.folder.join(format!("{}.tflite.gz", graph.name()));
            fs::write(&path, packed.finish()?).with_context(|| path.display().to_string())?;
            written += 1;
        }
    }
    let folder = args.folder.display();
    if args.json {
        return table::json(&json!({ "folder": folder.to_string(), "networks": written, "skipped": skipped }));
    }
    out!("{folder}: {written} networks of {} spaces, {skipped} skipped", spaces.len());
    Ok(())
}
