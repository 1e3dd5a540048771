//! Trains where it must and compares, on libtorch.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::Result;
use serde_json::json;
use tachograph_ir::Device;
use tachograph_metrics::Report;
use tachograph_train::{GraphRanking, RunConfig, SplitConfig, baselines, train_observed, train_ranker};

use super::{Args, extrapolate};
use crate::{progress::Progress, table};

pub fn run(args: &Args) -> Result<()> {
    if let (Some(checkpoint), Some(set)) = (&args.checkpoint, &args.on) {
        return extrapolate::run(args, checkpoint, set);
    }
    // clap lets neither be missing then.
    let (Some(config), Some(out)) = (&args.config, &args.out) else { return Ok(()) };
    let config = RunConfig::load(config)?;
    if config.model.ranking().is_some() {
        anyhow::ensure!(!args.families, "`--families` is of networks that predict amounts");
        return order(args, &config, out);
    }
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

/// The test set of a run that ranks, graph by graph.
fn order(args: &Args, config: &RunConfig, out: &Path) -> Result<()> {
    let mut progress = Progress::new(false)?;
    let outcome = train_ranker(config, out, &mut progress);
    progress.clear();
    let outcome = outcome?;
    if args.json {
        let line = |(name, graph): (&String, &GraphRanking)| table::json(&json!({ "graph": name, "ranking": graph }));
        return outcome.test.graphs.iter().try_for_each(line);
    }
    out!("test set of split {}, seed {}", outcome.split, config.seed);
    let number = |value: Option<f64>| value.map_or("–".into(), |v| format!("{v:.4}"));
    let percent = |value: Option<f64>| value.map_or("–".into(), |v| format!("{:.3}", 100.0 * v));
    let row = |name: &str, g: &GraphRanking| {
        let GraphRanking { n, opa, kendall, kendall_apart, spearman, top_1, top_10, top_100, .. } = *g;
        let orders = [opa, kendall, kendall_apart, spearman].map(number);
        let tops = [top_1, top_10, top_100].map(percent);
        [&[name.to_owned(), n.to_string()][..], &orders, &tops].concat()
    };
    let mut rows: Vec<Vec<String>> = outcome.test.graphs.iter().map(|(name, g)| row(name, g)).collect();
    rows.push(row("mean", &outcome.test.mean));
    let titles = ["graph", "configurations", "OPA", "τ", "τ apart", "ρ", "top-1 %", "top-10 %", "top-100 %"];
    table::table(&titles, &rows);
    Ok(())
}
