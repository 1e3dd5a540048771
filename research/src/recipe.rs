//! Trainings of tables: a recipe with some of its settings changed, for so long.

use std::time::Duration;

use anyhow::Result;
use tachograph_train::{Error, RunConfig};

use crate::Watch;

/// The settings of a recipe, those of changes in the place of its own, one after the other. A table of a change is added to that of
/// the recipe, unless it names another `kind`.
///
/// # Errors
/// No TOML; settings that no training has.
pub fn changed(recipe: &str, changes: &[&str]) -> Result<RunConfig> {
    let mut table: toml::Table = recipe.parse()?;
    for change in changes {
        for (key, value) in change.parse::<toml::Table>()? {
            match (table.get_mut(&key), value) {
                (Some(toml::Value::Table(old)), toml::Value::Table(new)) if !new.contains_key("kind") => {
                    old.extend(new)
                }
                (_, value) => {
                    table.insert(key, value);
                }
            }
        }
    }
    Ok(table.try_into()?)
}

/// Trains for a time at most: when it is over, as if the training had been asked for the epochs that it had finished.
///
/// # Errors
/// As `train`.
pub fn within<T>(
    config: &RunConfig,
    time: Option<Duration>,
    train: impl Fn(&RunConfig, &mut Watch) -> std::result::Result<T, Error>,
) -> Result<T> {
    let mut watch = Watch::new(time);
    match train(config, &mut watch) {
        Err(Error::Interrupted { .. }) => {
            let shorter = RunConfig { epochs: watch.epochs.max(1), ..config.clone() };
            Ok(train(&shorter, &mut Watch::new(None))?)
        }
        outcome => Ok(outcome?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_changed_one_by_one() {
        let recipe =
            "data = 'here'\nloss = 'squared'\n[model]\nkind = 'gtuner'\nhidden = 32\n[schedule]\nkind = 'cosine'";
        let told = |change: &str| toml::to_string(&changed(recipe, &[change, "rate = 0.5"]).unwrap()).unwrap();
        let same = told("");
        assert!(
            same.contains("rate = 0.5") && same.contains("hidden = 32") && same.contains("loss = \"squared\""),
            "{same}"
        );
        let wider = told("loss = 'list-mle'\nmodel = { layers = 1 }");
        assert!(wider.contains("hidden = 32") && wider.contains("layers = 1") && wider.contains("list-mle"), "{wider}");
        let other = told("model = { kind = 'tile-mlp' }");
        assert!(!other.contains("gtuner") && !other.contains("hidden = 32"), "{other}");
        assert!(changed(recipe, &["model = { kind = 'none such' }"]).is_err());
    }
}
