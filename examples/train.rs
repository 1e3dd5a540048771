//! Trains a small predictor on measurements, and asks it for a network that it has not seen. Needs libtorch.
//!
//!     cargo run -p tachograph-examples --features torch --example train

use std::path::Path;

use anyhow::Result;
use tachograph_ir::{Assignment, Quantity};
use tachograph_predict::Predictor;
use tachograph_train::{BEST, Corpus, Epoch, Observer, Query, RunConfig, train_on};

/// Prints one line an epoch. An observer can also stop a run.
struct Progress;

impl Observer for Progress {
    fn epoch(&mut self, epoch: &Epoch) {
        let off = epoch.validation.as_ref().map_or(f64::NAN, |report| 100.0 * report.mape);
        println!("epoch {}: {off:.1} % off on networks held out", epoch.epoch);
    }
}

/// Trains on 600 networks for ten epochs.
pub fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");

    // Three thousand generated networks, measured on one core of a Xeon. A fifth of them is enough to see it learn.
    let mut corpus = Corpus::open(&root.join("datasets/cpu"), None, &Query::latency(["xeon-spr-1t"]))?;
    corpus.entries.truncate(600);

    // What a TOML file says for `tachograph train`: `research/recipes/` has the real ones. All else keeps its default.
    let config: RunConfig = toml::from_str(
        "data = 'datasets/cpu'
         features = 'costs'
         loss = 'relative-absolute'
         rate = 5e-3
         epochs = 10
         model = { kind = 'operator-sum', hidden = 32, layers = 2 }",
    )?;

    // A run lives in a directory. Started again there, it goes on where it was stopped.
    let run = tempfile::tempdir()?;
    let outcome = train_on(&config, &corpus, run.path(), &mut Progress)?;
    println!(
        "on the test networks {:.1} %, Spearman {:.3}",
        100.0 * outcome.test.mape,
        outcome.test.spearman.unwrap_or(f64::NAN)
    );

    // The checkpoint has everything in it: the weights, how to featurise a graph, what the outputs are. This kind of
    // network needs no libtorch to predict.
    let predictor = Predictor::load(&run.path().join(BEST))?;
    let model = tachograph_import::load(&root.join("datasets/models/squeezenet1_1.onnx.gz"))?;
    let bound = model.graph.bind(&Assignment::from([("batch".into(), 1)]))?;
    let prediction = predictor.predict(&bound, predictor.output(Some("xeon-spr-1t"), Quantity::Latency)?)?;
    println!("SqueezeNet: {}, measured 23.1 ms", prediction.value);
    prediction.outside.iter().for_each(|outside| println!("({outside})"));
    Ok(())
}
