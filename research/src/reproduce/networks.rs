//! Graph networks, ours and published ones, trained through the engine on all columns of a table at once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tachograph_train::{BEST, Corpus, Observer, Predicted, RunConfig, SplitConfig, train_on};

use super::Args;

pub const OURS: &str = "tachograph";
/// The mean over all seeds of [`OURS`].
pub const ENSEMBLE: &str = "tachograph, ensemble of the seeds";

/// Published predictors with their recipes: features, target and loss as in `docs/models.md`. The budget is less than
/// what was published, and the row says so.
const PUBLISHED: [(&str, &str); 7] = [
    ("NNLP (10 epochs; published 50)", include_str!("../../recipes/tables/nnlp.toml")),
    (
        "DIPPM (10 epochs at 1e-3, batch 16; published 488 at 2.8e-5, batch 1)",
        include_str!("../../recipes/tables/dippm.toml"),
    ),
    ("DNNPerf, forward graph (100 epochs)", include_str!("../../recipes/tables/dnnperf.toml")),
    ("SLAPP-style (10 epochs)", include_str!("../../recipes/tables/slapp.toml")),
    ("node compensation (100 epochs)", include_str!("../../recipes/tables/node-gcn.toml")),
    ("BRP-NAS, operators (10 epochs; published 250)", include_str!("../../recipes/tables/brp-nas.toml")),
    ("PerfSAGE-style (10 epochs)", include_str!("../../recipes/tables/perfsage.toml")),
];

/// A network of a table, by the name of its row, with its training.
type Named = (&'static str, RunConfig);

/// Those of the table of accelerators at the edge: PerfSAGE whole, for as long as our network takes to stop gaining.
pub fn of_edge() -> Result<Vec<Named>> {
    Ok(vec![
        (OURS, toml::from_str(include_str!("../../recipes/edge.toml"))?),
        ("PerfSAGE", toml::from_str(include_str!("../../recipes/perfsage.toml"))?),
        ("BRP-NAS, operators", toml::from_str(include_str!("../../recipes/edge-brp-nas.toml"))?),
    ])
}

/// Ours, then the published ones.
pub fn published() -> Result<Vec<Named>> {
    // An epoch has one entry of a network here, not one for every batch that was measured.
    let ours = include_str!("../../recipes/learned-roofline.toml");
    let ours = RunConfig { epochs: 60, refit: true, ..toml::from_str(ours)? };
    let published = PUBLISHED.iter().map(|&(name, recipe)| Ok((name, toml::from_str(recipe)?)));
    let published = published.collect::<Result<Vec<_>>>()?;
    Ok([(OURS, ours)].into_iter().chain(published).collect())
}

struct Quiet;

impl Observer for Quiet {}

/// What an ensemble of the seeds predicts; all list the test part in one order.
fn mean(of_seeds: &[Vec<Predicted>]) -> Vec<Predicted> {
    let mut rows = of_seeds.first().cloned().unwrap_or_default();
    for (i, row) in rows.iter_mut().enumerate() {
        row.predicted = of_seeds.iter().map(|seed| seed[i].predicted).sum::<f64>() / of_seeds.len() as f64;
    }
    rows
}

/// Where a training is kept.
fn folder(runs: &Path, name: &str, split: &str, seed: u64) -> PathBuf {
    runs.join(format!("{}-{split}-{seed}", name.split(' ').next().unwrap_or(name)))
}

/// The checkpoints of networks that [`fold`] trained on the split with this hash and kept: name, seed and file.
pub fn trained(args: &Args, networks: Vec<Named>, split: &str) -> Result<Vec<(&'static str, u64, PathBuf)>> {
    let Some(runs) = &args.runs else { return Ok(vec![]) };
    let of = |name| (0..args.seeds).map(move |seed| (name, seed, folder(runs, name, split, seed).join(BEST)));
    let wanted = networks.into_iter().map(|(name, _)| name).filter(|name| !args.only.is_empty() && args.wants(name));
    Ok(wanted.flat_map(of).filter(|(.., file)| file.exists()).collect())
}

/// Trains every network on a fold, on all outputs at once, and hands on its name, the seed and what it predicts; of ours
/// also what the ensemble of all seeds does. Networks take minutes each, so that they are trained only where `--only`
/// names them.
pub fn fold(
    args: &Args,
    networks: Vec<Named>,
    corpus: &Corpus,
    split: &SplitConfig,
    mut add: impl FnMut(&str, u64, Predicted),
) -> Result<()> {
    let division = split.divide(corpus)?;
    for (name, config) in networks {
        if args.only.is_empty() || !args.wants(name) {
            continue;
        }
        let mut of_seeds = Vec::new();
        for seed in 0..args.seeds {
            if args.is_over() {
                eprintln!("left out for lack of time: {name}, seed {seed}, split {}", division.hash);
                continue;
            }
            let epochs = args.epochs.unwrap_or(config.epochs);
            let config = RunConfig { split: split.clone(), seed, epochs, ..config.clone() };
            let temporary = tempfile::tempdir().context("a folder for the run")?;
            let dir = match &args.runs {
                Some(runs) => folder(runs, name, &division.hash, seed),
                None => temporary.path().into(),
            };
            let outcome = train_on(&config, corpus, &dir, &mut Quiet)?;
            outcome.predictions.iter().for_each(|prediction| add(name, seed, prediction.clone()));
            of_seeds.push(outcome.predictions);
        }
        if name == OURS && of_seeds.len() > 1 {
            mean(&of_seeds).into_iter().for_each(|prediction| add(ENSEMBLE, 0, prediction));
        }
    }
    Ok(())
}
