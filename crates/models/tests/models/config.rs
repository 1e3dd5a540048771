//! Configs.

use tachograph_models::{ModelConfig, NnlpConfig, OperatorSumConfig, predictors};

#[test]
fn configs_round_trip() {
    for config in predictors().iter().flat_map(|predictor| predictor.variants()) {
        let json = serde_json::to_string(&config).unwrap();
        assert!(json.starts_with(&format!(r#"{{"kind":"{}","#, config.kind())), "{json}");
        assert_eq!(serde_json::from_str::<ModelConfig>(&json).unwrap(), config);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<ModelConfig>(&text).unwrap(), config);
    }
}

#[test]
fn what_a_config_leaves_out_is_the_default_and_what_it_adds_is_refused() {
    for predictor in predictors() {
        let read = |kind: &str, more: &str| toml::from_str::<ModelConfig>(&format!("kind = '{kind}'\n{more}"));
        let default = read(predictor.kind, "").unwrap();
        assert_eq!(default.kind(), predictor.kind);
        for alias in predictor.aliases {
            assert_eq!(read(alias, "").unwrap(), default);
        }
        let error = read(predictor.kind, "nonsense = 1").unwrap_err();
        let expected = format!("model `{}`: unknown field `nonsense`, expected ", predictor.kind);
        assert!(error.message().starts_with(&expected), "{error}");
    }
    let config: ModelConfig = toml::from_str("kind = 'nnlp'\nhidden = 64").unwrap();
    assert_eq!(config, NnlpConfig { hidden: 64, ..NnlpConfig::default() }.into());
    assert_ne!(config, OperatorSumConfig::default().into());
    let error = |text| toml::from_str::<ModelConfig>(text).unwrap_err().message().to_owned();
    assert!(error("kind = 'gcn'").starts_with("no model `gcn`; there are brp-nas, choice-attention, "));
    assert_eq!(error("hidden = 64"), "missing field `kind`");
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = predictors().iter().flat_map(|p| p.aliases.iter().chain([&p.kind])).copied().collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// Names and settings in files that have been written.
#[test]
fn configs_of_old_checkpoints_are_read() {
    for (text, kind) in [
        (r#"{"kind":"additive","hidden":128,"layers":2}"#, "operator-sum"),
        (r#"{"kind":"tachograph","hidden":192,"layers":0,"depth":2}"#, "learned-roofline"),
        (r#"{"kind":"dnnperf","layers":3,"gate":"edges","slope":0.01}"#, "dnnperf"),
        (r#"{"hidden":512,"kind":"nnlp","dropout":0.05,"normalize":true}"#, "nnlp"),
    ] {
        assert_eq!(serde_json::from_str::<ModelConfig>(text).unwrap().kind(), kind);
    }
}

#[test]
fn training_with_dropout_takes_whole_batches() {
    let dropping = ModelConfig::from(NnlpConfig::default());
    let steady = ModelConfig::from(NnlpConfig { dropout: 0.0, ..NnlpConfig::default() });
    assert!(!dropping.compressible() && steady.compressible());
    assert!(!dropping.batch_options(true).compressed && dropping.batch_options(false).compressed);
    assert!(steady.batch_options(true).compressed);
}
