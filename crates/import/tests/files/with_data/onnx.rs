//! ONNX models: every shape against ONNX's own inference.

use std::{collections::BTreeMap, path::Path};

use rayon::prelude::*;
use tachograph_import::load;
use tachograph_ir::{Assignment, BoundGraph};

use crate::common::{Shapes, models};

/// Tensors whose shape differs from the reference, as messages; nodes that vanished at import are fine.
fn differences(bound: &BoundGraph, reference: &Shapes) -> Vec<String> {
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
    models("onnx-light")
}

#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn light_models_have_the_shapes_of_the_reference() {
    for path in light() {
        let model = load(&path).unwrap();
        assert!(model.warnings.is_empty(), "{}: {:?}", path.display(), model.warnings);
        let bound = model.graph.bind(&Assignment::new()).unwrap();
        let reference = Shapes::beside(&path);
        assert_eq!(differences(&bound, &reference), Vec::<String>::new(), "{}", path.display());
        let compared = bound.graph().tensors().iter().filter(|t| reference.tensors.contains_key(&t.name)).count();
        assert!(compared * 10 >= reference.tensors.len() * 9, "{}: {compared} compared", path.display());
        assert_eq!(bound.unknown_nodes().count(), 0);
    }
}

#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn light_models_follow_the_batch() {
    for path in light() {
        let graph = load(&path).unwrap().graph;
        let one = graph.bind(&Assignment::new()).unwrap();
        let eight = graph.bind(&Assignment::from([("batch".into(), 8)])).unwrap();
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
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn light_resnet50_costs_what_is_published() {
    let path = light().into_iter().find(|p| p.ends_with("light_resnet50.onnx.gz")).unwrap();
    let cost = load(&path).unwrap().graph.bind(&Assignment::new()).unwrap().cost().unwrap();
    assert_eq!(cost.parameters, 25_557_032 + 2 * 26_560);
    assert_eq!(cost.macs / 1_000_000, 4_089);
}

/// Files that contradict themselves: an Expand of (1, 1, C) to (1, 3, 3), which ONNX Runtime refuses as well.
const CONTRADICTORY: &str = "rope_mixed";
/// Files whose convolutions have weights of their own for every image, as many groups as the exported batch.
const FIXED_BATCH: &str = "efficientnet_cc_";

/// Every file imports without warning, binds, has the reference's shapes, no operator or shape that is not known, and
/// 64 times the cost at batch 64.
fn faults(path: &Path) -> Result<usize, String> {
    let name = path.file_name().unwrap().to_string_lossy();
    let model = load(path).map_err(|e| e.to_string())?;
    let reference = Shapes::beside(path);
    let open = model.graph.hyperparameters().iter().filter(|(_, h)| h.default.is_none());
    let config: Assignment =
        open.map(|(name, _)| (name.clone(), reference.bind.get(name).copied().unwrap_or(2))).collect();
    if name.contains(CONTRADICTORY) {
        let error = model.graph.bind(&config).map(drop).unwrap_err().to_string();
        return if error.starts_with("node `/Expand` (Expand): shapes") { Ok(0) } else { Err(error) };
    }
    let bound = model.graph.bind(&config).map_err(|e| e.to_string())?;
    let differences = differences(&bound, &reference);
    if !differences.is_empty() {
        return Err(format!("{} shapes differ, first {}", differences.len(), differences[0]));
    }
    if let Some(id) = bound.unknown_nodes().next() {
        let node = bound.graph().node(id);
        return Err(format!("node `{}` ({}): operator or shape not known", node.name, node.op));
    }
    let cost = |config: &Assignment| model.graph.bind(config).and_then(|b| b.cost()).map_err(|e| e.to_string());
    let one = bound.cost().map_err(|e| e.to_string())?;
    if name.starts_with(FIXED_BATCH) {
        let named = model.warnings.iter().any(|w| w.contains("the batch stays fixed at 1: node `"));
        return if named { Ok(0) } else { Err(format!("{:?}", model.warnings)) };
    }
    if !model.warnings.is_empty() {
        return Err(model.warnings.join("; "));
    }
    if path.to_string_lossy().contains("timm") {
        let many = cost(&Assignment::from([("batch".into(), 64)]))?;
        if (many.macs, many.parameters) != (64 * one.macs, one.parameters) {
            return Err(format!("batch 64: {} MACs of {}", many.macs, one.macs));
        }
    }
    Ok(bound.graph().tensors().iter().filter(|t| reference.tensors.contains_key(&t.name)).count())
}

/// Some ten seconds on two cores; a minute in the development profile.
#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn all_models_are_as_the_reference_has_them() {
    let folders = ["onnx-light", "dynamic", "timm"];
    let paths: Vec<_> = folders.into_iter().flat_map(models).collect();
    let results: Vec<_> = paths.par_iter().map(|path| (path, faults(path))).collect();
    let compared: usize = results.iter().filter_map(|(_, r)| r.as_ref().ok()).sum();
    println!("{} files, {compared} shapes compared", paths.len());
    let faults: Vec<_> = results.into_iter().filter_map(|(p, r)| Some((p.file_name().unwrap(), r.err()?))).collect();
    assert!(faults.is_empty(), "{} of {} files: {faults:#?}", faults.len(), paths.len());
}

