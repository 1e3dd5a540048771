//! Every recipe is a training that can be started, by the names of today.

use std::fs;
use std::path::PathBuf;

use tachograph_train::RunConfig;

use crate::at;

fn recipes() -> Vec<PathBuf> {
    let in_folder = |folder: &str| fs::read_dir(at(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files = in_folder("research/recipes").chain(in_folder("research/recipes/tables"));
    files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect()
}

#[test]
fn recipes_are_read_and_name_registered_kinds() {
    let all = recipes();
    assert!(all.len() >= 11, "{all:?}");
    for path in all {
        let config = RunConfig::load(&path).unwrap();
        let shown: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        let written = toml::Table::try_from(&config).unwrap();
        // What is written has today's names, so a recipe with a former one differs.
        assert_eq!(shown["model"]["kind"], written["model"]["kind"], "{}", path.display());
        assert_eq!(shown["features"], written["features"], "{}", path.display());
    }
}

#[test]
fn recipes_that_rank_are_read() {
    let files = fs::read_dir(at("research/recipes/ranking")).unwrap().map(|entry| entry.unwrap().path());
    let mut kinds: Vec<String> = files
        .map(|path| {
            let config = RunConfig::load(&path).unwrap();
            assert!(config.model.ranking().is_some() && config.metric.is_of_order(), "{}", path.display());
            config.model.kind().to_owned()
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    let all =
        ["choice-attention", "gst", "layout-first", "layout-gnn", "layout-resmodel", "layout-second", "tile-sage"];
    assert_eq!(kinds, all);
}

#[test]
fn recipes_on_programs_are_read() {
    for name in ["tenset-mlp", "tlp", "gtuner"] {
        let config = RunConfig::load(&at(&format!("research/recipes/programs/{name}.toml"))).unwrap();
        assert_eq!(config.model.kind(), name);
        assert!(config.features.name().starts_with("program-") && config.loss.ranks() && config.metric.is_of_order());
    }
}

#[test]
fn recipes_learn_sets_that_there_are() {
    for path in recipes() {
        let config = RunConfig::load(&path).unwrap();
        for data in [&config.data].into_iter().chain(&config.extra) {
            let name = data.display().to_string();
            assert!(at(&name).is_dir() || tachograph_datasets::find(&name).is_ok(), "{}: {name}", path.display());
        }
    }
}
