//! The batch that serves most images a second within a memory and a time. Needs no libtorch.
//!
//!     cargo run -p tachograph-examples --example choose

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use tachograph_ir::{Bytes, Millis, Quantity};
use tachograph_predict::{Amount, Budget, Bundled, choose};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/models/light_resnet50.onnx.gz");

/// Chooses a batch for ResNet-50 on an H100.
pub fn main() -> Result<()> {
    let graph = tachograph_import::load(MODEL.as_ref())?.graph;

    // One checkpoint predicts several outputs: a quantity on a device each.
    let predictor = Bundled::named("timm")?.load()?;
    let outputs = [Quantity::Latency, Quantity::Memory].map(|quantity| predictor.output(Some("h100-sxm"), quantity));
    let outputs = outputs.into_iter().collect::<Result<Vec<_>, _>>()?;

    // Every combination of these values is tried. Any free dimension can be an axis; here there is only the batch.
    let axes = BTreeMap::from([("batch".to_owned(), vec![1, 2, 4, 8, 16, 32, 64, 128, 256])]);
    let budget = Budget { memory: Some(Bytes(1_000_000_000)), time: Some(Millis(15.0)) };
    let found = choose(&graph, &axes, &budget, |bound| {
        let predicted = predictor.predict_outputs(bound, &outputs)?;
        Ok(match [predicted[0].value, predicted[1].value] {
            [Amount::Latency(time), Amount::Memory(memory)] => (time, memory),
            // The outputs were asked for by quantity above.
            other => unreachable!("{other:?}"),
        })
    })?;

    println!("batch  images/s        ms       MB");
    let fits = found.feasible.iter().map(|configuration| (configuration, ""));
    let beyond = found.beyond.iter().map(|configuration| (configuration, "  too much"));
    for (c, note) in fits.chain(beyond) {
        let megabytes = c.memory.0 as f64 / 1e6;
        println!("{:5}  {:8.0}  {:8.2}  {megabytes:7.1}{note}", c.batch, c.throughput(), c.time.0);
    }
    let best = found.feasible.first().context("nothing fits")?;
    println!("take batch {}", best.batch);
    Ok(())
}
