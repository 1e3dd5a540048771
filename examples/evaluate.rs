//! Compares a trained model with the baselines on its test set, or leaves every family out in turn.
//!
//!     cargo run --release --example evaluate -- --config runs/nnlp.toml --out runs/nnlp
//!     cargo run --release --example evaluate -- --config runs/nnlp.toml --out runs/families --families

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use tachograph_ir::Device;
use tachograph_metrics::Report;
use tachograph_train::{RunConfig, SplitConfig, baselines, train};

#[derive(Parser)]
#[command(about)]
struct Args {
    /// The run, as TOML.
    #[arg(long)]
    config: PathBuf,
    /// Directory of the run; training it is finished first if need be.
    #[arg(long)]
    out: PathBuf,
    /// Train once for each family, on all others, and test on it.
    #[arg(long)]
    families: bool,
    /// Device whose roofline is compared; see `docs/devices.md`.
    #[arg(long, default_value = "xeon-spr-2c")]
    roofline: String,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let config = RunConfig::load(&args.config)?;
    let specification = Device::builtin(&args.roofline)?;
    if !args.families {
        let outcome =
            train(&config, &args.out, |e| eprintln!("epoch {}: {:.2} %", e.epoch, 100.0 * e.validation.mape))?;
        println!("test set of split {}, seed {}, {} networks", outcome.split, config.seed, outcome.test.n);
        for (name, report) in baselines(&config, Some(specification))? {
            line(&name, &report);
        }
        line("this model", &outcome.test);
        return Ok(());
    }
    let corpus = config.corpus()?;
    let families: BTreeSet<String> = corpus.entries.into_iter().map(|entry| entry.family).collect();
    for family in families {
        let split = SplitConfig::Family { family: family.clone(), seed: 0 };
        let config = RunConfig { split, ..config.clone() };
        let outcome = train(&config, &args.out.join(&family), |e| {
            eprintln!("{family}: epoch {}: {:.2} %", e.epoch, 100.0 * e.validation.mape);
        })?;
        println!("without {family} (split {}), tested on its {} networks", outcome.split, outcome.test.n);
        for (name, report) in baselines(&config, Some(specification))? {
            line(&name, &report);
        }
        line("this model", &outcome.test);
    }
    Ok(())
}

fn line(name: &str, r: &Report) {
    let rank = r.spearman.map_or("–".into(), |s| format!("{s:.4}"));
    println!("{name:24} MAPE {:6.2} %  Acc@10 % {:5.1} %  Spearman {rank}", 100.0 * r.mape, 100.0 * r.acc_10);
}
