//! `tachograph data`.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::json;
use tachograph_datasets::{About, Numbers, SETS, SetSummary, Source, State, data_root, open};
use tachograph_ir::Plain;

use crate::{exit, table};

/// List data sets, verify their files, and show what is in one
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Published sets, tables of your own (.csv, .tsv), or folders made by `collect`; all published sets if absent.
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
        let (summary, values) = SetSummary::of(&*set)?;
        match args.json {
            true => table::json(&summary)?,
            false => show(args, &summary, &values),
        }
        verify(args, &*set)
    })
}

/// Every published set in a line, those that are not here too.
fn list(args: &Args) -> Result<()> {
    let root = match data_root(args.root.as_deref()) {
        Ok(root) => root,
        Err(why) if args.verify => return Err(why.into()),
        Err(why) => return names(args, &why.to_string()),
    };
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

/// Every published set and where to get it, where nobody says in which folder they are.
fn names(args: &Args, why: &str) -> Result<()> {
    for about in SETS {
        match args.json {
            true => table::json(&json!({ "set": about.name, "what": about.what, "from": about.from, "missing": why }))?,
            false => out!("{:14} {}, from {}", about.name, about.what, about.from),
        }
    }
    exit::warn(&format!("{why}; then their measurements are counted"));
    Ok(())
}

fn verify(args: &Args, set: &dyn Source) -> Result<()> {
    if !args.verify {
        return Ok(());
    }
    let files = set.about().verify(&data_root(args.root.as_deref())?)?;
    for (state, what) in [(State::Different, "differs from the recorded file"), (State::Missing, "is not there")] {
        files
            .iter()
            .filter(|f| f.state == state)
            .for_each(|f| eprintln!("  {} {what}", Plain(&f.path.to_string_lossy())));
    }
    let (same, all) = (files.iter().filter(|f| f.state == State::Same).count(), files.len());
    ensure!(same == all, "{}: only {same} of {all} files are those recorded (SHA-256)", set.about().name);
    eprintln!("  all {all} files are those recorded (SHA-256)");
    Ok(())
}

fn show(args: &Args, summary: &SetSummary, values: &[Numbers]) {
    let SetSummary { set, what, from, licence, measurements, networks, families, devices, .. } = summary;
    out!("{}: {what}\n  from {from} ({licence})", Plain(set));
    let [networks, families, on] =
        [(*networks, "network", ""), (*families, "famil", "y"), (devices.len(), "device", "")].map(
            |(n, thing, end)| match (n, end) {
                (1, end) => format!("1 {thing}{end}"),
                (n, "y") => format!("{n} {thing}ies"),
                (n, _) => format!("{n} {thing}s"),
            },
        );
    out!("  {}: {networks} of {families} on {on}", table::counted(*measurements, "measurement"));
    if summary.estimated > 0 {
        out!("  {} of them calculated, not measured", summary.estimated);
    }
    summary.splits.iter().for_each(|split| out!("  split {split}"));
    if args.devices {
        devices.iter().for_each(|(device, count)| out!("  {count:8} {}", Plain(device)));
    }
    summary.noise.iter().for_each(|noise| out!("  noise floor, the same measured again: {noise}"));
    summary.versions.iter().for_each(|(old, new, noise)| out!("  {old} and {new}: {noise}"));
    for (unit, values) in values {
        out!("  {} in {}", table::counted(values.len(), "value"), if unit.is_empty() { "no unit" } else { unit });
        table::histogram(values, unit);
    }
}
