//! Agreement with PyTorch Geometric, outputs and all gradients; `golden/make.py` made the numbers.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tachograph_gnn::{
    AttentionPool, BatchNorm, BatchNormConfig, BatchOptions, Context, GraphBatch, GraphNorm, GraphRef, InstanceNorm,
    LayerConfig, LayerNorm, MultiHeadAttention, Pool, Result, layers,
};
use tch::{Device, Kind, Tensor, nn};

use crate::relative;

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn shape(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(items) => [vec![items.len() as i64], items.first().map_or(vec![], shape)].concat(),
        _ => vec![],
    }
}

fn tensor(value: &Value, (kind, device): (Kind, Device)) -> Tensor {
    Tensor::from_slice(&numbers(value)).reshape(shape(value)).to_device(device).to_kind(kind)
}

fn config<T: DeserializeOwned>(case: &Value) -> T {
    serde_json::from_value(case["config"].clone()).unwrap()
}

fn flag(case: &Value, name: &str) -> bool {
    case[name].as_bool().unwrap_or(false)
}

/// The golden graphs, each edge with the unit vector of its position for its features.
fn batch(golden: &Value, case: &Value, device: Device) -> GraphBatch {
    let graphs = if case["edges"] == "looped_weights" { &golden["looped"] } else { &golden["graphs"] };
    let graphs: Vec<(usize, Vec<(u32, u32)>)> = graphs
        .as_array()
        .unwrap()
        .iter()
        .map(|g| (g["nodes"].as_u64().unwrap() as usize, serde_json::from_value(g["edges"].clone()).unwrap()))
        .collect();
    let total: usize = graphs.iter().map(|(_, edges)| edges.len()).sum();
    let mut place = 0;
    let rows: Vec<(Vec<f32>, Vec<f32>)> = graphs
        .iter()
        .map(|(nodes, edges)| {
            let mut features = vec![0.0; edges.len() * total];
            for row in features.chunks_mut(total) {
                row[place] = 1.0;
                place += 1;
            }
            (vec![0.0; *nodes], features)
        })
        .collect();
    let views: Vec<GraphRef<'_>> = graphs
        .iter()
        .zip(&rows)
        .map(|((_, edges), (nodes, edge_features))| GraphRef {
            nodes,
            width: 1,
            edges,
            edge_features,
            ..GraphRef::default()
        })
        .collect();
    let options = BatchOptions {
        self_loops: flag(case, "self_loops"),
        reverse: flag(case, "reverse"),
        ..BatchOptions::default()
    };
    GraphBatch::build(&views, &options, device).unwrap()
}

/// Which golden edges each edge of the batch is the mean of: (edges of the batch, golden edges).
fn mixture(batch: &GraphBatch, kind: Kind) -> Tensor {
    let shares = batch.layer_edges(0).unwrap().features.as_ref().unwrap().to_kind(Kind::Double);
    let counts = shares.reciprocal().round();
    counts.reciprocal().to_kind(kind)
}

type Run = Box<dyn Fn(&Tensor, Option<&Tensor>, &GraphBatch) -> Result<Tensor>>;

/// The registered layer of a name like `GraphConv`, with the settings of the case.
fn convolution(case: &Value, name: &str) -> Option<LayerConfig> {
    let kind = layers().iter().map(|l| l.kind).find(|kind| kind.replace('-', "") == name.to_lowercase())?;
    let mut settings = case["config"].clone();
    settings["kind"] = kind.into();
    // PyTorch Geometric hands weights over at every call.
    if case["edges"].as_str().is_some_and(|edges| edges.ends_with("weights")) {
        settings["edge_features"] = 1.into();
    }
    Some(serde_json::from_value(settings).unwrap())
}

