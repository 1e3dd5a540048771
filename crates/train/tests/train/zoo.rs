//! Every model with its features: trained, stored, loaded, transferred.

use tachograph_ir::Millis;
use tachograph_ir::Quantity;
use tachograph_predict::{Output, torch::TorchPredictor};
use tachograph_train::{AdaptConfig, BEST, Epoch, Loss, Method, RunConfig, adapt, train};
use tch::Device;

use crate::data::{config, graph, ms, operator_sum, proportional};

/// Features, target, loss and model, as in a run's config.
const RUNS: [&str; 11] = [
    "features = 'nnlp'\n[model]\nkind = 'nnlp'\nhidden = 16",
    "features = 'dippm'\ntarget = 'dippm'\nloss = { huber = { delta = 1.0 } }\n[model]\nkind = 'dippm'\nhidden = 16",
    "features = 'dippm-edges'\ntarget = 'mean'\n[model]\nkind = 'dippm'\nhidden = 16",
    "features = 'dnnperf'\nloss = { log-huber = {} }\n[model]\nkind = 'dnnperf'\nwidth = 16\nhidden = [16]",
    "features = 'dnnperf-forward'\nloss = { log-huber = {} }\n[model]\nkind = 'dnnperf'\nwidth = 16\nhidden = [16]",
    "features = 'slapp'\n[model]\nkind = 'slapp'\nwidth = 8\nhidden = [16]",
    "features = 'extended'\ntarget = 'mean'\nloss = { differential = {} }\n[model]\nkind = 'node-gcn'\nhidden = 16",
    "features = 'perfsage'\ntarget = 'mean'\nloss = 'relative-absolute'\n[model]\nkind = 'perfsage'\nwidth = 16\nhidden = [16]",
    "features = 'global-node'\ntarget = 'mean'\nloss = 'absolute'\n[model]\nkind = 'brp-nas'\nhidden = 16",
    "features = 'extended'\n[model]\nkind = 'additive'\nhidden = 16",
    "features = 'tachograph'\ntarget = 'roofline'\nloss = 'relative-absolute'\n[model]\nkind = 'tachograph'\nhidden = 16",
];

#[test]
fn every_model_learns_and_is_stored_with_its_features() {
    every_model_learns("cpu");
}

mod on_a_gpu {
    #[test]
    #[ignore = "needs a GPU"]
    fn every_model_learns_and_is_stored_with_its_features() {
        super::every_model_learns("cuda:0");
    }
}

/// On a device of libtorch, as configs name it.
fn every_model_learns(torch_device: &str) {
    for text in RUNS {
        let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        proportional(data.path());
        let run: RunConfig = toml::from_str(&format!("data = '.'\ndevice = 'any'\n{text}")).unwrap();
        let RunConfig { features, target, loss, model, .. } = run;
        let (torch_device, config) = (torch_device.into(), config(data.path()));
        let config = RunConfig { features, target, loss, model, torch_device, epochs: 8, rate: 2e-3, ..config };
        let mut losses = vec![];
        train(&config, dir.path(), |e: &Epoch| losses.push(e.loss)).unwrap();
        assert!(losses[1..].iter().any(|loss| loss < &losses[0]), "{text}: {losses:?}");
        let predictor = TorchPredictor::load(&dir.path().join(BEST), Device::Cpu).unwrap();
        let network = graph();
        let predicted = ms(&predictor, &network, 0);
        assert!(predicted.is_finite(), "{text}: {predicted}");
        if let Some(sum) = operator_sum(&predictor, &network, 0) {
            assert!((sum / predicted - 1.0).abs() < 1e-4, "{text}: {sum} in {predicted}");
        }
        let features = predictor.manifest().featurizer.featurize(&network).unwrap();
        let samples = [(&features, Millis(3.0)), (&features, Millis(3.0))];
        let method = AdaptConfig {
            methods: vec![Method::Transfer],
            steps: 8,
            loss: Loss::named("relative-squared").unwrap(),
            ..AdaptConfig::default()
        };
        let (other, _) = adapt(&predictor, Output::new("new", Quantity::Latency), &samples, &method).unwrap();
        assert_eq!(other.manifest().outputs.len(), 1);
        assert!(ms(&other, &network, 0).is_finite());
    }
}
