//! Describes networks, and what their weights and inputs are, to `golden/make_outputs.py`.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::{Value, json};
use tachograph_ir::{BoundGraph, TensorId, TensorKind};
use tachograph_networks::{Family, sample};
use tachograph_profile::Fill;

use crate::case::{Source, light, models, root};

/// Seed of the generated networks.
const SEED: u64 = 5;
/// Indices to choose from.
const POOL: u64 = 60;
/// FLOPs of the largest that may be chosen.
const FLOPS: u64 = 500_000_000;

/// Writes a model file and a description of each network into the folder `TACHOGRAPH_EXPORT`.
#[test]
#[ignore = "only golden/make_outputs.py needs it"]
fn export() {
    let folder = PathBuf::from(std::env::var_os("TACHOGRAPH_EXPORT").expect("TACHOGRAPH_EXPORT names a folder"));
    let bundled = models(&root().join("datasets/models")).into_iter().map(Source::Bundled);
    let light = models(&light()).into_iter().map(Source::Light);
    let light = light.filter(|source| !root().join("datasets/models").join(source.name() + ".onnx.gz").exists());
    let generated = Family::ALL.into_iter().flat_map(choose);
    for source in generated.chain(bundled).chain(light) {
        let bound = source.load();
        let file = source.file().unwrap_or_else(|| {
            let weights = |id: TensorId, _: &_| Some(Fill::of(&bound, id).floats(id.0, elements(&bound, id)));
            let bytes = tachograph_import::onnx::write(bound.graph(), weights).unwrap();
            let file = folder.join(source.name() + ".onnx");
            fs::write(&file, bytes).unwrap();
            file
        });
        let description = json!({
            "source": source,
            "nodes": bound.graph().len(),
            "file": file,
            "outputs": bound.graph().outputs().iter().map(|&t| &bound.graph().tensor(t).name).collect::<Vec<_>>(),
            "tensors": stand_ins(&bound),
        });
        fs::write(folder.join(source.name() + ".json"), description.to_string()).unwrap();
    }
}

/// Small networks of a family, so many that every operator of its small networks occurs; at least two.
fn choose(family: Family) -> Vec<Source> {
    let mut pool: Vec<(u64, u64, BTreeSet<String>)> = Vec::new();
    for index in 0..POOL {
        let bound = sample(family, SEED, index).unwrap().graph.bind(&Default::default()).unwrap();
        let ops = bound.graph().nodes().map(|(_, n)| format!("{} {:?}", n.op, n.attrs.get("approximate"))).collect();
        pool.push((bound.cost().unwrap().flops, index, ops));
    }
    pool.sort();
    pool.retain(|(flops, ..)| *flops <= FLOPS);
    let (mut seen, mut chosen) = (BTreeSet::new(), Vec::new());
    while let Some(best) = (0..pool.len()).rev().max_by_key(|&i| pool[i].2.difference(&seen).count()) {
        let (_, index, ops) = pool.remove(best);
        if chosen.len() >= 2 && ops.is_subset(&seen) {
            break;
        }
        seen.extend(ops);
        chosen.push(Source::Generated { family, seed: SEED, index });
    }
    chosen
}

/// Every tensor that an executor fills.
fn stand_ins(bound: &BoundGraph) -> Vec<Value> {
    let graph = bound.graph();
    let read: BTreeSet<TensorId> =
        bound.live().iter().flat_map(|&id| graph.node(id).inputs.iter().flatten().copied()).collect();
    let filled = |id: &TensorId| {
        let fact = bound.fact(*id);
        fact.value.is_none() && (fact.constant || graph.tensor(*id).kind == TensorKind::Input)
    };
    let describe = |id: TensorId| {
        let (fill, parameter) = match Fill::of(bound, id) {
            Fill::Weight { fan_in } => ("weight", fan_in),
            Fill::Positive => ("positive", 0),
            Fill::Small => ("small", 0),
            Fill::Input => ("input", 0),
            Fill::Index(bound) => ("index", bound),
            Fill::Divisor => ("divisor", 1),
        };
        let (name, shape) = (&graph.tensor(id).name, bound.shape(id).unwrap());
        let dtype = bound.fact(id).dtype.to_string();
        json!({ "id": id.0, "name": name, "shape": shape, "dtype": dtype, "fill": fill, "parameter": parameter })
    };
    read.into_iter().filter(filled).map(describe).collect()
}

fn elements(bound: &BoundGraph, id: TensorId) -> usize {
    bound.shape(id).unwrap().iter().product::<u64>() as usize
}
