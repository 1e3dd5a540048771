//! Configurations are ranked: the page docs/ranking.md, from the script to the order.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::run_in;

/// The archives that the script of the page writes.
fn archives() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/configurations.py");
    let written = Command::new("python3").arg(script).arg(folder.path().join("mine")).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    folder
}

/// As on the page, but for the length of the run.
const CONFIG: &str = "data = 'mine'\nloss = 'list-mle'\nmetric = 'opa'\nclip = 0.01\nepochs = 30\nbatch = 8\nruns = 10\n\
                      [model]\nkind = 'tile-sage'\nhidden = 32\nembedding = 8\n";

/// Run times by number, of an archive that the script wrote: its last array, without compression.
fn times(path: &Path) -> Vec<i64> {
    let bytes = fs::read(path).unwrap();
    let place = bytes.windows(20).position(|window| window == b"config_runtime.npy\x93N").unwrap() + 18 + 128;
    bytes[place..place + 25 * 8].chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect()
}

#[test]
fn from_a_script_to_an_order() {
    let folder = archives();
    let at = |args: &[&str]| run_in(folder.path(), args);
    fs::write(folder.path().join("run.toml"), CONFIG).unwrap();
    let train = ["train", "--config", "run.toml", "--out", "run", "--json"];
    let lines = at(&train).well().json();
    let epochs: Vec<&Value> = lines.iter().filter(|line| line["epoch"].is_object()).collect();
    assert_eq!(epochs.len(), 30);
    let outcome = &lines.last().unwrap()["outcome"];
    let opa = |outcome: &Value| outcome["test"]["mean"]["opa"].as_f64().unwrap();
    assert!(opa(outcome) > 0.75, "half of the pairs are in order by chance: {outcome}");
    // The run is over: it says the same again.
    assert_eq!(at(&train).well().json().last().unwrap()["outcome"], *outcome);
    let text = at(&["evaluate", "--config", "run.toml", "--out", "run"]).well().out;
    assert!(text.contains("kernel5") && text.contains("top-1 %") && text.contains("mean"), "{text}");

    let checkpoint = ["--checkpoint", "run/best.safetensors"];
    let file = "mine/tile/xla/test/kernel0.npz";
    let rank = |more: &[&str]| at(&[&["rank", file], &checkpoint[..], more].concat());
    let line = rank(&["--json", "--top", "0"]).well().json().remove(0);
    let order: Vec<usize> = serde_json::from_value(line["configurations"].clone()).unwrap();
    let scores: Vec<f64> = serde_json::from_value(line["scores"].clone()).unwrap();
    assert!(scores.is_sorted(), "best first: {scores:?}");
    let mut all = order.clone();
    all.sort_unstable();
    assert_eq!(all, (0..25).collect::<Vec<_>>());
    let times = times(&folder.path().join(file));
    let (mut right, mut pairs) = (0, 0);
    for (place, &i) in order.iter().enumerate() {
        for &j in &order[place + 1..] {
            pairs += u32::from(times[i] != times[j]);
            right += u32::from(times[i] < times[j]);
        }
    }
    let opa = line["measured"]["opa"].as_f64().unwrap();
    assert!((opa - f64::from(right) / f64::from(pairs)).abs() < 1e-12, "{right} of {pairs}, {opa}");

    let csv = rank(&["--csv", "--top", "3"]).well().out;
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["graph", "rank", "configuration", "score", "measured"]);
    assert_eq!((rows.len(), &rows[1][..3]), (4, &[file, "1", &order[0].to_string()][..]));
    assert!((rows[1][3].parse::<f64>().unwrap() - scores[0]).abs() < 1e-9 * scores[0].abs().max(1.0), "{csv}");
    assert_eq!(rows[1][4], times[order[0]].to_string());
    let text = rank(&[]).well().out;
    assert!(text.contains("25 configurations") && text.contains("of pairs in this order"), "{text}");

    let args = [&["rank", "mine/tile/xla/test", "--submission", "out.csv"], &checkpoint[..]].concat();
    at(&args).well();
    let table = fs::read_to_string(folder.path().join("out.csv")).unwrap();
    let best: Vec<String> = order[..5].iter().map(usize::to_string).collect();
    assert_eq!(table.lines().count(), 7);
    assert!(table.contains(&format!("\ntile:xla:kernel0,{}\n", best.join(";"))), "{table}");
}

