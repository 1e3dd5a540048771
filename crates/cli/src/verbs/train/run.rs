//! Trains on libtorch.

use anyhow::Result;
use serde_json::json;
use tachograph_train::{BEST, RunConfig, train_observed, train_programs, train_ranker};
use tachograph_tune::models::{divide, features_of_programs, program_tasks};

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
        if args.json {
            return table::json(&json!({ "outcome": outcome, "checkpoint": checkpoint }));
        }
        out!("split {}, seed {}, weights of epoch {}", outcome.split, config.seed, outcome.epoch);
        out!("validation: {}\ntest: {}", outcome.validation, outcome.test);
        out!("checkpoint: {}", checkpoint.display());
        return Ok(());
    }
    if features_of_programs(config.features).is_some() {
        let [training, validation] = divide(program_tasks(&config.data, config.features)?, config.seed);
        let tasks = [training.as_slice(), &validation];
        let outcome = train_programs(&config, config.features, tasks, &args.out, &mut progress);
        progress.clear();
        let (outcome, checkpoint) = (outcome?, args.out.join(BEST));
        if args.json {
            return table::json(&json!({ "outcome": outcome, "checkpoint": checkpoint }));
        }
        out!("{} tasks, seed {}, weights of epoch {}", training.len(), config.seed, outcome.epoch);
        out!("validation: {}", outcome.validation);
        out!("checkpoint: {}", checkpoint.display());
        return Ok(());
    }
    let outcome = train_observed(&config, &args.out, &mut progress);
    progress.clear();
    let (outcome, checkpoint) = (outcome?, args.out.join(BEST));
    if args.json {
        return table::json(&json!({ "outcome": outcome, "checkpoint": checkpoint }));
    }
    out!("split {}, seed {}, weights of epoch {}", outcome.split, config.seed, outcome.epoch);
    out!("validation\n{}\ntest, by family\n{}", outcome.validation, outcome.families);
    out!("checkpoint: {}", checkpoint.display());
    Ok(())
}
