//! Modules and tuning records made here, and what damages them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use prost::Message;

use super::{
    hlo,
    proto::{self, Instruction, NodeLayout, TensorLayout},
    *,
};

/// As XLA prints it, with most that its text may have.
const TEXT: &str = r#"HloModule jit_step, is_scheduled=true, entry_computation_layout={(bf16[2,8,8,4]{3,2,1,0})->f32[8]{0}}

FileNames
1 "/home/step.py"

%add.1 (a: f32[], b: f32[]) -> f32[] {
  %a = f32[]{:T(256)} parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(f32[] %a, f32[] %b), metadata={op_name="jit(f)/add \"{" source_line=3}
}

%while_body.2 (p: (s32[], f32[8])) -> (s32[], f32[8]) {
  %p = (s32[], /*index=1*/f32[8]{0}) parameter(0)
  %i = s32[] get-tuple-element(%p), index=0
  ROOT %t = (s32[], f32[8]{0}) tuple(s32[] %i, /*index=1*/f32[8]{0} %big)
  %big = f32[8]{0} constant({1, 2, 3, 4, 5, 6, 7, 8})
}

ENTRY %main (x: bf16[2,8,8,4], w: bf16[3,3,4,16]) -> f32[8] {
  // A comment.
  %x = bf16[2,8,8,4]{3,0,2,1:T(8,128)(2,1)} parameter(0), sharding={devices=[2,1,1,1]<=[2]}
  %w = bf16[3,3,4,16] parameter(1)
  %conv = bf16[2,4,4,16]{3,2,1,0} convolution(%x, %w), window={size=3x3 stride=2x2 pad=0_1x-1_2 rhs_dilate=1x2}, dim_labels=b01f_01io->b01f, feature_group_count=2
  %slice = bf16[1,4,2,16]{3,2,1,0} slice(%conv), slice={[0:1], [0:4], [0:4:2], [0:16]}
  %zero = bf16[] constant(-0)
  %pad = bf16[1,4,4,16]{3,2,1,0} pad(%slice, %zero), padding=0_0x0_0x1_1_2x0_0
  %at = s32[] constant(0)
  %piece = bf16[1,1,4,16] dynamic-slice(%pad, %at, %at, %at, %at), dynamic_slice_sizes={1,1,4,16}
  %red = f32[<=8]{0} reduce(%piece, %zero), dimensions={0,1,2}, to_apply=%add.1
  %sorted = f32[8]{0} sort(%red), dimensions={0}, is_stable=true, to_apply=%add.1
  ROOT %out = f32[8]{0} custom-call(%sorted, %sorted), custom_call_target="topk", called_computations={%add.1, %while_body.2}
}, execution_thread="main"
"#;

fn graph(text: &str) -> HloGraph {
    HloGraph::new(&hlo::parse(text).unwrap()).unwrap()
}

fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn text_becomes_features() {
    let graph = graph(TEXT);
    assert_eq!((graph.name.as_str(), graph.opcodes.len(), &graph.splits[..]), ("jit_step", 18, &[0, 7, 18][..]));
    assert_eq!(graph.opcodes[..3], [63, 63, 2]);
    // Operands, and the roots of what is called.
    let into = |node| graph.edges.iter().filter(|edge| edge.1 == node).map(|edge| edge.0).collect::<Vec<_>>();
    assert_eq!((into(2), into(5), into(14)), (vec![0, 1], vec![4, 6], vec![12, 13]));
    assert_eq!((into(15), into(17)), (vec![2, 11, 14], vec![2, 5, 16]));
    let row = |node: usize, columns: std::ops::Range<usize>| graph.features.row(node).to_vec()[columns].to_vec();
    let roots: Vec<_> = (0..18).filter(|&node| graph.features[(node, 0)] == 1.0).collect();
    assert_eq!(roots, [2, 5, 17]);
    // A tuple of two; a parameter's number, type, extents and order; the order of an array that says none.
    assert_eq!((row(3, 29..30), row(3, 18..19), row(8, 30..31)), (vec![2.0], vec![1.0], vec![1.0]));
    assert_eq!((row(7, 15..16), row(7, 134..140)), (vec![1.0], vec![3.0, 0.0, 2.0, 1.0, 0.0, 0.0]));
    assert_eq!(row(7, 21..29), [2.0, 8.0, 8.0, 4.0, 0.0, 0.0, 22.0, 512.0]);
    assert_eq!(row(8, 134..140), [3.0, 2.0, 1.0, 0.0, 0.0, 0.0]);
    let window = [3.0, 3.0, 0.0, 0.0, 0.0, 0.0, 6.0, 9.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 4.0, 4.0];
    assert_eq!(row(9, 37..53), window);
    assert_eq!((row(9, 53..55), row(9, 61..63)), (vec![0.0, -1.0], vec![1.0, 2.0]));
    assert_eq!((row(9, 69..71), row(9, 77..79), row(9, 92..93)), (vec![1.0, 2.0], vec![1.0, 1.0], vec![2.0]));
    let numbers = [0.0, 3.0, 1.0, 2.0, 0.0, 0.0, 2.0, 3.0, 0.0, 1.0, 0.0, 0.0, 0.0, 3.0, 2.0, 1.0];
    assert_eq!(row(9, 93..109), numbers);
    assert_eq!(row(10, 109..121), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 5.0, 2.0, 1.0, 4.0, 25.0, 256.0]);
    assert_eq!((row(12, 125..129), row(14, 121..125)), (vec![0.0, 0.0, 1.0, 0.0], vec![1.0, 1.0, 22.0, 64.0]));
    assert_eq!((row(15, 31..34), row(15, 21..22)), (vec![0.0, 1.0, 2.0], vec![8.0]));
    assert_eq!((row(16, 133..134), row(17, 107..109)), (vec![1.0], vec![1.0, 1.0]));
}