#[test]
fn what_ranks_nothing_is_refused() {
    let folder = archives();
    let at = |args: &[&str]| run_in(folder.path(), args);
    let refused = |config: &str, says: &str| {
        fs::write(folder.path().join("bad.toml"), config).unwrap();
        let ran = at(&["train", "--config", "bad.toml", "--out", "bad"]);
        assert!(ran.failed().contains(says), "{}", ran.err);
    };
    refused(&CONFIG.replace("'opa'", "'mape'"), "setting `metric`: is of amounts; an order has opa");
    refused(&CONFIG.replace("'mine'", "'nowhere'"), "nowhere: is no archive");
    refused(&CONFIG.replace("tile-sage", "layout-resmodel"), "setting `model`: does not rank tiles of graphs");
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../predict/checkpoints");
    let any = fs::read_dir(&bundled).unwrap().map(|file| file.unwrap().path());
    let any = any.filter(|path| path.extension().is_some_and(|end| end == "safetensors")).min().unwrap();
    let ran = at(&["rank", "mine", "--checkpoint", any.to_str().unwrap()]);
    assert!(ran.failed().contains("predicts amounts and ranks no configurations"), "{}", ran.err);
    fs::write(folder.path().join("run.toml"), CONFIG.replace("epochs = 30", "epochs = 1")).unwrap();
    at(&["train", "--config", "run.toml", "--out", "run"]).well();
    let ran = at(&["rank", "run.toml", "--checkpoint", "run/best.safetensors"]);
    assert!(ran.failed().contains("run.toml"), "{}", ran.err);
}

mod with_data {
    use super::*;

    /// Layouts of one graph, learned for an epoch, and ranked.
    #[test]
    #[ignore = "needs TACHOGRAPH_DATA (published sets)"]
    fn alexnet() {
        let root = std::env::var("TACHOGRAPH_DATA").expect("TACHOGRAPH_DATA names the folder of the published sets");
        let file = format!("{root}/tpugraphs/cleaned_alexnet.npz");
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "data = '{file}'\nloss = 'list-mle'\nmetric = 'kendall'\nepochs = 2\nruns = 32\n\
             [ranking]\nsplit = {{ kind = 'configurations', seed = 0 }}\ndraws = 30\n[model]\nkind = 'choice-attention'\n"
        );
        fs::write(folder.path().join("run.toml"), config).unwrap();
        let lines = run_in(folder.path(), &["train", "--config", "run.toml", "--out", "run", "--json"]).well().json();
        let tau = lines.last().unwrap()["outcome"]["test"]["mean"]["kendall"].as_f64().unwrap();
        assert!(tau > 0.1, "{tau}");
    }

    /// Tuning records of kernels and of a layout, learned for some epochs, and ranked.
    #[test]
    #[ignore = "needs TACHOGRAPH_DATA (published sets)"]
    fn tuning_records() {
        let root = std::env::var("TACHOGRAPH_DATA").expect("TACHOGRAPH_DATA names the folder of the published sets");
        for (name, split, model, graphs, configurations) in [
            ("op_tuning_data.pb", "graphs", "tile-sage", 15, 61),
            ("module_tuning_data_layout.pb", "configurations", "choice-attention", 1, 112),
        ] {
            let file = format!("{root}/tpugraphs/{name}");
            let folder = tempfile::tempdir().unwrap();
            let config = format!(
                "data = '{file}'\nloss = 'list-mle'\nmetric = 'kendall'\nepochs = 2\nruns = 8\n\
                 [ranking]\nsplit = {{ kind = '{split}', seed = 0 }}\n[model]\nkind = '{model}'\n"
            );
            fs::write(folder.path().join("run.toml"), config).unwrap();
            run_in(folder.path(), &["train", "--config", "run.toml", "--out", "run"]).well();
            let rank = ["rank", file.as_str(), "--checkpoint", "run/best.safetensors", "--json", "--top", "0"];
            let lines = run_in(folder.path(), &rank).well().json();
            assert_eq!(lines.len(), graphs);
            assert_eq!(lines[0]["configurations"].as_array().unwrap().len(), configurations, "{name}");
        }
    }
}
