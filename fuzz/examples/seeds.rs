//! Writes the seed corpus, `fuzz/seeds`, from the data of the repository's tests and a few small graphs:
//! `cargo run --release --example seeds` in `fuzz/`.

use std::{collections::HashSet, error::Error, fs, path::Path};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;
use tachograph_fuzz::programs;
use tachograph_import::{nas::nasbench201, onnx, tflite};
use tachograph_ir::{
    Attr, Builder, DType, Dim, Domain, Graph, Node, OpType, Parts, Phase, Tensor, TensorId, Value, attrs,
};

use tachograph_program::{
    CpuRules, Failure, GpuRules, MetaSchedule, Outcome as ProgramOutcome, Record, Schedule, Space,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn seed(target: &str, name: &str, bytes: impl AsRef<[u8]>) -> Outcome<()> {
    let folder = Path::new("seeds").join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), bytes)?)
}

/// The graph in every form that has one.
fn graph(name: &str, graph: &Graph) -> Outcome<()> {
    seed("graph_binary", name, &graph.to_bytes()?[18..])?;
    if let Ok(bytes) = onnx::write(graph, |_, _| None) {
        seed("onnx", name, bytes)?;
    }
    Ok(())
}

/// The first golden case of each operator.
fn operators() -> Outcome<()> {
    let cases: Vec<Json> = serde_json::from_str(&fs::read_to_string("../crates/ir/tests/golden/ops.json")?)?;
    let mut seen = HashSet::new();
    for case in &cases {
        let op = case["op"].as_str().unwrap_or_default();
        if seen.insert(op) {
            let one = operator(op, case).ok_or(op)?;
            graph(op, &one)?;
            if seen.len() % 8 == 1 {
                seed("graph_json", op, one.to_json()?)?;
            }
        }
    }
    Ok(())
}

fn operator(op: &str, case: &Json) -> Option<Graph> {
    let mut parts = Parts { name: op.into(), ..Parts::default() };
    let mut add = |json: &Json, input: bool| {
        let dtype: DType = json["dtype"].as_str()?.parse().ok()?;
        let shape: Vec<u64> = json["shape"].as_array()?.iter().map(Json::as_u64).collect::<Option<_>>()?;
        let id = TensorId(parts.tensors.len() as u32);
        let name = format!("t{}", id.0);
        let value = match json.get("value").and_then(Json::as_array) {
            Some(v) if dtype.is_float() => Some(Value::Floats(v.iter().filter_map(Json::as_f64).collect())),
            Some(v) => Some(Value::Ints(v.iter().filter_map(Json::as_i64).collect())),
            None => None,
        };
        parts.tensors.push(match value {
            _ if !input => Tensor::activation(name),
            Some(value) => Tensor::constant(name, dtype, &shape, value),
            None => {
                parts.inputs.push(id);
                Tensor::input(name, dtype, shape.into_iter().map(Dim::Fixed).collect())
            }
        });
        Some(id)
    };
    let inputs = case["inputs"].as_array()?.iter().map(|json| add(json, true)).collect();
    let outputs: Vec<_> = case["outputs"].as_array()?.iter().map(|json| add(json, false)).collect();
    let attrs = case["attrs"].as_object()?.iter().map(|(name, json)| (name.clone(), attribute(json))).collect();
    parts.outputs = outputs.iter().flatten().copied().collect();
    parts.nodes.push(Node { name: "n".into(), op: OpType::new(op), attrs, inputs, outputs, phase: Phase::Forward });
    Graph::new(parts).ok()
}

fn attribute(json: &Json) -> Attr {
    match json {
        Json::Array(list) if list.iter().all(Json::is_i64) => {
            Attr::Ints(list.iter().filter_map(Json::as_i64).collect())
        }
        Json::Array(list) => Attr::Floats(list.iter().filter_map(Json::as_f64).collect()),
        Json::String(text) => Attr::Str(text.clone()),
        Json::Bool(flag) => Attr::Int((*flag).into()),
        number => number.as_i64().map_or_else(|| Attr::Float(number.as_f64().unwrap_or_default()), Attr::Int),
    }
}

/// A network of a few layers of the kinds that TFLite files have.
fn network() -> Outcome<Graph> {
    let mut b = Builder::new("small");
    b.hyperparameter("batch", Domain::POSITIVE, 1);
    let x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), 8.into(), 8.into()]);
    let x = b.conv(x, 4, [3, 3], 2, 1, 1, true)?;
    let x = b.op("Relu", &[x])?;
    let y = b.conv(x, 4, [3, 3], 1, 1, 4, true)?;
    let y = b.op("HardSwish", &[y])?;
    let x = b.op("Add", &[x, y])?;
    let y = b.pool("MaxPool", x, 3, 1, 1)?;
    let x = b.op_with("Concat", &[x, y], attrs([("axis", Attr::Int(1))]))?;
    let x = b.op("GlobalAveragePool", &[x])?;
    let x = b.op("Flatten", &[x])?;
    let x = b.gemm(x, 5)?;
    let x = b.op("Softmax", &[x])?;
    Ok(b.finish(&[x])?)
}

