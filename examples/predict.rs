//! What a network will take on two devices, before anyone runs it on either. Needs no libtorch.
//!
//!     cargo run -p tachograph-examples --example predict

use anyhow::Result;
use tachograph_ir::Assignment;
use tachograph_predict::Catalog;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/models/light_resnet50.onnx.gz");

/// Predicts ResNet-50 at batch 8.
pub fn main() -> Result<()> {
    // ONNX, TFLite or ncnn, compressed or not. Weights are skipped: what a network takes does not depend on them.
    let model = tachograph_import::load(MODEL.as_ref())?;

    // The file leaves its batch free. Binding fixes it, and with it every shape, so that costs can be counted.
    let bound = model.graph.bind(&Assignment::from([("batch".into(), 8)]))?;
    let cost = bound.cost()?;
    println!("{}: {} operators, {:.1} GFLOP", model.graph.name(), bound.live().len(), cost.flops as f64 / 1e9);

    // The checkpoints that come with the crate, asked as one. A device goes by its name in a checkpoint, or by any name
    // in its device file; the answer says what it stands for.
    let catalog = Catalog::bundled();
    for device in ["xeon-spr-1t", "h100"] {
        let forecast = catalog.forecast(&bound, Some(device))?;
        println!("\n{} ({})", forecast.device, forecast.ran_on);
        println!("  latency  {}", forecast.latency.value);
        // Eight of ten measurements lie in here, if yours are like those that the interval was calibrated on.
        if let Some(bounds) = &forecast.latency.bounds {
            println!("           {} to {}, from {}", bounds.low, bounds.high, bounds.source);
        }
        if let Some(memory) = &forecast.memory {
            // Memory depends on the library more than on the machine, so another device may answer for this one.
            let on = forecast.memory_as_on.as_deref().map(|other| format!(", as on {other}"));
            println!("  memory   {}{}", memory.value, on.unwrap_or_default());
        }
        if let Some(energy) = &forecast.energy {
            println!("  energy   {}", energy.value);
        }
    }

    // A device that no checkpoint knows: take one like it, or measure a few networks on it (see `new_device`).
    if let Err(error) = catalog.forecast(&bound, Some("l4")) {
        let near: Vec<String> = catalog.nearest("l4")?.into_iter().take(2).map(|near| near.name).collect();
        println!("\nl4: {}", error.to_string().split(';').next().unwrap_or_default());
        println!("near it are {}", near.join(" and "));
    }
    Ok(())
}
