//! Modules of XLA become the graphs that TpuGraphs published.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tachograph_datasets::sets::{Archive, HloGraph};

fn folder() -> PathBuf {
    let root = std::env::var_os("TACHOGRAPH_DATA").expect("TACHOGRAPH_DATA names the folder of the published sets");
    Path::new(&root).join("tpugraphs")
}

/// The record of unet_3d, and the archive that was made of it and others.
const RECORD: &str = "module_tuning_data_layout.pb";
const ARCHIVE: &str = "layout__xla__default__valid__unet_3d.4x4.bf16.npz";

/// Nodes, their features bit by bit, and edges in their order are those of an archive.
fn same(made: &HloGraph, published: &mut Archive) {
    assert_eq!(made.opcodes, published.opcodes().unwrap());
    assert_eq!(made.edges, published.edge_list().unwrap());
    let features = published.node_features().unwrap();
    assert_eq!(made.features.dim(), features.dim());
    for ((node, column), value) in made.features.indexed_iter() {
        assert_eq!(*value, features[(node, column)], "column {column} of node {node}");
    }
}

mod with_data {
    use super::*;

    #[test]
    #[ignore = "needs TACHOGRAPH_DATA (published sets)"]
    fn a_layout_record_is_the_published_archive() {
        let mut made = Archive::open(&folder().join(RECORD)).unwrap();
        let mut published = Archive::open(&folder().join(ARCHIVE)).unwrap();
        assert_eq!((made.nodes(), made.edges(), made.configurations()), (3_163, 5_112, 112));
        assert_eq!(made.configuration_shape(), published.configuration_shape());
        assert_eq!(made.configurable().unwrap(), published.configurable().unwrap());
        let graph = HloGraph {
            name: String::new(),
            opcodes: made.opcodes().unwrap(),
            features: made.node_features().unwrap(),
            edges: made.edge_list().unwrap(),
            splits: vec![],
        };
        same(&graph, &mut published);
        // The archive has the runs of many records: each of these, with its time, is one of them.
        let of = |archive: &mut Archive| {
            let (times, mut runs) = (archive.run_times().unwrap(), Vec::new());
            archive.each_configuration(|i, values| {
                runs.push((times[i] as u64, values.iter().map(|&v| v as i8).collect::<Vec<_>>()));
                true
            })?;
            Ok::<_, tachograph_datasets::Error>(runs)
        };
        let (runs, known) = (of(&mut made).unwrap(), of(&mut published).unwrap());
        let found = runs.iter().filter(|run| known.contains(run)).count();
        println!("{found} of {} runs of the record are in the archive, of {}", runs.len(), known.len());
        assert_eq!(found, 112);
    }

    /// No kernel is at hand in both forms: this one, a copy, is written down from its archive.
    #[test]
    #[ignore = "needs TACHOGRAPH_DATA (published sets)"]
    fn a_kernel_as_text_is_the_published_archive() {
        let text = "HloModule copy\n\nENTRY copy {\n  p = f32[1,1,1280,320]{2,3,1,0} parameter(0)\n  \
                    ROOT copy = f32[1,1,1280,320]{2,3,1,0} copy(p)\n}\n";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy.hlo");
        fs::write(&path, text).unwrap();
        let name = "tile__xla__valid__inception_v3_batch_128_train_426e203f19335d17.npz";
        same(&HloGraph::open(&path).unwrap(), &mut Archive::open(&folder().join(name)).unwrap());
    }