#[test]
fn text_and_both_protobufs_are_the_same_module() {
    let module = hlo::parse(TEXT).unwrap();
    let proto = proto::HloProto { hlo_module: Some(module.clone()) };
    for bytes in [TEXT.as_bytes(), &module.encode_to_vec(), &proto.encode_to_vec()] {
        let (_folder, path) = written("module", bytes);
        assert_eq!(HloGraph::open(&path).unwrap(), graph(TEXT));
    }
}

#[test]
fn what_is_wrong_with_text_has_a_line() {
    for (from, to, says) in [
        ("%red = f32", "%red = f33", ":29: `f33` is no type of elements"),
        ("sort(%red)", "sort(%read)", ":30: no `read` in `main`"),
        ("to_apply=%add.1\n  ROOT", "to_apply=%add\n  ROOT", ":30: `add` is no computation"),
        ("%conv = ", "%x = ", ":23: `x` is there twice in `main`"),
        ("pad=0_1x-1_2", "pad=0_1", ":23: `pad` is not of 2 dimensions, as `size`"),
        ("size=3x3", "size=3xa", ":23: `a` is no whole number"),
        ("dim_labels=b01f", "dim_labels=c01f", ":23: `c01f_01io->b01f` is not of the form"),
        ("[0:4:2]", "[0]", ":24: `0` is not of the form 0:8:1"),
        ("sizes={1", "sizes={", ":28: `` is no whole number"),
        ("reduce(%piece, %zero)", "reduce(%piece", ":29: `(` that is not closed"),
        ("ENTRY %main", "%add.1", ":19: computation `add.1` is there twice"),
        ("parameter(0), sh", "parameter(), sh", ":21: `` is no whole number"),
    ] {
        let changed = TEXT.replacen(from, to, 1);
        let (_folder, path) = written("module.hlo", changed.as_bytes());
        let error = HloGraph::open(&path).unwrap_err().to_string();
        assert!(error.contains(says), "{from} → {to}: {error}");
    }
    let (_folder, path) = written("module.hlo", b"HloModule m\n");
    assert!(HloGraph::open(&path).unwrap_err().to_string().contains(":2: no computation"));
    let (_folder, path) = written("module.hlo", b"not a module");
    assert!(HloGraph::open(&path).unwrap_err().to_string().contains("neither a module of XLA as text"));
}

#[test]
fn what_is_wrong_with_protobuf_names_the_instruction() {
    let module = hlo::parse(TEXT).unwrap();
    let error = |change: fn(&mut Instruction)| {
        let mut module = module.clone();
        change(&mut module.computations[2].instructions[8]);
        let (_folder, path) = written("module.pb", &module.encode_to_vec());
        HloGraph::open(&path).unwrap_err().to_string()
    };
    let place = "computation `main`, instruction `red`: ";
    assert!(error(|i| i.operand_ids[0] = 99).contains(&format!("{place}no instruction 99")));
    assert!(error(|i| i.called_computation_ids[0] = 98).contains(&format!("{place}calls 98, which is no computation")));
    assert!(error(|i| i.id = 0).contains("computation `main`: instruction 0 is there twice"));
    assert!(error(|i| i.operand_ids[0] = i.id).contains("uses itself"));
}