fn layer(case: &Value, vs: &nn::Path<'_>) -> Run {
    let (inputs, outputs) = (case["inputs"].as_i64().unwrap(), case["outputs"].as_i64().unwrap());
    let name = case["layer"].as_str().unwrap();
    if let Some(layer) = convolution(case, name) {
        let layer = layer.layer(vs, inputs, outputs).unwrap();
        return Box::new(move |x, edges, b| {
            layer.forward(x, b.layer_edges(0)?, &Context { edges, ..Context::default() })
        });
    }
    match name {
        "SoftmaxSum" => {
            let t = case["config"]["t"].as_f64().unwrap();
            Box::new(move |x, _, b| b.layer_edges(0)?.edges.softmax_sum(x, t))
        }
        "AttentionPool" => {
            let layer = AttentionPool::new(vs, inputs, outputs, config(case)).unwrap();
            Box::new(move |x, _, b| layer.forward(x, &b.graph_of_row))
        }
        "Pool" => {
            let pool: Pool = serde_json::from_value(case["config"]["kind"].clone()).unwrap();
            Box::new(move |x, _, b| pool.apply(&b.graph_of_row, x))
        }
        "BatchNorm" => {
            let layer = BatchNorm::new(vs, inputs, BatchNormConfig::default()).unwrap();
            let train = flag(&case["config"], "train");
            Box::new(move |x, _, _| layer.forward(x, train))
        }
        "LayerNorm" => {
            let layer = LayerNorm::new(vs, inputs, config(case)).unwrap();
            Box::new(move |x, _, b| layer.forward(x, &b.graph_of_row))
        }
        "InstanceNorm" => {
            let layer = InstanceNorm::new(vs, inputs, config(case)).unwrap();
            Box::new(move |x, _, b| layer.forward(x, &b.graph_of_row))
        }
        "GraphNorm" => {
            let layer = GraphNorm::new(vs, inputs, config(case)).unwrap();
            Box::new(move |x, _, b| layer.forward(x, &b.graph_of_row))
        }
        "MultiHeadAttention" => {
            let layer = MultiHeadAttention::new(vs, inputs, config(case)).unwrap();
            Box::new(move |x, _, b| layer.forward_nodes(x, &b.graph_of_row, false))
        }
        other => panic!("no layer {other}"),
    }
}

fn compare(golden: &Value, case: &Value, kind: Kind, device: Device) {
    let options = (kind, device);
    let name = format!("{} {} {kind:?} {device:?}", case["layer"], case["config"]);
    let mut vs = nn::VarStore::new(device);
    let run = layer(case, &vs.root());
    vs.set_kind(kind);
    let parameters = case["parameters"].as_object().unwrap();
    let buffers = case["buffers"].as_object().into_iter().flatten().map(|(n, _)| n);
    let mut expected: Vec<&String> = parameters.keys().chain(buffers).collect();
    let variables = vs.variables();
    let mut found: Vec<&String> = variables.keys().collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "{name}");
    let set = |name: &str, value: &Value| {
        let value = tensor(value, options);
        tch::no_grad(|| variables[name].shallow_clone().copy_(&value));
    };
    parameters.iter().for_each(|(n, value)| set(n, value));
    let train = flag(&case["config"], "train");
    if !train {
        case["buffers"].as_object().into_iter().flatten().for_each(|(n, value)| set(n, value));
    }

    let batch = batch(golden, case, device);
    let width = case["inputs"].as_i64().unwrap();
    let x = tensor(&golden["x"], options).repeat([1, 2]).narrow(1, 0, width).copy().set_requires_grad(true);
    let attribute = case["edges"].as_str().map(|n| tensor(&golden["attributes"][n], options).set_requires_grad(true));
    let edges = attribute.as_ref().map(|a| mixture(&batch, kind).matmul(a));
    let edges = edges.map(|e| if e.dim() == 1 { e.unsqueeze(1) } else { e });
    let y = run(&x, edges.as_ref(), &batch).unwrap();
    let cotangent = tensor(&golden["cotangent"], options);
    let cotangent = cotangent.narrow(0, 0, y.size()[0]).narrow(1, 0, y.size()[1]);
    (&y * cotangent).sum(kind).backward();

    let tolerance = if kind == Kind::Double { 1e-10 } else { 1e-5 };
    let check = |what: &str, found: &Tensor, expected: &Value| {
        let error = relative(&found.detach(), &tensor(expected, options));
        assert!(error < tolerance, "{name}: {what} {error:e}");
    };
    check("output", &y, &case["output"]);
    let gradients = case["gradients"].as_object().unwrap();
    assert_eq!(gradients.len(), parameters.len() + 1 + usize::from(attribute.is_some()), "{name}");
    for (n, expected) in gradients {
        let gradient = match n.as_str() {
            "x" => x.grad(),
            "edges" => attribute.as_ref().unwrap().grad(),
            n => variables[n].grad(),
        };
        check(n, &gradient, expected);
    }
    if train {
        case["buffers"].as_object().into_iter().flatten().for_each(|(n, value)| check(n, &variables[n], value));
    }
}

on_devices!(layers_agree_with_pytorch_geometric);

fn layers_agree_with_pytorch_geometric(device: Device) {
    let golden: Value = serde_json::from_str(include_str!("../golden/layers.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 40);
    for case in cases {
        compare(&golden, case, Kind::Double, device);
        compare(&golden, case, Kind::Float, device);
    }
}
