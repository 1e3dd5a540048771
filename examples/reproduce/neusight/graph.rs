//! From a published operator graph to the operators that run.
//!
//! Products are those of the graph. What the others move follows from what PyTorch runs, not from the graph's
//! annotations: a view moves nothing, `contiguous` copies only what a permutation left scattered, dropout is nothing
//! in inference and writes a mask of bytes in training, softmax multiplies before it goes back, layer norm reads
//! twice, a tensor with several consumers has its gradients added, every weight's gradient is added to the one
//! before, and the loss goes back through a softmax over the vocabulary. Of the nodes that the graphs call `misc`,
//! some compute: OPT takes a maximum over all attention scores.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tachograph_datasets::sets::OpGraphNode;
use tachograph_features::operator_model::{Operator, OperatorClass};

/// What a node runs.
#[derive(Default)]
pub struct Work {
    pub forward: Vec<Operator>,
    pub backward: Vec<Operator>,
    /// Elements sent between GPUs forward and backward.
    pub sent: [f64; 2],
}

/// The work of every node, in order.
pub fn work(nodes: &[OpGraphNode], training: bool) -> Result<Vec<Work>> {
    let by_name: HashMap<&str, &OpGraphNode> = nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    nodes.iter().map(|node| of_node(node, &by_name, training).with_context(|| node.name.clone())).collect()
}

fn of_node(node: &OpGraphNode, by_name: &HashMap<&str, &OpGraphNode>, training: bool) -> Result<Work> {
    let mut work = Work::default();
    let out = size(node.output_shapes.first());
    let inputs: f64 = node.input_shapes.iter().map(|shape| size(Some(shape))).sum();
    let forward = operations(&node.forward)?;
    let scattered = |name: &String| ["permute", "transpose"].iter().any(|view| name.starts_with(view));
    let producers = || node.inputs.iter();
    let moves = |bytes: f64| Operator::elementwise((bytes / 8.0) as u64, bytes);
    match node.operator.as_str() {
        "Linear" | "BMM" => {
            work.forward = products(&forward)?;
            work.backward = products(&operations(&node.backward)?)?;
            // torch.matmul copies what is not laid out as a batch of matrices.
            if node.operator == "BMM" && node.input_shapes.first().is_some_and(|shape| shape.len() == 4) {
                for producer in producers().filter(|name| scattered(name)) {
                    let copy =
                        moves(8.0 * by_name.get(producer.as_str()).map_or(0.0, |p| size(p.output_shapes.first())));
                    work.forward.push(copy);
                    work.backward.push(copy);
                }
            }
            if node.operator == "Linear" {
                work.backward.push(moves(4.0 * out));
            }
        }
        "VECsoftmax" => {
            let [rows, width] = extents(&forward)?;
            work.forward.push(Operator::on_rows(OperatorClass::Softmax, rows, width, 8.0 * out));
            work.backward
                .extend([moves(12.0 * out), Operator::on_rows(OperatorClass::Softmax, rows, width, 12.0 * out)]);
        }
        "VECln" => {
            let [rows, width] = extents(&forward)?;
            let of = |bytes| Operator::on_rows(OperatorClass::LayerNorm, rows, width, bytes);
            work.forward.push(of(8.0 * out));
            work.backward.extend([of(12.0 * out), of(8.0 * out)]);
        }
        "fused" if !forward.is_empty() => {
            let last = &forward[forward.len() - 1].0;
            let gathered = if forward.iter().any(|(name, _)| name == "MEM") { out } else { 0.0 };
            let bytes = 4.0 * (inputs + out + gathered);
            work.forward.push(match last.as_str() {
                "VECsoftmax" | "VECln" => {
                    let [rows, width] = extents(&forward[forward.len() - 1..])?;
                    let class = if last == "VECln" { OperatorClass::LayerNorm } else { OperatorClass::Softmax };
                    Operator::on_rows(class, rows, width, bytes)
                }
                _ => moves(bytes),
            });
        }
        "EMBEDDING" => {
            work.forward.push(moves(8.0 * out));
            let table: f64 =
                operations(&node.backward)?.first().map_or(0.0, |(_, shapes)| numbers(shapes).iter().product());
            work.backward.extend([moves(4.0 * table), moves(8.0 * out)]);
        }
        "dropout" if training => {
            work.forward.push(moves(9.0 * out));
            work.backward.push(moves(9.0 * out));
        }
        "where" => {
            let mask = node.input_shapes.first().map_or(0.0, |shape| size(Some(shape)));
            work.forward.push(moves(mask + 8.0 * out));
            work.backward.push(moves(mask + 8.0 * out));
        }
        "contiguous" if producers().any(&scattered) => {
            work.forward.push(moves(8.0 * out));
            work.backward.push(moves(8.0 * out));
        }
        // The gradient of a slice is written into that of the whole.
        "getitem" if out > 1.0 => {
            let gathers = node.input_shapes.iter().skip(1).any(|index| size(Some(index)) > 1.0);
            work.forward.extend(gathers.then(|| moves(8.0 * out)));
            work.backward.push(moves(8.0 * out));
        }
        "allreduce" | "sendrecv" => {
            let elements =
                |text: &str| Ok::<_, anyhow::Error>(operations(text)?.iter().map(|(_, n)| numbers(n)[0]).sum());
            work.sent = [elements(&node.forward)?, elements(&node.backward)?];
        }
        "misc" => {
            let stem = node.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
            let (forward, backward) = match stem {
                // Where the two are equal each gets half: PyTorch compares twice, halves, selects and fills.
                "max" | "min" => (4.0 * (inputs + out), 40.0 * out),
                "sub" | "masked_fill" | "cat" | "clone" | "repeat" => (4.0 * (inputs + out), 0.0),
                "reshape" if producers().any(&scattered) => (8.0 * out, 8.0 * out),
                _ if stem.contains("embed") && inputs > 1.0 || stem.ends_with("wpe") => (8.0 * out, 8.0 * out),
                _ => (0.0, 0.0),
            };
            work.forward.push(moves(forward));
            work.backward.push(moves(backward));
        }
        "output" | "dropout" | "contiguous" | "getitem" | "fused" | "Weight" => {}
        name if name.starts_with("VEC") => {
            work.forward.push(moves(4.0 * (inputs + out)));
            let backward = match &name[3..] {
                "mul" => 24.0,
                "mulu" | "divu" | "div" => 8.0,
                "powu" | "pow" => 28.0,
                "tanh" | "relu" | "gelu" => 12.0,
                _ => 0.0,
            };
            work.backward.push(moves(backward * out));
        }
        _ => {
            work.forward.push(moves(4.0 * (inputs + out)));
            work.backward.push(moves(4.0 * (inputs + out)));
        }
    }
    for (_, shape) in operations(&node.accumulate)? {
        work.backward.push(moves(12.0 * numbers(&shape).iter().product::<f64>()));
    }
    let consumers = || node.consumers.iter().filter_map(|name| by_name.get(name.as_str()));
    let gradients = consumers().filter(|c| c.operator != "output" && size(c.output_shapes.first()) > 1.0).count();
    if out > 1.0 && node.operator != "misc" {
        work.backward.extend((1..gradients).map(|_| moves(12.0 * out)));
    }
    if node.operator == "output" {
        work.backward.push(moves(16.0 * node.input_shapes.first().map_or(0.0, |shape| size(Some(shape)))));
    }
    if !training {
        work.backward.clear();
    }
    Ok(work)
}