/// Arrays of a TpuGraphs archive, as the target cuts them: a number, then NumPy's form.
fn archive(arrays: &[(u8, &str, &str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (place, descr, shape, data) in arrays {
        let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
        bytes.push(*place);
        bytes.extend(b"\x93NUMPY\x01\x00");
        bytes.extend((dict.len() as u16).to_le_bytes());
        bytes.extend(dict.as_bytes());
        bytes.extend(data);
    }
    bytes
}

fn archives() -> Outcome<()> {
    let i64s = |values: &[i64]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let f32s = |n: u8| -> Vec<u8> { (0..n).flat_map(|v| f32::from(v).to_le_bytes()).collect() };
    let common = || {
        vec![
            (0, "|u1", "3,", vec![63, 63, 2]),
            (1, "<i8", "2, 2", i64s(&[2, 0, 2, 1])),
            (2, "<i8", "2,", i64s(&[2_000_000, 3_000_000])),
            (3, "<f4", "3, 2", f32s(6)),
        ]
    };
    let tile = [common(), vec![(6, "<f4", "2, 4", f32s(8)), (7, "<i8", "2,", i64s(&[1, 1]))]].concat();
    let layout = [common(), vec![(4, "<i8", "2,", i64s(&[0, 2])), (5, "<f4", "2, 2, 3", f32s(12))]].concat();
    seed("npz", "tile", archive(&tile))?;
    seed("npz", "layout", archive(&layout))?;
    let mut whole = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let names = ["node_opcode", "edge_index", "config_runtime", "node_feat", "", "", "config_feat"];
    for array in tile.iter().filter(|array| array.0 != 7) {
        whole.start_file(format!("{}.npy", names[usize::from(array.0)]), zip::write::SimpleFileOptions::default())?;
        std::io::Write::write_all(&mut whole, &archive(std::slice::from_ref(array))[1..])?;
    }
    seed("npz", "whole", whole.finish()?.into_inner())
}

/// Protobuf: a number, and a message or text.
fn int(field: u8, value: u8) -> Vec<u8> {
    if field < 16 { vec![field << 3, value] } else { vec![field << 3 & 0x7f | 0x80, field >> 4, value] }
}

fn message(field: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    [vec![field << 3 | 2, body.len() as u8], body].concat()
}

/// A module of two instructions, with a run that configures its tile, and one of a layout.
fn records() -> Outcome<()> {
    let text = |field, text: &str| message(field, &[text.as_bytes().to_vec()]);
    let shape = || message(3, &[int(2, 11), int(3, 8)]);
    let dot = message(2, &[text(1, "a"), text(2, "dot"), shape(), int(35, 1)]);
    let add = message(2, &[text(1, "b"), text(2, "add"), shape(), int(35, 2), int(36, 1)]);
    let module = message(1, &[text(1, "m"), message(3, &[text(1, "c"), dot, add])]);
    let run = |config: Vec<u8>| message(3, &[config, message(4, &[int(4, 5)])]);
    let tile = run(message(1, &[message(1, &[int(1, 8), int(2, 8)])]));
    let layout = run(message(2, &[message(1, &[message(1, &[message(1, &[int(1, 0), int(1, 1)])])])]));
    for (name, run) in [("tile", tile), ("layout", layout)] {
        let tuning = [module.clone(), int(2, 7), run, int(4, 1)];
        seed("pb", name, tuning.concat())?;
        seed("pb", &format!("{name}_top"), message(1, &tuning))?;
    }
    seed("hlo", "protobuf", &module[2..])?;
    seed("hlo", "wrapped", module)?;
    seed("hlo", "text", HLO)
}

/// A module as text, with what its reader looks at.
const HLO: &str = "HloModule m, is_scheduled=true

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[]{:T(256)} parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(f32[] %a, %b), metadata={op_name=\"a \\\"{\"}
}

ENTRY %main {
  // A comment.
  %x = bf16[2,8,8,4]{3,0,2,1:T(8,128)(2,1)} parameter(0)
  %w = bf16[3,3,4,16] parameter(1)
  %c = bf16[2,4,4,16] convolution(%x, %w), window={size=3x3 stride=2x2 pad=0_1x1_2 rhs_dilate=1x2}, dim_labels=b01f_01io->b01f
  %s = bf16[1,4,2,16] slice(%c), slice={[0:1], [0:4], [0:4:2], [0:16]}
  %z = bf16[] constant(-0)
  %p = bf16[1,4,4,16] pad(%s, %z), padding=0_0x0_0x1_1_2x0_0
  %r = f32[<=16] reduce(%p, %z), dimensions={0,1,2}, to_apply=%add
  ROOT %t = (f32[16], /*index=1*/f32[16]) tuple(%r, %r)
}, execution_thread=\"main\"
";

fn main() -> Outcome<()> {
    operators()?;
    for name in ["if", "loop", "opset6", "scan"] {
        let bytes = fs::read(format!("../crates/import/tests/golden/{name}.onnx"))?;
        graph(name, &onnx::read(bytes.clone().into(), name)?.graph)?;
        seed("onnx", name, bytes)?;
    }
    let small = network()?;
    graph("small", &small)?;
    seed("graph_json", "small", small.to_json()?)?;
    seed("tflite", "small", tflite::write(&small.bind(&Default::default())?)?)?;
    for (name, text) in NCNN {
        seed("ncnn", name, format!("7767517\n{text}"))?;
    }
    let cell: nasbench201::Cell = CELL.parse()?;
    seed("nas", "cell", format!("c{cell}"))?;
    seed("nas", "blocks", "f0123456780123456780123")?;
    seed("nas", "once_for_all", ["o", &"3".repeat(20), &"4".repeat(20), "22222", "70"].concat())?;
    seed("csv", "three", "file,device,latency_ms\nresnet18.onnx,pi4,12.5\n")?;
    seed(
        "csv",
        "all",
        "file,device,latency_ms,batch,memory_mb,energy_j,family\n\"a,b\",d,1e0,8,100,0.5,x\nb,d,2,,,,\n",
    )?;
    records()?;
    programs()?;
    archives()
}

/// Points of spaces of the workloads that schedules are taken on, and steps that no space has; a record with each.
fn programs() -> Outcome<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let others = Schedule::new()
        .layout("w", "d1/32 d0 d1%32")
        .split("matmul", "j", &[32])
        .reorder("matmul", &["j.0", "i", "k", "j.1"])
        .prefetch("matmul", "w", "k", 4)
        .parallel("matmul", "j.0")
        .vectorize("matmul", "j.1");
    let steps = Schedule::new().rfactor("sum", "r0", 4).cache_read("x").tensorize("y", "j", "vnni_16x4");
    let mut schedules = vec![others, steps];
    let workloads = programs::workloads();
    for workload in &workloads {
        let (cpu, gpu) = (CpuRules { cores: 4, ..CpuRules::default() }, GpuRules::default());
        let spaces = [
            Space::cpu(workload, cpu)?,
            Space::gpu(workload, gpu)?,
            Space::meta_schedule(workload, MetaSchedule::Cpu(cpu))?,
            Space::meta_schedule(workload, MetaSchedule::Gpu(gpu))?,
        ];
        for space in spaces {
            let point = space.sample(&mut rng).ok_or("no sketch")?;
            schedules.push(space.schedule(&point)?);
        }
    }
    for (i, schedule) in schedules.into_iter().enumerate() {
        let outcome = match i {
            0 => ProgramOutcome::Failed { reason: Failure::Hang, message: "10 s".into() },
            _ => ProgramOutcome::Time { median: 1e6, spread: 0.01, repeats: vec![1e6, 1.01e6] },
        };
        seed("schedule", &i.to_string(), programs::json(&schedule))?;
        let record = Record {
            version: Record::VERSION,
            workload: workloads[0].hash(),
            name: "product".into(),
            schedule,
            outcome,
            device: "cpu".into(),
            compiler: "gcc 12.2 -O2".into(),
            threads: 1,
            caches: "warm".into(),
        };
        seed("record", &i.to_string(), programs::json(&record))?;
    }
    Ok(())
}

const CELL: &str = "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|";

/// Layers of ncnn, a few to a file.
const NCNN: [(&str, &str); 3] = [
    (
        "conv",
        "9 10\nInput a 0 1 a 0=8 1=6 2=4\nSplit s 1 2 a b c\nConvolution conv 1 1 b d 0=6 1=3 4=1 5=1 6=216 8=2 9=2 \
         -23310=1,1.000000e-01\nShuffleChannel mix 1 1 c e 0=2\nPooling pool 1 1 d f 0=1 4=1\nBinaryOp scale 2 1 d f g \
         0=2\nSlice cut 1 2 e h i -23300=2,1,-233\nPermute turn 1 1 h j 0=3\nDetect odd 2 1 i j k -23330=4,2,5,3,1\n",
    ),
    (
        "dense",
        "6 6\nInput a 0 1 a 0=16 1=5\nLayerNorm n 1 1 a b 0=16 1=1.0e-6 2=1\nMultiHeadAttention m 1 1 b c 0=16 1=4 \
         2=256\nGELU g 1 1 c d\nInnerProduct i 1 1 d e 0=7 1=1 2=112\nSoftmax s 1 1 e f 0=0 1=1\n",
    ),
    (
        "images",
        "9 10\nInput a 0 1 a\nConvolutionDepthWise w 1 1 a b 0=3 1=3 4=1 6=27 7=3\nBatchNorm n 1 1 b c 0=3\nSwish s 1 \
         1 c d\nInterp u 1 1 d e 0=2 1=2.0 2=2.0\nReduction r 1 1 e f 0=3 1=0 -23303=2,1,2 4=1\nSplit t 1 2 f g h\n\
         Reshape p 1 1 g i 0=-1\nConcat o 2 1 h h j 0=0\n",
    ),
];
