//! `tachograph data`.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::json;
use tachograph_datasets::{About, SETS, SetSummary, Source, State, data_root, open};

use crate::{exit, table};

/// List data sets, verify their files, and show what is in one
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Published sets, tables of your own (.csv), or folders made by `collect`; all published sets if absent.
    sets: Vec<PathBuf>,
    /// Folder of the published sets; else the one that TACHOGRAPH_DATA names.
    #[arg(long)]
    root: Option<PathBuf>,
    /// Compare the files of published sets with their recorded checksums.
    #[arg(long)]
    verify: bool,
    /// Count the measurements of every device.
    #[arg(long)]
    devices: bool,
    /// One JSON object a set, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    if args.sets.is_empty() {
        return list(args);
    }
    exit::each(&args.sets, |path| {
        let set = open(path, args.root.as_deref())?;
        let (summary, times) = SetSummary::of(&*set)?;
        match args.json {
            true => table::json(&summary)?,
            false => show(args, &summary, &times),
        }
        verify(args, &*set)
    })
}

/// Every published set in a line, those that are not here too.
fn list(args: &Args) -> Result<()> {
    let root = data_root(args.root.as_deref())?;
    let counted = |about: &About| {
        let set = (about.open)(&root)?;
        let measurements = set.measurements()?.count();
        Ok::<_, tachograph_datasets::Error>((measurements, set))
    };
    exit::each(SETS, |about| match counted(about) {
        Ok((measurements, _)) if args.json => {
            table::json(&json!({ "set": about.name, "what": about.what, "measurements": measurements }))
        }
        Ok((measurements, set)) => {
            out!("{:14} {measurements:>8} measurements  {}", about.name, about.what);
            verify(args, &*set)
        }
        Err(error) if args.json => {
            table::json(&json!({ "set": about.name, "what": about.what, "missing": error.to_string() }))
        }
        Err(error) => {
            out!("{:14} {error}", about.name);
            Ok(())
        }
    })
}

fn verify(args: &Args, set: &dyn Source) -> Result<()> {
    if !args.verify {
        return Ok(());
    }
    let files = set.about().verify(&data_root(args.root.as_deref())?)?;
    for (state, what) in [(State::Different, "differs from the recorded file"), (State::Missing, "is not there")] {
        files.iter().filter(|f| f.state == state).for_each(|f| eprintln!("  {} {what}", f.path.display()));
    }
    let (same, all) = (files.iter().filter(|f| f.state == State::Same).count(), files.len());
    ensure!(same == all, "{}: only {same} of {all} files are those recorded (SHA-256)", set.about().name);
    eprintln!("  all {all} files are those recorded (SHA-256)");
    Ok(())
}

fn show(args: &Args, summary: &SetSummary, times: &[f64]) {
    let SetSummary { set, what, from, licence, measurements, networks, families, devices, .. } = summary;
    out!("{set}: {what}\n  from {from} ({licence})");
    out!("  {measurements} measurements: {networks} networks of {families} families on {} devices", devices.len());
    out!("  {} of them calculated, not measured", summary.estimated);
    summary.splits.iter().for_each(|split| out!("  split {split}"));
    if args.devices {
        devices.iter().for_each(|(device, count)| out!("  {count:8} {device}"));
    }
    summary.noise.iter().for_each(|noise| out!("  noise floor, the same measured again: {noise}"));
    summary.versions.iter().for_each(|(old, new, noise)| out!("  {old} and {new}: {noise}"));
    table::histogram(times, summary.unit);
}
