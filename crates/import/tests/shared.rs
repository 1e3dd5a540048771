//! Models of the shared folder: every shape against ONNX's own inference.

mod common;

use std::path::Path;

use common::{Shapes, shared};
use tachograph_import::load;
use tachograph_ir::{Concrete, Config};

/// Tensors whose shape differs from the reference, as messages; nodes that vanished at import are fine.
fn differences(bound: &Concrete, reference: &Shapes) -> Vec<String> {
    let mut differences = Vec::new();
    for (i, tensor) in bound.graph().tensors().iter().enumerate() {
        let Some(expected) = reference.tensors.get(&tensor.name) else { continue };
        let ours = bound.shape(tachograph_ir::TensorId(i as u32));
        if ours.is_none() || ours != expected.as_deref() && expected.is_some() {
            differences.push(format!("{}: {ours:?}, not {expected:?}", tensor.name));
        }
    }
    differences
}

fn light() -> Vec<std::path::PathBuf> {
    shared("models/onnx-light")
}

#[test]
fn light_models_have_the_shapes_of_the_reference() {
    for path in light() {
        let model = load(&path).unwrap();
        assert!(model.warnings.is_empty(), "{}: {:?}", path.display(), model.warnings);
        let bound = model.graph.bind(&Config::new()).unwrap();
        let reference = Shapes::beside(&path);
        assert_eq!(differences(&bound, &reference), Vec::<String>::new(), "{}", path.display());
        let compared = bound.graph().tensors().iter().filter(|t| reference.tensors.contains_key(&t.name)).count();
        assert!(compared * 10 >= reference.tensors.len() * 9, "{}: {compared} compared", path.display());
        assert_eq!(bound.unknown_nodes().count(), 0);
    }
}

#[test]
fn light_models_follow_the_batch() {
    for path in light() {
        let graph = load(&path).unwrap().graph;
        let one = graph.bind(&Config::new()).unwrap();
        let eight = graph.bind(&Config::from([("batch".into(), 8)])).unwrap();
        for &id in graph.outputs() {
            let (one, eight) = (one.shape(id).unwrap(), eight.shape(id).unwrap());
            assert_eq!((eight[0], &eight[1..]), (8 * one[0], &one[1..]), "{}", path.display());
        }
        let (one, eight) = (one.cost().unwrap(), eight.cost().unwrap());
        assert_eq!((eight.macs, eight.parameters), (8 * one.macs, one.parameters), "{}", path.display());
    }
}

/// torchvision documents 25,557,032 parameters and 4.089 GMACs for ResNet-50
/// (`ResNet50_Weights.IMAGENET1K_V1`: `num_params`, `_ops`). Those are the learned parameters; a file also
/// lists mean and variance of the 53 batch normalisations, 26,560 channels each.
#[test]
fn light_resnet50_costs_what_is_published() {
    let Some(path) = light().into_iter().find(|p| p.ends_with("light_resnet50.onnx.gz")) else { return };
    let cost = load(&path).unwrap().graph.bind(&Config::new()).unwrap().cost().unwrap();
    assert_eq!(cost.parameters, 25_557_032 + 2 * 26_560);
    assert_eq!(cost.macs / 1_000_000, 4_089);
}

fn report(path: &Path) -> Result<String, String> {
    let model = load(path).map_err(|e| e.to_string())?;
    let reference = Shapes::beside(path);
    let open = model.graph.hyperparameters().iter().filter(|(_, h)| h.default.is_none());
    let config: Config = open.map(|(name, _)| (name.clone(), reference.bind.get(name).copied().unwrap_or(2))).collect();
    let bound = model.graph.bind(&config).map_err(|e| format!("bind: {e}"))?;
    let differences = differences(&bound, &reference);
    let unknown = bound.unknown_nodes().count();
    let cost = bound.cost().map_err(|e| format!("cost: {e}"))?;
    let text = format!(
        "{:4} live, {unknown} unknown, {} differ, {:.3} GMACs, {:.3} M, batch {}",
        bound.live().len(),
        differences.len(),
        cost.macs as f64 / 1e9,
        cost.parameters as f64 / 1e6,
        if model.graph.hyperparameters().contains_key("batch") { "free" } else { "fixed" },
    );
    let warnings = model.warnings.iter().chain(differences.first());
    let text = warnings.fold(text, |text, w| format!("{text}\n      {w}"));
    if unknown + differences.len() == 0 { Ok(text) } else { Err(text) }
}

/// A report, not a verdict: `cargo test --release -p tachograph-import --test shared -- --ignored --nocapture`.
#[test]
#[ignore = "a report over hundreds of models"]
fn report_on_many_models() {
    let timm = shared("models/timm");
    let step = (timm.len() / 100).max(1);
    let paths: Vec<_> = shared("models/dynamic").into_iter().chain(timm.into_iter().step_by(step)).collect();
    let mut good = 0;
    for path in &paths {
        let name = path.file_name().unwrap().to_string_lossy();
        match report(path) {
            Ok(text) => {
                good += 1;
                println!("ok  {name}: {text}");
            }
            Err(text) => println!("BAD {name}: {text}"),
        }
    }
    println!("{good} of {} bind with every shape known and as the reference has it", paths.len());
}
