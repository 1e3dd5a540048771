//! Lists data sets, verifies their files, and shows what is in one.
//!
//!     cargo run --release --example data                       # all published sets
//!     cargo run --release --example data -- timm --verify      # one of them
//!     cargo run --release --example data -- mine.csv           # your own measurements
//!     cargo run --release --example data -- datasets/cpu       # a folder made by `collect`

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::Parser;
use tachograph_datasets::{Measurement, Noise, SETS, Source, State, data_root, open};

#[derive(Parser)]
#[command(about)]
struct Args {
    /// A published set, a table of your own (.csv), or a folder made by `collect`; all published sets if absent.
    set: Option<String>,
    /// Folder of the published sets; else what TACHOGRAPH_DATA names.
    #[arg(long)]
    root: Option<PathBuf>,
    /// Compare the files with their recorded checksums.
    #[arg(long)]
    verify: bool,
    /// List the measurements of every device.
    #[arg(long)]
    devices: bool,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let root = args.root.as_deref();
    let Some(name) = &args.set else { return list(&data_root(root)?, args.verify) };
    let set = open(Path::new(name), root)?;
    show(set.as_ref(), args.devices)?;
    if args.verify { verify(set.as_ref(), &data_root(root)?) } else { Ok(()) }
}

fn list(root: &Path, check: bool) -> Result<()> {
    for about in SETS {
        match (about.open)(root) {
            Ok(set) => {
                println!("{:14} {:>8} measurements  {}", about.name, set.measurements()?.count(), about.what);
                if check {
                    verify(set.as_ref(), root)?;
                }
            }
            Err(error) => println!("{:14} {error}", about.name),
        }
    }
    Ok(())
}

fn verify(set: &dyn Source, root: &Path) -> Result<()> {
    let files = set.about().verify(root)?;
    for (state, what) in [(State::Different, "differs from the recorded file"), (State::Missing, "is not there")] {
        files.iter().filter(|f| f.state == state).for_each(|f| println!("  {} {what}", f.path.display()));
    }
    let same = files.iter().filter(|f| f.state == State::Same).count();
    println!("  {same} of {} files are those recorded (SHA-256)", files.len());
    Ok(())
}

fn show(set: &dyn Source, devices: bool) -> Result<()> {
    let (about, all) = (set.about(), set.measurements()?.collect::<Result<Vec<_>, _>>()?);
    let distinct = |of: fn(&Measurement) -> &str| all.iter().map(of).collect::<BTreeSet<_>>().len();
    println!("{}: {}\n  from {} ({})", about.name, about.what, about.from, about.licence);
    let [networks, families, places] = [distinct(|s| &s.network), distinct(|s| &s.family), distinct(|s| &s.device)];
    println!("  {} measurements: {networks} networks of {families} families on {places} devices", all.len());
    println!("  {} of them calculated, not measured", all.iter().filter(|m| m.estimated).count());
    set.splits().iter().for_each(|split| println!("  split {split}"));
    if devices {
        let mut by_device: BTreeMap<&str, usize> = BTreeMap::new();
        all.iter().for_each(|m| *by_device.entry(&m.device).or_default() += 1);
        by_device.iter().for_each(|(device, count)| println!("  {count:8} {device}"));
    }
    // The histogram and the noise are of one quantity: times, where there are any.
    let first = all.iter().map(|m| m.value.quantity()).min_by_key(|quantity| quantity.is_none());
    let times: Vec<&Measurement> = all.iter().filter(|m| Some(m.value.quantity()) == first).collect();
    let key = |m: &Measurement| (m.network.clone(), m.device.clone(), m.assignment.clone(), m.phase, m.configuration);
    if let Some(noise) = Noise::of(times.iter().map(|m| (key(m), m.value.number()))) {
        println!("  noise floor, the same measured again: {noise}");
    }
    versions(about.name, &times);
    let unit = times.first().map_or("", |m| m.value.unit());
    tachograph_examples_graphs::histogram(times.iter().map(|m| m.value.number()), unit);
    Ok(())
}

/// timm measured some devices again with other library versions.
fn versions(set: &str, times: &[&Measurement]) {
    const AGAIN: [(&str, &str); 3] = [
        ("infer-amp-nchw-pt210-cu121-rtx3090", "infer-amp-nchw-pt240-cu124-rtx3090"),
        ("infer-amp-nhwc-pt210-cu121-rtx3090", "infer-amp-nhwc-pt240-cu124-rtx3090"),
        ("infer-fp32-nchw-pt221-cpu-i9_10940x-dynamo", "infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo"),
    ];
    for (old, new) in AGAIN.into_iter().filter(|_| set == "timm") {
        let both = times.iter().filter(|m| m.device == old || m.device == new);
        if let Some(noise) = Noise::of(both.map(|m| ((&m.network, &m.assignment), m.value.number()))) {
            println!("  {old} and {new}: {noise}");
        }
    }
}
