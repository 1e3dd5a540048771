//! What the documents show works.

use std::{fs, path::PathBuf, process::Command};

use tachograph_train::{BEST, RankingConfig, RunConfig, train};

use crate::data::{config, proportional};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The blocks of `language` in a manifest.
fn blocks(manifest: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs").join(manifest)).unwrap();
    let start = format!("```{language}\n");
    text.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The first of them.
fn block(manifest: &str, language: &str) -> String {
    blocks(manifest, language).swap_remove(0)
}

#[test]
fn the_documents_show_every_setting_of_every_model_with_its_default() {
    let blocks = blocks("models.md", "toml");
    assert_eq!(blocks.len(), 7);
    for text in blocks {
        let shown: RunConfig = toml::from_str(&format!("data = '.'\n{text}")).unwrap();
        let table: toml::Table = toml::from_str(&text).unwrap();
        let kind = &table["model"]["kind"];
        let default: RunConfig = toml::from_str(&format!("data = '.'\n[model]\nkind = {kind}")).unwrap();
        assert_eq!(shown.model, default.model);
        let all = toml::Table::try_from(&default.model).unwrap();
        assert_eq!(table["model"].as_table().unwrap().keys().count(), all.len(), "{kind}");
    }
}

#[test]
fn the_documents_show_every_key_of_a_config() {
    let documented: RunConfig = toml::from_str(&block("training.md", "toml")).unwrap();
    let written: toml::Table = toml::from_str(&toml::to_string(&documented).unwrap()).unwrap();
    let shown: toml::Table = toml::from_str(&block("training.md", "toml")).unwrap();
    assert_eq!(
        written.keys().collect::<Vec<_>>(),
        shown.keys().collect::<Vec<_>>(),
        "docs/training.md shows every key"
    );
}

#[test]
fn the_page_on_ranking_shows_every_setting_with_its_default() {
    let blocks = blocks("ranking.md", "toml");
    let mine: RunConfig = toml::from_str(&blocks[0]).unwrap();
    assert!(mine.model.ranking().is_some() && mine.metric.is_of_order() && mine.loss.ranks());
    let shown: RunConfig = toml::from_str(&format!("data = '.'\n{}", blocks[1])).unwrap();
    // A file of lists is an example.
    assert_eq!(RankingConfig { lists: None, ..shown.ranking }, RankingConfig::default());
    let table: toml::Table = toml::from_str(&blocks[1]).unwrap();
    let written = toml::Table::try_from(RankingConfig::default()).unwrap();
    assert_eq!(table["ranking"].as_table().unwrap().len(), written.len() + 1);
}

/// Needs Python with the packages `safetensors` and `numpy`; `TACHOGRAPH_PYTHON` names it.
#[test]
#[ignore = "needs Python with safetensors"]
fn python_reads_a_checkpoint_as_documented() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    train(&RunConfig { epochs: 1, ..config(data.path()) }, dir.path(), |_| ()).unwrap();
    let script = dir.path().join("read.py");
    fs::write(&script, block("checkpoints.md", "python")).unwrap();
    let python = std::env::var("TACHOGRAPH_PYTHON").unwrap_or_else(|_| "python3".into());
    let read = |path: PathBuf| Command::new(&python).arg(&script).arg(path).output().unwrap();
    let output = read(dir.path().join(BEST));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("format 4") && text.contains("heads.0.2.bias (1,)"), "{text}");
    let mut bytes = fs::read(dir.path().join(BEST)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(dir.path().join("damaged"), bytes).unwrap();
    assert!(!read(dir.path().join("damaged")).status.success());
}
