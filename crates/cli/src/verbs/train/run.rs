//! Trains on libtorch.

use anyhow::Result;
use serde_json::json;
use tachograph_train::{BEST, RunConfig, rank, train_observed, train_ranker};

use super::Args;
use crate::{progress::Progress, table};

pub fn run(args: &Args) -> Result<()> {
    let mut config = RunConfig::load(&args.config)?;
    config.seed = args.seed.unwrap_or(config.seed);
    let mut progress = Progress::new(args.json)?;
    if config.model.ranking().is_some() {
        let outcome = train_ranker(&config, &args.out, &mut progress);
        progress.clear();
        let (outcome, checkpoint) = (outcome?, args.out.join(BEST));
        if rank()? > 0 {
            return Ok(());
        }
        if args.json {
            return table::json(&json!({ "outcome": outcome, "checkpoint": checkpoint }));
        }
        out!("split {}, seed {}, weights of epoch {}", outcome.split, config.seed, outcome.epoch);
        out!("validation: {}\ntest: {}", outcome.validation, outcome.test);
        out!("checkpoint: {}", checkpoint.display());
        return Ok(());
    }
    let outcome = train_observed(&config, &args.out, &mut progress);
    progress.clear();
    let (outcome, checkpoint) = (outcome?, args.out.join(BEST));
    if rank()? > 0 {
        return Ok(());
    }
    if args.json {
        return table::json(&json!({ "outcome": outcome, "checkpoint": checkpoint }));
    }
    out!("split {}, seed {}, weights of epoch {}", outcome.split, config.seed, outcome.epoch);
    out!("validation\n{}\ntest, by family\n{}", outcome.validation, outcome.families);
    out!("checkpoint: {}", checkpoint.display());
    Ok(())
}
