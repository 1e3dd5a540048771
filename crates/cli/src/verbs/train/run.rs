//! Trains on libtorch.

use anyhow::Result;
use serde_json::{Value, json};
use tachograph_train::{BEST, RunConfig, rank, train_observed, train_programs, train_ranker};
use tachograph_tune::models::{divide, features_of_programs, program_tasks};

use super::Args;
use crate::{progress::Progress, table};

pub fn run(args: &Args) -> Result<()> {
    let mut config = RunConfig::load(&args.config)?;
    config.seed = args.seed.unwrap_or(config.seed);
    let mut progress = Progress::new(args.json)?;
    let trained = train(&config, args, &mut progress);
    progress.clear();
    let (outcome, text) = trained?;
    if rank()? > 0 {
        return Ok(());
    }
    let checkpoint = args.out.join(BEST);
    if args.json {
        return table::json(&json!({ "outcome": outcome, "checkpoint": checkpoint }));
    }
    out!("{text}\ncheckpoint: {}", checkpoint.display());
    Ok(())
}

/// What came of a training, for programs and for people. What is trained follows from the config: a network that ranks
/// configurations, one that reads tensor programs, or a predictor.
fn train(config: &RunConfig, args: &Args, progress: &mut Progress) -> Result<(Value, String)> {
    if config.model.ranking().is_some() {
        let outcome = train_ranker(config, &args.out, progress)?;
        let of = format!("split {}, seed {}, weights of epoch {}", outcome.split, config.seed, outcome.epoch);
        let text = format!("{of}\nvalidation: {}\ntest: {}", outcome.validation, outcome.test);
        return Ok((serde_json::to_value(outcome)?, text));
    }
    if features_of_programs(config.features).is_some() {
        let [training, validation] = divide(program_tasks(&config.data, config.features)?, config.seed);
        let tasks = [training.as_slice(), &validation];
        let outcome = train_programs(config, config.features, tasks, &args.out, progress)?;
        let of = format!("{} tasks, seed {}, weights of epoch {}", training.len(), config.seed, outcome.epoch);
        let text = format!("{of}\nvalidation: {}", outcome.validation);
        return Ok((serde_json::to_value(outcome)?, text));
    }
    let outcome = train_observed(config, &args.out, progress)?;
    let of = format!("split {}, seed {}, weights of epoch {}", outcome.split, config.seed, outcome.epoch);
    let text = format!("{of}\nvalidation\n{}\ntest, by family\n{}", outcome.validation, outcome.families);
    Ok((serde_json::to_value(outcome)?, text))
}
