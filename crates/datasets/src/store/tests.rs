use std::{fs, io::Write, path::Path};

use tachograph_ir::{Assignment, Builder, DType, Domain, Graph};

use super::{DataSet, Run, Writer};
use crate::{NetworkId, Record, record::tests::record};

fn graph(channels: u64) -> Graph {
    let mut b = Builder::new("tiny");
    b.hyperparameter("batch", Domain::Range { min: 1, max: 64, step: 1 }, 1);
    let x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), 8.into(), 8.into()]);
    let x = b.conv(x, channels, [3, 3], 1, 1, 1, true).unwrap();
    let x = b.op("Relu", &[x]).unwrap();
    b.finish(&[x]).unwrap()
}

fn run() -> Run {
    Run { device: "test-cpu".into(), protocol: "none".into(), seed: 7 }
}

fn item(i: u64) -> (Graph, Record) {
    (graph(i + 1), record(NetworkId::generated("tiny", 7, i), 1 + i % 2, 1.0 + i as f64))
}

fn write(dir: &Path, items: std::ops::Range<u64>) -> Writer {
    let mut writer = Writer::resume(dir, run()).unwrap();
    for (graph, record) in items.map(item) {
        assert!(writer.append(&graph, &record).unwrap());
    }
    writer
}

fn finished() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), 0..5).finish().unwrap();
    dir
}

const MEASURED: &str = "measurements/test-cpu.jsonl";

#[test]
fn what_is_written_is_read() {
    let dir = finished();
    let set = DataSet::open(dir.path()).unwrap();
    assert_eq!(set.graphs().len(), 5);
    for (i, (found, record)) in set.iter().enumerate() {
        let (graph, expected) = item(i as u64);
        assert_eq!((found, record), (&graph, &expected));
        assert_eq!(set.bind(record).unwrap().batch(), record.config["batch"]);
    }
    assert!(!dir.path().join("graphs.jsonl").exists());
}

/// A packed set is read as a plain one is, goes on as a plain one does, and may be plain again.
#[test]
fn measurements_may_be_packed() {
    let dir = tempfile::tempdir().unwrap();
    let packed = dir.path().join(format!("{MEASURED}.zst"));
    let meta = write(dir.path(), 0..3).finish_packed().unwrap();
    assert!(packed.is_file() && !dir.path().join(MEASURED).exists());
    assert_eq!(meta.devices[0].file.file, format!("{MEASURED}.zst"));
    assert_eq!(DataSet::open(dir.path()).unwrap().records().len(), 3);
    let mut writer = Writer::resume(dir.path(), run()).unwrap();
    assert_eq!(writer.keys().count(), 3);
    let (graph, record) = item(3);
    assert!(writer.append(&graph, &record).unwrap());
    writer.finish_packed().unwrap();
    assert_eq!(DataSet::open(dir.path()).unwrap().records().len(), 4);
    let meta = Writer::resume(dir.path(), run()).unwrap().finish().unwrap();
    assert_eq!((meta.devices.len(), meta.devices[0].file.file.as_str()), (1, MEASURED));
    assert!(!packed.exists());
    let set = DataSet::open(dir.path()).unwrap();
    assert_eq!(set.records(), &(0..4).map(|i| item(i).1).collect::<Vec<_>>()[..]);
}

#[test]
fn resuming_skips_what_is_there_and_adds_the_rest() {
    let dir = finished();
    let mut writer = Writer::resume(dir.path(), run()).unwrap();
    let (graph, record) = item(3);
    assert!(writer.has(&record.key()));
    assert!(!writer.append(&graph, &record).unwrap());
    let other_batch = Record { config: Assignment::from([("batch".into(), 64)]), ..record };
    assert!(writer.append(&graph, &other_batch).unwrap());
    drop(writer);
    write(dir.path(), 5..7).finish().unwrap();
    let set = DataSet::open(dir.path()).unwrap();
    assert_eq!((set.graphs().len(), set.records().len()), (7, 8));
}

#[test]
fn forgotten_measurements_can_be_made_again() {
    let dir = finished();
    let mut writer = Writer::resume(dir.path(), run()).unwrap();
    assert_eq!(writer.forget(|r| r.median_ms > Some(3.5)).unwrap(), 2);
    let (graph, record) = item(4);
    assert!(!writer.has(&record.key()));
    assert!(writer.append(&graph, &record).unwrap());
    writer.finish().unwrap();
    let set = DataSet::open(dir.path()).unwrap();
    assert_eq!((set.graphs().len(), set.records().len()), (5, 4));
}