fn size(shape: Option<&Vec<u64>>) -> f64 {
    shape.map_or(1.0, |shape| shape.iter().map(|&extent| extent as f64).product())
}

/// `[['BMM', (b, m, n, k)], …]`.
fn operations(text: &str) -> Result<Vec<(String, Value)>> {
    let json = text.replace('(', "[").replace(')', "]").replace('\'', "\"").replace(",]", "]");
    serde_json::from_str(&json).with_context(|| format!("operators {text}"))
}

/// All numbers of nested lists.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        _ => value.as_f64().into_iter().collect(),
    }
}

fn products(operations: &[(String, Value)]) -> Result<Vec<Operator>> {
    let product = |(name, value): &(String, Value)| {
        let extents: Vec<u64> = numbers(value).iter().map(|&x| x as u64).collect();
        match (name.as_str(), extents.as_slice()) {
            ("Linear", &[m, n, k]) => Ok(Operator::linear([m, n, k])),
            ("BMM", &[b, m, n, k]) => Ok(Operator::batched([b, m, n, k])),
            _ => bail!("{name} {value} is no product"),
        }
    };
    operations.iter().map(product).collect()
}

fn extents(operations: &[(String, Value)]) -> Result<[u64; 2]> {
    let (name, value) = operations.first().context("no operator")?;
    match numbers(value).as_slice() {
        &[rows, width] => Ok([rows as u64, width as u64]),
        _ => bail!("{name} {value} has no rows"),
    }
}
