//! Graph networks, ours and published ones, trained through the engine on all columns of a table at once.

use anyhow::{Context, Result};
use tachograph_features::Kind;
use tachograph_models::{ModelConfig, NnlpConfig};
use tachograph_train::{Corpus, Observer, Predicted, RunConfig, SplitConfig, train_on};

use crate::Args;

/// A predictor with its budget, which the row names where it is less than what was published.
struct Published {
    name: &'static str,
    config: RunConfig,
}

fn published() -> Result<Vec<Published>> {
    let config = RunConfig { epochs: 10, batch: 16, ..toml::from_str("data = \".\"")? };
    let tachograph = toml::from_str(include_str!("../tachograph.toml"))?;
    let nnlp = RunConfig { features: Kind::Nnlp, model: ModelConfig::Nnlp(NnlpConfig::default()), ..config };
    Ok(vec![
        Published { name: "tachograph", config: tachograph },
        Published { name: "NNLP (10 epochs; published 50)", config: nnlp },
    ])
}

struct Quiet;

impl Observer for Quiet {}

/// Trains every network on a fold, on all outputs at once, and hands on its name, the seed and what it predicts. Networks
/// take minutes each, so that they are trained only where `--only` names them.
pub fn fold(
    args: &Args,
    corpus: &Corpus,
    split: &SplitConfig,
    mut add: impl FnMut(&str, u64, Predicted),
) -> Result<()> {
    let division = split.divide(corpus)?;
    for Published { name, config } in published()? {
        if args.only.is_empty() || !args.wants(name) {
            continue;
        }
        for seed in 0..args.seeds {
            let config = RunConfig { split: split.clone(), seed, ..config.clone() };
            let temporary = tempfile::tempdir().context("a folder for the run")?;
            let dir = match &args.runs {
                Some(runs) => runs.join(format!("{}-{}-{seed}", name.split(' ').next().unwrap_or(name), division.hash)),
                None => temporary.path().into(),
            };
            let outcome = train_on(&config, corpus, &dir, &mut Quiet)?;
            outcome.predictions.into_iter().for_each(|prediction| add(name, seed, prediction));
        }
    }
    Ok(())
}
