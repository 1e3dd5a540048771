//! Which operators of a folder of model files nothing runs, and which fail when they run.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

use tachograph_ir::Assignment;
use tachograph_profile::{Error, Executor, refusals};
use tch::Device;

/// FLOPs and parameters of the largest network that is run.
const FLOPS: u64 = 2_000_000_000;
const PARAMETERS: u64 = 30_000_000;

/// Prints each operator that is refused or fails, with the number of files it keeps from running and one reason.
#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn operators_without_a_kernel() {
    let folder = std::env::var_os("TACHOGRAPH_MODELS").expect("TACHOGRAPH_MODELS names the folder of model files");
    let (mut files, mut runnable, mut reasons) = (0, 0, BTreeMap::<String, (u64, String)>::new());
    for file in model_files(Path::new(&folder)) {
        let Some(refused) = refused(&file) else { continue };
        files += 1;
        runnable += u64::from(refused.is_empty());
        for (op, reason) in refused {
            if op == "fails" {
                println!("{}: {reason}", file.display());
            }
            let entry = reasons.entry(op).or_insert_with(|| (0, format!("{}: {reason}", file.display())));
            entry.0 += 1;
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, (files, _))| std::cmp::Reverse(*files));
    for (op, (files, reason)) in reasons {
        println!("{files:5} {op:30} {reason}");
    }
    println!("{runnable} of {files} files run");
}

/// What is refused of a file, by operator; `None` where it cannot be read or bound.
fn refused(file: &Path) -> Option<BTreeMap<String, String>> {
    let imported = tachograph_import::load(file).ok()?;
    let open = imported.graph.hyperparameters().iter().filter(|(_, h)| h.default.is_none());
    let config: Assignment = open.map(|(name, _)| (name.clone(), 1)).collect();
    let bound = imported.graph.bind(&config).ok()?;
    let named = |error: Error| match error {
        Error::Unsupported { op, message, .. } => (op, message),
        other => (String::new(), other.to_string()),
    };
    let refused: BTreeMap<String, String> = refusals(&bound).into_iter().map(named).collect();
    let small = bound.cost().is_ok_and(|cost| cost.flops < FLOPS && cost.parameters < PARAMETERS);
    if !refused.is_empty() || !small {
        return Some(refused);
    }
    let result = Executor::new(&bound, Device::Cpu).and_then(|executor| executor.run());
    Some(result.err().map(|error| ("fails".to_owned(), error.to_string())).into_iter().collect())
}

fn model_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(model_files(&path));
        } else if [".onnx", ".onnx.gz", ".tflite", ".tflite.gz", ".param"].iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
    found.sort();
    found
}
