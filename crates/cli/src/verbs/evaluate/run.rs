//! Trains where it must and compares, on libtorch.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::Result;
use serde_json::json;
use tachograph_ir::Device;
use tachograph_metrics::Report;
use tachograph_train::{RunConfig, SplitConfig, baselines, train_observed};

use super::{Args, extrapolate};
use crate::{progress::Progress, table};

pub fn run(args: &Args) -> Result<()> {
    if let (Some(checkpoint), Some(set)) = (&args.checkpoint, &args.on) {
        return extrapolate::run(args, checkpoint, set);
    }
    // clap lets neither be missing then.
    let (Some(config), Some(out)) = (&args.config, &args.out) else { return Ok(()) };
    let config = RunConfig::load(config)?;
    let specification = Device::builtin(&args.roofline)?;
    let mut progress = Progress::new(false)?;
    let mut one = |config: &RunConfig, out: &PathBuf, without: Option<&str>| {
        let outcome = train_observed(config, out, &mut progress);
        progress.clear();
        let outcome = outcome?;
        let mut reports = baselines(config, Some(specification))?;
        reports.push(("this model".into(), outcome.test));
        match (args.json, without) {
            (true, _) => {}
            (false, None) => out!("test set of split {}, seed {}", outcome.split, config.seed),
            (false, Some(family)) => out!("without {family} (split {}), tested on its networks", outcome.split),
        }
        show(args, without, &reports)
    };
    if !args.families {
        return one(&config, out, None);
    }
    let families: BTreeSet<String> = config.corpus()?.entries.into_iter().map(|entry| entry.family).collect();
    families.iter().try_for_each(|family| {
        let split = SplitConfig::Family { family: family.clone(), seed: 0 };
        one(&RunConfig { split, ..config.clone() }, &out.join(family), Some(family))
    })
}

fn show(args: &Args, without: Option<&str>, reports: &[(String, Report)]) -> Result<()> {
    if !args.json {
        let row = |(name, r): &(String, Report)| {
            let rank = r.spearman.map_or("–".into(), |s| format!("{s:.4}"));
            [name.clone(), r.n.to_string(), format!("{:.2}", 100.0 * r.mape), format!("{:.1}", 100.0 * r.acc_10), rank]
        };
        let titles = ["predictor", "networks", "MAPE %", "Acc@10 % %", "Spearman"];
        table::table(&titles, &reports.iter().map(row).collect::<Vec<_>>());
        return Ok(());
    }
    reports.iter().try_for_each(|(name, r)| {
        table::json(&json!({
            "predictor": name, "without_family": without, "networks": r.n, "mape_percent": 100.0 * r.mape,
            "acc_10_percent": 100.0 * r.acc_10, "spearman": r.spearman,
        }))
    })
}
