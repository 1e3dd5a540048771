//! The models that this repository brings along.

use std::path::{Path, PathBuf};

use tachograph_import::load;
use tachograph_ir::{Config, Cost, Graph};

fn bundled() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/models");
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "gz"));
    paths.sort();
    paths
}

fn cost(graph: &Graph, batch: u64) -> Cost {
    graph.bind(&Config::from([("batch".into(), batch)])).unwrap().cost().unwrap()
}

#[test]
fn all_import_without_warnings_and_follow_the_batch() {
    let paths = bundled();
    assert!(paths.len() >= 8);
    for path in paths {
        let model = load(&path).unwrap();
        assert!(model.warnings.is_empty(), "{}: {:?}", path.display(), model.warnings);
        let bound = model.graph.bind(&Config::new()).unwrap();
        assert_eq!(bound.unknown_nodes().count(), 0, "{}", path.display());
        let (one, eight) = (cost(&model.graph, 1), cost(&model.graph, 8));
        assert_eq!((eight.macs, eight.parameters), (8 * one.macs, one.parameters), "{}", path.display());
    }
}