    /// The 15 kernels beside what someone else read of the same file.
    #[test]
    #[ignore = "needs TACHOGRAPH_DATA (published sets)"]
    fn tile_records_are_what_another_reader_found() {
        let file = fs::File::open(folder().join("tile_hlo.jsonl.gz")).unwrap();
        let text = std::io::read_to_string(flate2::read::GzDecoder::new(file)).unwrap();
        let paths = Archive::within(&folder().join("op_tuning_data.pb")).unwrap();
        assert_eq!((paths.len(), text.lines().count()), (15, 15));
        let list =
            |value: &serde_json::Value| -> Vec<i64> { serde_json::from_value(value.clone()).unwrap_or_default() };
        let mut count = 0;
        for (path, line) in paths.iter().zip(text.lines()) {
            let mut archive = Archive::open(path).unwrap();
            let other: serde_json::Value = serde_json::from_str(line).unwrap();
            let computations = other["module"]["computations"].as_array().unwrap();
            let instructions: Vec<_> =
                computations.iter().flat_map(|c| c["instructions"].as_array().unwrap()).collect();
            let place = |id: &i64| instructions.iter().position(|i| i["id"].as_i64() == Some(*id)).unwrap() as u32;
            let mut edges = Vec::new();
            let features = archive.node_features().unwrap();
            for (instruction, node) in instructions.iter().zip(0_u32..) {
                // Computations go by the numbers of their roots here.
                let sources = [list(&instruction["operands"]), list(&instruction["called"])].concat();
                edges.extend(sources.iter().map(|id| (node, place(id))));
                let row = features.row(node as usize).to_vec();
                let listed = |values: Vec<i64>, from: usize| {
                    let values: Vec<f32> = values.iter().map(|&v| v as f32).chain([0.0; 6]).take(6).collect();
                    assert_eq!(row[from..from + 6], values, "node {node} of {path:?}");
                };
                listed(list(&instruction["shape"]["dims"]), 21);
                listed(list(&instruction["dimensions"]), 31);
                listed(list(&instruction["shape"]["minor_to_major"]), 134);
            }
            edges.sort_unstable();
            edges.dedup();
            let found: Vec<_> = archive.edge_list().unwrap().into_iter().map(|(from, to)| (to, from)).collect();
            assert_eq!((features.nrows(), found), (instructions.len(), edges));
            let runs: Vec<_> = other["runs"].as_array().unwrap().iter().filter(|run| run["error"] == false).collect();
            let times: Vec<f64> = runs.iter().map(|run| run["time_ns"].as_f64().unwrap()).collect();
            assert_eq!(archive.run_times().unwrap(), times);
            archive
                .each_configuration(|i, values| {
                    let bounds = list(&runs[i]["output_bounds"]);
                    assert!(values.iter().skip(8).zip(&bounds).take(6).all(|(a, &b)| *a == b as f64));
                    true
                })
                .unwrap();
            count += runs.len();
        }
        // Two of the 754 runs failed.
        assert_eq!(count, 752);
    }
}

mod with_large_data {
    use super::*;

    fn varint(bytes: &[u8], place: &mut usize) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[*place];
            *place += 1;
            value |= usize::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                return value;
            }
        }
    }

    /// A record with the runs of one four thousand times over: opened, and a few of its runs read.
    ///
    /// `cargo test --release -p tachograph-datasets --test published with_large_data -- --ignored --nocapture`
    #[test]
    #[ignore = "needs TACHOGRAPH_DATA (published sets), and writes 580 MB"]
    fn a_large_record_is_opened_and_not_held() {
        const TIMES: usize = 4_000;
        let bytes = fs::read(folder().join(RECORD)).unwrap();
        let (mut runs, mut others, mut place) = (vec![], vec![], 0);
        while place < bytes.len() {
            let start = place;
            let key = varint(&bytes, &mut place);
            let value = varint(&bytes, &mut place);
            place += if key & 7 == 2 { value } else { 0 };
            if key >> 3 == 3 { &mut runs } else { &mut others }.extend(&bytes[start..place]);
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large.pb");
        let mut file = fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, &others).unwrap();
        (0..TIMES).for_each(|_| std::io::Write::write_all(&mut file, &runs).unwrap());
        let anonymous = || {
            let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap_or_default().to_owned();
            line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
        };
        let (before, start) = (anonymous(), std::time::Instant::now());
        let mut archive = Archive::open(&path).unwrap();
        let opened = start.elapsed();
        assert_eq!(archive.configurations(), TIMES * 112);
        let last = archive.configurations_at(&[TIMES * 112 - 1]).unwrap();
        assert_eq!(last, archive.configurations_at(&[111]).unwrap());
        let megabytes = path.metadata().unwrap().len() as f64 / 1e6;
        println!(
            "{megabytes:.0} MB, {} runs: opened in {opened:.2?}, {:.0} MB more",
            TIMES * 112,
            anonymous() - before
        );
        assert!(anonymous() - before < 64.0);
    }
}

mod with_xla {
    use std::process::Command;

    use super::*;

    /// XLA itself writes the modules of the records as text, and as protobuf of today.
    #[test]
    #[ignore = "needs TACHOGRAPH_DATA (published sets), and Python with jaxlib (TACHOGRAPH_PYTHON names it)"]
    fn its_text_and_its_protobuf_are_the_published_graphs() {
        let python = std::env::var("TACHOGRAPH_PYTHON").unwrap_or_else(|_| "python3".into());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/published/xla.py");
        let dir = tempfile::tempdir().unwrap();
        let records = [folder().join("op_tuning_data.pb"), folder().join(RECORD)];
        let output = Command::new(python).arg(script).arg(dir.path()).args(&records).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let kernels = Archive::within(&records[0]).unwrap();
        let archives = kernels.into_iter().chain([folder().join(ARCHIVE)]);
        let mut nodes = 0;
        for (number, path) in archives.enumerate() {
            let mut archive = Archive::open(&path).unwrap();
            for form in ["hlo", "pb"] {
                let module = HloGraph::open(&dir.path().join(format!("{number}.{form}"))).unwrap();
                same(&module, &mut archive);
                nodes += module.opcodes.len();
            }
        }
        println!("{nodes} nodes, as text and as protobuf");
        assert_eq!(nodes, 2 * (3_163 + 294));
    }
}
