//! Configs.

use tachograph_models::{Model, ModelConfig, NnlpConfig, OperatorSumConfig, Widths};
use tch::{Device, nn};

use crate::{GLOBALS, WIDTH, batch, zoo};

const WIDTHS: Widths = Widths { nodes: WIDTH as i64, edges: 0, globals: GLOBALS as i64 };

fn all() -> [ModelConfig; 3] {
    [
        ModelConfig::Nnlp(NnlpConfig::default()),
        ModelConfig::Nnlp(NnlpConfig { hidden: 24, layers: 3, dropout: 0.0, normalize: false, embed_globals: true }),
        ModelConfig::OperatorSum(OperatorSumConfig { hidden: 7, layers: 1 }),
    ]
}

#[test]
fn configs_round_trip() {
    for config in zoo::all().into_iter().chain(all()) {
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ModelConfig>(&json).unwrap(), config);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<ModelConfig>(&text).unwrap(), config);
    }
}

#[test]
fn what_a_config_leaves_out_is_the_default_and_what_it_adds_is_refused() {
    for kind in ["nnlp", "additive", "dippm", "dnnperf", "slapp", "node-gcn", "brp-nas", "perfsage"] {
        toml::from_str::<ModelConfig>(&format!("kind = \"{kind}\"")).unwrap();
    }
    let config: ModelConfig = toml::from_str("kind = \"nnlp\"\nhidden = 64").unwrap();
    assert_eq!(config, ModelConfig::Nnlp(NnlpConfig { hidden: 64, ..NnlpConfig::default() }));
    for bad in ["kind = \"nnlp\"\nwidth = 64", "kind = \"additive\"\ndropout = 0.1", "kind = \"gcn\""] {
        assert!(toml::from_str::<ModelConfig>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_batch_for_the_layers_of_the_config_fits_the_model() {
    for config in all() {
        let vs = nn::VarStore::new(Device::Cpu);
        let model = Model::new(&vs.root(), WIDTHS, 1, &config).unwrap();
        let y = model.forward(&batch(config.layers(), config.compressible()), &[0], true).unwrap();
        assert_eq!(y.size(), [3, 1]);
    }
    assert!(!all()[0].compressible() && all()[1].compressible() && all()[2].compressible());
}