fn run(config: proto::Run, time: Option<i64>) -> proto::Run {
    proto::Run { profile: time.map(|compute_time_ns| proto::Profile { compute_time_ns }), ..config }
}

fn tile(bounds: &[i64], time: Option<i64>) -> proto::Run {
    let tile = proto::Tile { output_bounds: bounds.into(), ..proto::Tile::default() };
    run(proto::Run { op_config: Some(proto::OpConfig { tile: Some(tile) }), ..proto::Run::default() }, time)
}

/// Layouts of nodes 9 and 15.
fn layout(orders: [&[i32]; 2], time: Option<i64>) -> proto::Run {
    let node = |dims: &&[i32]| NodeLayout { tensors: vec![TensorLayout { dims: dims.to_vec() }] };
    let layout = Some(proto::Layout { nodes: orders.iter().map(node).collect() });
    run(proto::Run { module_config: Some(proto::ModuleConfig { layout }), ..proto::Run::default() }, time)
}

fn record(fingerprint: u64, runs: Vec<proto::Run>) -> proto::ModuleTuning {
    let module = Some(hlo::parse(TEXT).unwrap());
    proto::ModuleTuning { module, fingerprint, runs, config_index_to_node: vec![9, 15] }
}

/// A record of several modules.
fn several(records: &[proto::ModuleTuning]) -> Vec<u8> {
    proto::Top { modules: records.iter().map(Message::encode_to_vec).collect(), runs: vec![] }.encode_to_vec()
}

fn all(path: &Path) -> Result<Vec<f64>> {
    let mut archive = Archive::open(path)?;
    let (nodes, edges) = (archive.nodes(), archive.edge_list()?);
    assert!(edges.iter().all(|&(from, to)| (from as usize) < nodes && (to as usize) < nodes));
    assert_eq!(
        (archive.opcodes()?.len(), archive.node_features()?.nrows(), archive.edges()),
        (nodes, nodes, edges.len())
    );
    assert_eq!(archive.run_times()?.len(), archive.configurations());
    archive.configurable()?;
    archive.normalizers()?;
    let mut values = Vec::new();
    archive.each_configuration(|_, configuration| {
        values.extend(configuration);
        true
    })?;
    let numbers: Vec<usize> = (0..archive.configurations()).collect();
    assert_eq!(archive.configurations_at(&numbers)?, values.iter().map(|&v| v as f32).collect::<Vec<_>>());
    Ok(values)
}

#[test]
fn layouts_of_a_record() {
    let failed = proto::Run { error: true, ..layout([&[0], &[1]], Some(7)) };
    let runs =
        vec![layout([&[3, 2], &[]], Some(900)), failed, layout([&[2, 3], &[0]], Some(800)), layout([&[], &[]], None)];
    let (_folder, path) = written("unet.4x4.pb", &record(5, runs).encode_to_vec());
    assert_eq!(Archive::within(&path).unwrap(), std::slice::from_ref(&path));
    let mut archive = Archive::open(&path).unwrap();
    assert_eq!((archive.collection(), archive.configuration_shape()), (Collection::Layout, (2, 18)));
    assert_eq!((archive.configurable().unwrap(), archive.normalizers().unwrap()), (vec![9, 15], None));
    // What failed or has no time is not there.
    assert_eq!(archive.run_times().unwrap(), [900.0, 800.0]);
    assert_eq!(archive.node_features().unwrap(), graph(TEXT).features);
    let second = archive.configurations_at(&[1]).unwrap();
    assert_eq!((&second[..4], &second[18..20]), (&[2.0, 3.0, -1.0, -1.0][..], &[0.0, -1.0][..]));
    assert_eq!(all(&path).unwrap().len(), 2 * 2 * 18);
    assert!(archive.configurations_at(&[2]).unwrap_err().to_string().contains("configuration 2 of 2"));
}

