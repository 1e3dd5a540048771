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
use tachograph_datasets::{CsvSet, DataSet, Noise, SETS, Sample, Source, State, data_root, open};

#[derive(Parser)]
#[command(about)]
struct Args {
    /// A published set, a table of your own (.csv), or a folder made by `collect`; all published sets if absent.
    set: Option<String>,
    /// Folder of the published sets; else what TACHOGRAPH_DATA names, else ../shared/data.
    #[arg(long)]
    root: Option<PathBuf>,
    /// Compare the files with their recorded checksums.
    #[arg(long)]
    verify: bool,
    /// List the samples of every device.
    #[arg(long)]
    devices: bool,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let root = data_root(args.root.as_deref());
    let Some(name) = &args.set else { return list(&root, args.verify) };
    let path = Path::new(name);
    let set: Box<dyn Source> = match () {
        () if path.is_dir() => Box::new(DataSet::open(path)?),
        () if path.is_file() => Box::new(CsvSet::open(path)?),
        () => open(name, &root)?,
    };
    show(set.as_ref(), args.devices)?;
    if args.verify { verify(set.as_ref(), &root) } else { Ok(()) }
}

fn list(root: &Path, check: bool) -> Result<()> {
    for about in SETS {
        match open(about.name, root) {
            Ok(set) => {
                println!("{:14} {:>8} samples  {}", about.name, set.samples()?.count(), about.what);
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
    let (about, samples) = (set.about(), set.samples()?.collect::<Result<Vec<_>, _>>()?);
    let distinct = |of: fn(&Sample) -> &str| samples.iter().map(of).collect::<BTreeSet<_>>().len();
    println!("{}: {}\n  from {} ({})", about.name, about.what, about.from, about.licence);
    let [networks, families, places] = [distinct(|s| &s.network), distinct(|s| &s.family), distinct(|s| &s.device)];
    println!("  {} samples: {networks} networks of {families} families on {places} devices", samples.len());
    println!("  {} of them calculated, not measured", samples.iter().filter(|s| s.estimated).count());
    set.splits().iter().for_each(|split| println!("  split {split}"));
    if devices {
        let mut by_device: BTreeMap<&str, usize> = BTreeMap::new();
        samples.iter().for_each(|s| *by_device.entry(&s.device).or_default() += 1);
        by_device.iter().for_each(|(device, count)| println!("  {count:8} {device}"));
    }
    let key = |s: &Sample| (s.network.clone(), s.device.clone(), s.batch, s.phase, s.configuration);
    if let Some(noise) = Noise::of(samples.iter().map(|s| (key(s), s.time))) {
        println!("  noise floor, the same measured again: {noise}");
    }
    versions(about.name, &samples);
    tachograph_examples_graphs::histogram(samples.iter().map(|s| s.time), about.unit);
    Ok(())
}

/// timm measured some devices again with other library versions.
fn versions(set: &str, samples: &[Sample]) {
    const AGAIN: [(&str, &str); 3] = [
        ("infer-amp-nchw-pt210-cu121-rtx3090", "infer-amp-nchw-pt240-cu124-rtx3090"),
        ("infer-amp-nhwc-pt210-cu121-rtx3090", "infer-amp-nhwc-pt240-cu124-rtx3090"),
        ("infer-fp32-nchw-pt221-cpu-i9_10940x-dynamo", "infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo"),
    ];
    for (old, new) in AGAIN.into_iter().filter(|_| set == "timm") {
        let both = samples.iter().filter(|s| s.device == old || s.device == new);
        if let Some(noise) = Noise::of(both.map(|s| ((&s.network, s.batch), s.time))) {
            println!("  {old} and {new}: {noise}");
        }
    }
}
