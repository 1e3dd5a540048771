//! Real models: every shape that a file states, and the multiply–accumulates that Arm's compiler counts.

use std::{collections::BTreeMap, path::Path, path::PathBuf};

use tachograph_ir::{Assignment, BoundGraph, Graph, TensorId, TensorKind};

use super::{layout::permuted, schema};
use crate::{Imported, open, tflite::read};

/// A path below the folder that a variable names.
fn below(variable: &str, path: &str) -> PathBuf {
    Path::new(&std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set"))).join(path)
}

/// The models, sorted.
fn files() -> Vec<PathBuf> {
    let entries = below("TACHOGRAPH_MODELS", "tflite").read_dir().unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.to_string_lossy().ends_with(".tflite.gz"));
    files.sort();
    files
}

/// The graph without what the file states of results, except those of custom operators.
fn unstated(graph: &Graph) -> Graph {
    let mut parts = graph.clone().into_parts();
    let custom = parts.nodes.iter().filter(|n| n.op.is_custom());
    let custom: Vec<TensorId> = custom.flat_map(|n| n.outputs.iter().flatten().copied()).collect();
    for (i, tensor) in parts.tensors.iter_mut().enumerate() {
        if tensor.kind == TensorKind::Activation && !custom.contains(&TensorId(i as u32)) {
            tensor.dims = None;
        }
    }
    Graph::new(parts).unwrap()
}

fn bind(model: &Imported, config: Assignment) -> BoundGraph {
    let name = model.graph.name();
    unstated(&model.graph).bind(&config).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The size of images where the file leaves it open.
fn image(model: &Imported) -> Assignment {
    let open = model.graph.hyperparameters().keys().filter(|name| *name != "batch");
    open.map(|name| (name.clone(), 224)).collect()
}

#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn all_models_have_the_shapes_that_they_state() {
    let (mut models, mut compared) = (0, 0);
    for path in files() {
        let bytes = open(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        let model = read(&bytes, &name).unwrap();
        let bound = bind(&model, image(&model));
        let graph = flatbuffers::root::<schema::Model>(&bytes).unwrap().graphs().unwrap().get(0);
        for (i, stored) in graph.tensors().unwrap().iter().enumerate() {
            let tensor = model.graph.tensor(TensorId(i as u32));
            if tensor.kind != TensorKind::Activation {
                continue;
            }
            // Where height and width are open, the file has 1 for them.
            if !image(&model).is_empty() && stored.signature().is_some_and(|s| s.iter().skip(1).any(|n| n == -1)) {
                continue;
            }
            let stated = permuted(stored.shape().into_iter().flatten().map(|n| n as u64).collect::<Vec<_>>());
            let inferred = bound.fact(TensorId(i as u32));
            assert_eq!(inferred.shape.as_ref(), Some(&stated), "{name}: `{}`", tensor.name);
            assert_eq!(Some(inferred.dtype), tensor.dtype, "{name}: `{}`", tensor.name);
            compared += 1;
        }
        assert!(name.starts_with("lstm") || model.warnings.is_empty(), "{name}: {:?}", model.warnings);
        models += 1;
    }
    eprintln!("{models} models, {compared} shapes and types");
    assert_eq!(models, 35);
}

/// `nn_macs` of `ethos-u-vela` 5.2.0, largest over the accelerators: some leave operators to the processor.
fn vela() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(below("TACHOGRAPH_DATA", "vela/vela.csv")).unwrap();
    let mut macs = BTreeMap::new();
    for row in text.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let count: u64 = fields[9].parse().unwrap();
        let entry = macs.entry(fields[0].to_owned()).or_insert(count);
        *entry = count.max(*entry);
    }
    macs
}

/// Vela counts pooling windows, means and gates too: for MobileNet v1, 7·7·1024 of the average and 2·1000 of the
/// softmax.
#[test]
#[ignore = "needs TACHOGRAPH_MODELS and TACHOGRAPH_DATA (model files, published sets)"]
fn multiply_accumulates_are_near_those_of_vela() {
    let vela = vela();
    for path in files() {
        let name = path.file_name().unwrap().to_string_lossy().replace(".tflite.gz", "");
        let Some(&expected) = vela.get(&name) else { continue };
        let macs = bind(&read(&open(&path).unwrap(), &name).unwrap(), Assignment::new()).cost().unwrap().macs;
        let ratio = macs as f64 / expected as f64;
        eprintln!("{name}: {macs}, Vela {expected}, {ratio:.4}");
        assert!((0.97..=1.0).contains(&ratio), "{name}: {macs}, not {expected}");
    }
}

#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn open_batches_bind() {
    for path in files() {
        let name = path.file_name().unwrap().to_string_lossy().replace(".tflite.gz", "");
        let model = read(&open(&path).unwrap(), &name).unwrap();
        if !model.graph.hyperparameters().contains_key("batch") || name.starts_with("lstm") {
            continue;
        }
        let mut config = image(&model);
        let one = bind(&model, config.clone());
        config.insert("batch".into(), 8);
        let eight = bind(&model, config);
        assert_eq!(8 * one.cost().unwrap().macs, eight.cost().unwrap().macs, "{name}");
    }
}