#[test]
fn tiles_of_a_record_of_several_modules() {
    let default = proto::Run { is_default: true, ..tile(&[2, 8], Some(50)) };
    let timed = record(0xab, vec![tile(&[1, 8], Some(100)), default]);
    let untimed = record(0, vec![tile(&[4], None), tile(&[2], None), tile(&[1], Some(1))]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net_1.pb");
    fs::write(&path, several(&[timed, untimed, record(7, vec![])])).unwrap();
    let names = ["00000000000000ab", "module1"].map(|name| path.join(name));
    let set = TpuGraphs::open_folder(folder.path()).unwrap();
    assert_eq!((Archive::within(&path).unwrap(), set.files()), (names.to_vec(), &names[..]));
    let mut archive = Archive::open(&names[0]).unwrap();
    assert_eq!((archive.collection(), archive.configuration_shape()), (Collection::Tile, (1, 24)));
    assert_eq!(
        (archive.run_times().unwrap(), archive.normalizers().unwrap()),
        (vec![100.0, 50.0], Some(vec![50.0; 2]))
    );
    assert_eq!(all(&names[0]).unwrap()[8..16], [1.0, 8.0, 0.0, 0.0, 0.0, 0.0, 9.0, 8.0]);
    // Where nothing is timed all is there, to be ranked.
    assert_eq!(Archive::open(&names[1]).unwrap().run_times().unwrap(), [0.0; 3]);
    let first = set.measurements().unwrap().next().unwrap().unwrap();
    assert_eq!((first.network.as_str(), first.family.as_str()), ("net_1.pb/00000000000000ab", "net"));
    let error = Archive::open(&path).unwrap_err().to_string();
    assert!(error.contains("has 3 modules, of which one is to be named; one is ") && error.contains("00ab"), "{error}");
    let error = Archive::open(&path.join("cd")).unwrap_err().to_string();
    assert!(error.contains("net_1.pb: has no module `cd`"), "{error}");
    // The same graphs may lie beside as archives, which then count.
    fs::write(folder.path().join("net.npz"), "").unwrap();
    assert_eq!(TpuGraphs::open_folder(folder.path()).unwrap().files(), [folder.path().join("net.npz")]);
}

#[test]
fn records_that_do_not_fit_together() {
    for (record, says) in [
        (record(1, vec![]), "has 0 modules"),
        (record(1, vec![proto::Run { error: true, ..tile(&[1], Some(5)) }]), "no run with a configuration"),
        (record(1, vec![tile(&[1], Some(5)), layout([&[], &[]], Some(5))]), "has tiles and layouts (run 1"),
        (proto::ModuleTuning { module: None, ..record(1, vec![tile(&[1], Some(5))]) }, "has no module"),
        (
            proto::ModuleTuning { config_index_to_node: vec![18], ..record(1, vec![layout([&[], &[]], Some(5))]) },
            "node 18 of 18",
        ),
        (
            proto::ModuleTuning { config_index_to_node: vec![], ..record(1, vec![layout([&[], &[]], Some(5))]) },
            "configures no node",
        ),
        (
            proto::ModuleTuning { config_index_to_node: vec![1], ..record(1, vec![layout([&[], &[]], Some(5))]) },
            "is of 2 nodes, not of 1",
        ),
    ] {
        let bytes = if record.runs.is_empty() { vec![] } else { record.encode_to_vec() };
        let (_folder, path) = written("some.pb", &bytes);
        let error = all(&path).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("some.pb"), "{says}: {error}");
    }
    let mut run = layout([&[], &[]], Some(5));
    if let Some(layout) = run.module_config.as_mut().and_then(|config| config.layout.as_mut()) {
        layout.nodes[1].tensors = vec![TensorLayout::default(); 4];
    }
    let (_folder, path) = written("some.pb", &record(1, vec![run]).encode_to_vec());
    assert!(all(&path).unwrap_err().to_string().contains("more than three tensors of node 1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn damaged_records_and_modules_do_not_panic(
        kind in 0..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        kept in any::<prop::sample::Index>(),
    ) {
        let one = record(3, vec![tile(&[1, 8], Some(100)), tile(&[2], Some(9))]);
        let mut bytes = match kind {
            0 => TEXT.into(),
            1 => hlo::parse(TEXT).unwrap().encode_to_vec(),
            2 => record(3, vec![layout([&[3, 2], &[]], Some(900))]).encode_to_vec(),
            _ => several(&[one.clone(), one]),
        };
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(bytes.len() - kept.index(bytes.len()) % 3);
        let (_folder, path) = written("damaged.pb", &bytes);
        HloGraph::open(&path).ok();
        for module in Archive::within(&path).unwrap_or_default() {
            all(&module).ok();
        }
    }
}
