//! An epoch of NNLP over 2,000 networks of about 150 nodes, and the same training in PyTorch Geometric (`peers/train.py`),
//! one after the other on the same graphs, with the same batch size, one compute thread each.
//!
//!     TACHOGRAPH_PYTHON=python3 cargo bench -p tachograph-benches --bench train -- [FOLDER]
//!
//! The networks are generated, 120 to 180 nodes each; their latencies are invented, which costs no more and no less
//! to learn. With a FOLDER, they are kept there for the next time.

use std::{
    collections::HashMap,
    env, fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
};

use rayon::prelude::*;
use safetensors::{Dtype, tensor::TensorView};
use tachograph_datasets::{DataSet, NetworkId, Part, Record, Run, Writer};
use tachograph_features::{FeatureSet, Featurizer};
use tachograph_ir::{Assignment, DType, Graph};
use tachograph_networks::{Family, sample};
use tachograph_train::{Corpus, Example, Query, RunConfig, SplitConfig, train};

const DEVICE: &str = "invented";
const NETWORKS: usize = 2500;
const NODES: RangeInclusive<usize> = 120..=180;
const BATCH: usize = 16;
const GRAPHS: &str = "graphs.safetensors";

fn main() {
    let kept = env::args().nth(1).filter(|arg| !arg.starts_with("--"));
    let folder = kept.map_or_else(|| env::temp_dir().join("tachograph-bench-train"), PathBuf::from);
    if !folder.join(GRAPHS).exists() {
        prepare(&folder);
    }
    let config = config(&folder);
    let out = folder.join("run");
    fs::remove_dir_all(&out).ok();
    train(&config, &out, |epoch| {
        let t = epoch.timing;
        let seconds = t.total - t.validate - t.save;
        let share = |part: f64| 100.0 * part / seconds;
        println!(
            "tachograph: {seconds:.2} s an epoch: forward {:.1} %, backward {:.1} %, step {:.1} %, waiting for batches \
             {:.1} %; preparing them on a thread of its own {:.1} %",
            share(t.forward),
            share(t.backward),
            share(t.step),
            share(t.wait),
            share(t.prepare),
        );
    })
    .unwrap();
    let python = env::var("TACHOGRAPH_PYTHON").unwrap_or_else(|_| "python3".into());
    let status = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/train.py"))
        .args([folder.join(GRAPHS).as_os_str(), BATCH.to_string().as_ref(), config.epochs.to_string().as_ref()])
        .env("OMP_NUM_THREADS", "1")
        .status()
        .unwrap();
    assert!(status.success(), "Python with torch_geometric and safetensors is needed for the comparison");
}

fn config(folder: &Path) -> RunConfig {
    let epochs = env::var("EPOCHS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let text = format!("data = {:?}\ndevice = {DEVICE:?}", folder.join("data").display().to_string());
    RunConfig { features: FeatureSet::NNLP, epochs, batch: BATCH, ..toml::from_str(&text).unwrap() }
}

/// Writes a data set of generated networks, and what PyTorch reads of its training part.
fn prepare(folder: &Path) {
    let run = Run { device: DEVICE.into(), protocol: "invented".into(), seed: 1 };
    let mut writer = Writer::resume(folder.join("data"), run).unwrap();
    let (mut made, mut index) = (0, 0);
    while made < NETWORKS {
        let families: Vec<Family> = Family::ALL.into_iter().collect();
        let networks: Vec<_> = families.into_par_iter().map(|family| network(family, index)).collect();
        for (graph, record) in networks.into_iter().flatten().take(NETWORKS - made) {
            writer.append(&graph, &record).unwrap();
            made += 1;
        }
        index += 1;
    }
    writer.finish().unwrap();
    let data = DataSet::open(folder.join("data")).unwrap();
    let corpus = Corpus::read(&data, &Query::latency([DEVICE])).unwrap();
    let division = SplitConfig::default().divide(&corpus).unwrap();
    let mut parts = division.parts.iter();
    let mut samples = corpus.featurize(&Featurizer::fit(FeatureSet::NNLP, &[]).unwrap()).unwrap();
    samples.retain(|_| parts.next() == Some(&Part::Train));
    export(&samples, &folder.join(GRAPHS));
}

/// A network with an invented measurement, if it has the size asked for.
fn network(family: Family, index: u64) -> Option<(Graph, Record)> {
    let graph = sample(family, 1, index).unwrap().graph;
    let config = Assignment::from([("batch".into(), 1)]);
    let bound = graph.bind(&config).unwrap();
    let ms = bound.cost().unwrap().flops as f64 / 5e7;
    let record = Record {
        network: NetworkId::generated(family.to_string(), 1, index),
        config,
        device: DEVICE.into(),
        hardware: "none".into(),
        governor: "none".into(),
        dtype: DType::F32,
        threads: 1,
        median_ms: Some(ms),
        iqr_ms: Some(0.0),
        min_ms: Some(ms),
        repeats: 1,
        peak_bytes: None,
        energy_j: None,
        date: "2026-01-02".into(),
        library: "none".into(),
        protocol: 1,
        estimate: None,
    };
    NODES.contains(&bound.live().len()).then_some((graph, record))
}

/// All graphs end to end: nodes, edges, globals, targets, and the nodes and edges of each.
fn export(samples: &[Example], path: &Path) {
    let floats = |values: Vec<f32>| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let integers = |values: Vec<i64>| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let graphs = samples.len();
    let (width, globals) = (samples[0].features.nodes.ncols(), samples[0].features.globals.len());
    let nodes: Vec<f32> = samples.iter().flat_map(|s| s.features.nodes.iter().copied()).collect();
    let edges = samples.iter().flat_map(|s| &s.features.edges).flat_map(|&(a, b)| [a.into(), b.into()]);
    let edges: Vec<i64> = edges.collect();
    let counts = samples.iter().flat_map(|s| [s.features.nodes.nrows() as i64, s.features.edges.len() as i64]);
    println!("{graphs} networks, {:.0} nodes on average", nodes.len() as f64 / (width * graphs) as f64);
    let rows = [
        ("nodes", Dtype::F32, vec![nodes.len() / width, width], floats(nodes)),
        ("edges", Dtype::I64, vec![edges.len() / 2, 2], integers(edges)),
        ("counts", Dtype::I64, vec![graphs, 2], integers(counts.collect())),
        (
            "globals",
            Dtype::F32,
            vec![graphs, globals],
            floats(samples.iter().flat_map(|s| s.features.globals.clone()).collect()),
        ),
        ("targets", Dtype::F32, vec![graphs], floats(samples.iter().map(|s| s.targets[0] as f32).collect())),
    ];
    let views =
        rows.iter().map(|(name, dtype, shape, bytes)| (*name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    fs::write(path, safetensors::serialize(views, None::<HashMap<String, String>>).unwrap()).unwrap();
}