#[test]
fn a_second_device_shares_the_graphs() {
    let dir = finished();
    let run = Run { device: "Other GPU/1".into(), ..run() };
    let mut writer = Writer::resume(dir.path(), run.clone()).unwrap();
    let (graph, record) = item(0);
    writer.append(&graph, &Record { device: run.device.clone(), ..record }).unwrap();
    let meta = writer.finish().unwrap();
    assert_eq!(meta.devices.len(), 2);
    assert_eq!(meta.devices[0].file.file, "measurements/other-gpu-1.jsonl");
    let set = DataSet::open(dir.path()).unwrap();
    assert_eq!((set.graphs().len(), set.records().len()), (5, 6));
}

#[test]
fn a_torn_tail_costs_one_item_wherever_it_is_cut() {
    let whole = tempfile::tempdir().unwrap();
    drop(write(whole.path(), 0..3));
    for file in [MEASURED, "graphs.jsonl"] {
        let bytes = fs::read(whole.path().join(file)).unwrap();
        let last = bytes[..bytes.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
        for cut in [last + 1, last + 40, bytes.len() - 1] {
            let dir = tempfile::tempdir().unwrap();
            drop(write(dir.path(), 0..3));
            fs::write(dir.path().join(file), &bytes[..cut]).unwrap();
            let mut writer = Writer::resume(dir.path(), run()).unwrap();
            assert_eq!(writer.warnings().len(), 1);
            assert!(writer.warnings()[0].contains(&format!("{file}:3")), "{:?}", writer.warnings());
            let (graph, record) = item(2);
            assert_eq!(writer.append(&graph, &record).unwrap(), file == MEASURED);
            if file == MEASURED {
                writer.finish().unwrap();
                assert_eq!(DataSet::open(dir.path()).unwrap().records().len(), 3);
            }
        }
    }
}

#[test]
fn one_writer_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Writer::resume(dir.path(), run()).unwrap();
    assert!(Writer::resume(dir.path(), run()).unwrap_err().to_string().contains("another process"));
}

/// Opens a set after `damage`; the message must contain `expected`.
fn refuses(damage: impl FnOnce(&Path), expected: &str) {
    let dir = finished();
    damage(dir.path());
    let error = DataSet::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn the_reader_names_file_and_line_of_damage() {
    let cut = |file: &'static str, keep: fn(usize) -> usize| {
        move |dir: &Path| {
            let bytes = fs::read(dir.join(file)).unwrap();
            fs::write(dir.join(file), &bytes[..keep(bytes.len())]).unwrap();
        }
    };
    refuses(cut(MEASURED, |n| n - 5), "test-cpu.jsonl:5: the line is cut");
    refuses(cut("graphs.jsonl.zst", |n| n - 5), "graphs.jsonl.zst:");
    refuses(cut("graphs.jsonl.zst", |n| n / 2), "graphs.jsonl.zst:");
    refuses(cut("meta.json", |n| n / 2), "meta.json:");
    refuses(|dir| fs::remove_file(dir.join(MEASURED)).unwrap(), "test-cpu.jsonl");
    let edit = |from: &'static str, to: &'static str| {
        move |dir: &Path| {
            let text = fs::read_to_string(dir.join(MEASURED)).unwrap();
            assert!(text.contains(from));
            fs::write(dir.join(MEASURED), text.replacen(from, to, 1)).unwrap();
        }
    };
    refuses(edit("tiny:7:2", "tiny:7:9"), "test-cpu.jsonl:3: no graph of network `tiny:7:9`");
    refuses(edit("\"median_ms\":2.0", "\"median_ms\":2.5"), "SHA-256");
    refuses(edit("\"median_ms\":2.0", "\"median_ms\":-2.0"), "test-cpu.jsonl:2: ");
    refuses(
        |dir| {
            let line = serde_json::to_string(&item(0).1).unwrap();
            let mut file = fs::OpenOptions::new().append(true).open(dir.join(MEASURED)).unwrap();
            writeln!(file, "{line}").unwrap();
        },
        "6 lines where meta.json counts 5",
    );
}

#[test]
fn a_folder_that_is_no_data_set() {
    let error = DataSet::open("/nonexistent").unwrap_err().to_string();
    assert!(error.contains("meta.json"), "{error}");
}