/// `NAME__A` bound to B² costs what `NAME__B` costs, or is refused by a node that holds A.
#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn images_of_another_size_cost_what_their_own_file_says() {
    let paths = models("timm");
    let stem = |path: &Path| {
        path.file_name()?
            .to_str()?
            .strip_suffix(".onnx.gz")?
            .rsplit_once("__")
            .map(|(n, s)| (n.to_owned(), s.parse::<u64>().ok()))
    };
    let mut families: BTreeMap<String, Vec<(u64, &Path)>> = BTreeMap::new();
    for path in &paths {
        if let Some((name, Some(size))) = stem(path) {
            families.entry(name).or_default().push((size, path));
        }
    }
    let check = |files: &Vec<(u64, &Path)>| {
        let graphs: Vec<_> = files.iter().map(|&(size, path)| (size, load(path).unwrap().graph)).collect();
        let (mut equal, mut refused) = (0, 0);
        for (from, graph) in &graphs {
            for (to, other) in graphs.iter().filter(|(to, _)| to != from) {
                let Ok(bound) = graph.bind(&Assignment::from([("height".into(), *to), ("width".into(), *to)])) else {
                    refused += 1;
                    continue;
                };
                let (ours, theirs) = (bound.cost().unwrap(), other.bind(&Assignment::new()).unwrap().cost().unwrap());
                assert_eq!((ours.macs, ours.parameters), (theirs.macs, theirs.parameters), "{} at {to}", graph.name());
                equal += 1;
            }
        }
        (equal, refused)
    };
    let several: Vec<_> = families.values().filter(|files| files.len() > 1).collect();
    let counts: Vec<(usize, usize)> = several.par_iter().map(|files| check(files)).collect();
    let (equal, refused) = counts.iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    println!("{equal} pairs cost the same, {refused} are refused");
    assert!(equal > 600, "{equal} of {}", equal + refused);
}

/// Multiply–accumulates of the convolutions and matrix products of each file: onnx-tool 1.0.1, which adds one per
/// result with a bias, and the same without, onnx_opcounter 0.0.4 (`golden/counters.py`).
#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn light_models_cost_what_public_counters_say() {
    let golden: BTreeMap<String, [u64; 2]> = serde_json::from_str(include_str!("../../golden/counters.json")).unwrap();
    for path in light() {
        let bound = load(&path).unwrap().graph.bind(&Assignment::new()).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().replace(".onnx.gz", "");
        let matrix =
            |id: &&tachograph_ir::NodeId| ["Conv", "Gemm", "MatMul"].contains(&bound.graph().node(**id).op.name());
        let costs = bound.live().iter().filter(matrix).map(|&id| bound.node_cost(id).unwrap());
        let (macs, with_bias) = costs.fold((0, 0), |(m, b), c| (m + c.macs, b + c.flops - c.macs));
        assert_eq!([with_bias, macs], golden[&name], "{name}");
    }
}
