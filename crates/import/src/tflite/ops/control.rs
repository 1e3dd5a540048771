//! Graphs that run others: branches, loops, calls.

use std::{collections::HashMap, rc::Rc};

use tachograph_ir::{
    Attr, Attrs, DType, Graph, Node, OpType, Parts, Tensor, TensorId, TensorKind, Value, attrs,
};

use super::{Importer, Op, Read, id};
use crate::{Error, tflite};

/// As deep as graphs may be nested, and as often as they may be read for one file.
const DEPTH: usize = 8;
const READINGS: usize = 1000;

/// The graph of this number, with its operators.
fn read<'a>(net: &Importer<'a>, number: i64) -> Result<Importer<'a>, String> {
    let number = usize::try_from(number).map_err(|_| format!("runs graph {number}"))?;
    if net.nesting.contains(&number) {
        return Err(format!("graph {number} runs itself"));
    }
    if net.nesting.len() >= DEPTH || net.reached.borrow().len() >= READINGS {
        return Err(format!("more than {DEPTH} graphs inside each other, or {READINGS} runs of graphs"));
    }
    net.reached.borrow_mut().push(number);
    let nesting = net.nesting.iter().copied().chain([number]).collect();
    tflite::operators(&net.file, net.model, nesting, Rc::clone(&net.reached)).map_err(|error| match error {
        Error::Node { node, message, .. } => format!("in graph {number}: node {node}: {message}"),
        Error::Tensor { tensor, message, .. } => format!("in graph {number}: tensor `{tensor}`: {message}"),
        Error::Kind { message, .. } => message,
        other => other.to_string(),
    })
}

fn graph(parts: Parts) -> Result<Attr, String> {
    Graph::new(parts).map(|graph| Attr::Graph(Box::new(graph))).map_err(|error| error.to_string())
}

/// One of two graphs on all operands but the first, the condition.
fn either(net: &mut Importer, op: &Op, condition: TensorId, branches: [i64; 2]) -> Read {
    let [yes, no] = branches.map(|number| read(net, number).and_then(|inner| graph(inner.finish())));
    let bodies = attrs([("then_branch", yes?), ("else_branch", no?)]);
    let inputs = [Some(condition)].into_iter().chain(op.inputs.iter().skip(1).map(|i| i.map(id))).collect();
    op.outputs.iter().for_each(|&i| net.state(i));
    net.node(OpType::new("If"), inputs, bodies, op.outputs.iter().map(|&i| id(i)).collect());
    Ok(true)
}

pub(super) fn branch(net: &mut Importer, op: &Op) -> Read {
    let condition = id(op.input(0)?);
    either(net, op, condition, [op.options.int(4, 0), op.options.int(6, 0)])
}

/// A choice by number.
pub(super) fn case(net: &mut Importer, op: &Op) -> Read {
    match op.options.list(4)[..] {
        [only] => inline(net, only, op.inputs.iter().skip(1).map(|i| i.map(id)).collect(), &op.outputs),
        [first, second] => {
            let zero = net.scalar(DType::I32, Value::Ints(vec![0]));
            let condition = net.derive("Equal", &[id(op.input(0)?), zero], Attrs::new());
            either(net, op, condition, [first, second])
        }
        _ => Ok(false),
    }
}

pub(super) fn call(net: &mut Importer, op: &Op, number: i64) -> Read {
    inline(net, number, op.inputs.iter().map(|i| i.map(id)).collect(), &op.outputs)
}

/// Runs before the first inference, and never again.
pub(super) fn once(net: &mut Importer, op: &Op) -> Read {
    net.reached.borrow_mut().extend(usize::try_from(op.options.int(4, 0)));
    Ok(true)
}

/// What a variable is to hold is a result of the graph: the next run reads it.
pub(super) fn assign(net: &mut Importer, op: &Op) -> Read {
    let value = op.input(1)?;
    if net.nesting.len() == 1 && !net.is_constant(value) && !net.parts.outputs.contains(&id(value)) {
        net.parts.outputs.push(id(value));
    }
    Ok(true)
}

/// The nodes of another graph in the place of the operator that runs it.
fn inline(net: &mut Importer, number: i64, inputs: Vec<Option<TensorId>>, outputs: &[usize]) -> Read {
    let inner = read(net, number)?.finish();
    let given = inputs.into_iter().map(|i| i.ok_or("an operand is left out")).collect::<Result<Vec<_>, _>>()?;
    if given.len() != inner.inputs.len() || outputs.len() != inner.outputs.len() {
        return Err(format!("graph {number} takes {} operands, not {}", inner.inputs.len(), given.len()));
    }
    let results = append(&mut net.parts, inner, &given, outputs.iter().map(|&i| id(i)).collect());
    for (&output, result) in outputs.iter().zip(results).filter(|(output, result)| id(**output) != *result) {
        net.emit("Identity", &[result], Attrs::new(), id(output));
    }
    Ok(true)
}

/// Appends `inner`, whose inputs are `given`, and tells where its results are: at `wanted`, where a node of its own
/// writes them.
fn append(parts: &mut Parts, inner: Parts, given: &[TensorId], wanted: Vec<TensorId>) -> Vec<TensorId> {
    let shift = parts.tensors.len() as u32;
    let mut places: HashMap<TensorId, TensorId> = HashMap::new();
    for (&output, place) in inner.outputs.iter().zip(wanted) {
        if inner.tensors.get(output.index()).is_some_and(|t| t.kind == TensorKind::Activation) {
            places.entry(output).or_insert(place);
        }
    }
    places.extend(inner.inputs.iter().copied().zip(given.iter().copied()));
    let place = |t: TensorId| places.get(&t).copied().unwrap_or(TensorId(t.0 + shift));
    // Names are those of one graph; appended twice, they would be double.
    parts.tensors.extend(inner.tensors.into_iter().map(|t| Tensor { name: String::new(), ..t }));
    parts.nodes.extend(inner.nodes.into_iter().map(|node| {
        let all = |list: Vec<Option<TensorId>>| list.into_iter().map(|t| t.map(place)).collect();
        Node { inputs: all(node.inputs), outputs: all(node.outputs), ..node }
    }));
    inner.outputs.into_iter().map(place).collect()
}

/// WHILE as ONNX's Loop, whose body gives the condition for the next trip.
pub(super) fn repeat(net: &mut Importer, op: &Op) -> Read {
    let condition = read(net, op.options.int(4, 0))?.finish();
    let mut body = read(net, op.options.int(6, 0))?.finish();
    let carried = op.inputs.len();
    if [body.inputs.len(), body.outputs.len(), condition.inputs.len(), op.outputs.len()] != [carried; 4] {
        return Err(format!("carries {carried} values, its graphs {} and {}", body.inputs.len(), condition.inputs.len()));
    }
    let count = trips(net, op, &condition, &body);
    let goes_on = match count {
        Some(_) => {
            body.tensors.push(Tensor::constant("", DType::Bool, &[], Value::Ints(vec![1])));
            TensorId(body.tensors.len() as u32 - 1)
        }
        None => {
            let given = body.outputs.clone();
            body.tensors.push(Tensor::activation(""));
            let wanted = TensorId(body.tensors.len() as u32 - 1);
            match append(&mut body, condition, &given, vec![wanted])[..] {
                [result] => result,
                _ => return Err("its condition is not one truth value".into()),
            }
        }
    };
    let own = [Tensor::input("", DType::I64, vec![]), Tensor::input("", DType::Bool, vec![])];
    let first = TensorId(body.tensors.len() as u32);
    body.tensors.extend(own);
    body.inputs.splice(0..0, [first, TensorId(first.0 + 1)]);
    body.outputs.insert(0, goes_on);
    let settings = attrs([("body", graph(body)?), ("carried", Attr::Int(carried as i64))]);
    let limit = count.map(|n| net.scalar(DType::I64, Value::Ints(vec![n])));
    let inputs = [limit, None].into_iter().chain(op.inputs.iter().map(|i| i.map(id))).collect();
    op.outputs.iter().for_each(|&i| net.state(i));
    net.node(OpType::new("Loop"), inputs, settings, op.outputs.iter().map(|&i| id(i)).collect());
    Ok(true)
}

/// The number of trips, where the condition compares counters with numbers that the file knows.
fn trips(net: &Importer, op: &Op, condition: &Parts, body: &Parts) -> Option<i64> {
    let [result] = condition.outputs[..] else { return None };
    Trips { net, op, condition, body }.while_true(result, 0)
}

struct Trips<'a, 'b> {
    net: &'a Importer<'b>,
    op: &'a Op<'b>,
    condition: &'a Parts,
    body: &'a Parts,
}

fn writer(parts: &Parts, t: TensorId) -> Option<&Node> {
    parts.nodes.iter().find(|node| node.outputs.contains(&Some(t)))
}

fn number(parts: &Parts, t: TensorId) -> Option<i64> {
    match parts.tensors.get(t.index())?.value.as_ref()?.ints()? {
        [n] => Some(*n),
        _ => None,
    }
}

impl Trips<'_, '_> {
    fn while_true(&self, t: TensorId, depth: usize) -> Option<i64> {
        let node = writer(self.condition, t)?;
        let (&Some(a), &Some(b)) = (node.inputs.first()?, node.inputs.get(1)?) else { return None };
        match node.op.name() {
            "And" if depth < DEPTH => Some(self.while_true(a, depth + 1)?.min(self.while_true(b, depth + 1)?)),
            "Less" => self.count(a, self.limit(b)?),
            "LessOrEqual" => self.count(a, self.limit(b)?.checked_add(1)?),
            "Greater" => self.count(b, self.limit(a)?),
            "GreaterOrEqual" => self.count(b, self.limit(a)?.checked_add(1)?),
            _ => None,
        }
    }

    /// Position among the carried values.
    fn carried(&self, t: TensorId) -> Option<usize> {
        self.condition.inputs.iter().position(|&input| input == t)
    }

    /// A number that stays as it is from trip to trip.
    fn limit(&self, t: TensorId) -> Option<i64> {
        if let Some(n) = number(self.condition, t) {
            return Some(n);
        }
        let i = self.carried(t).filter(|&i| self.body.inputs.get(i) == self.body.outputs.get(i))?;
        self.start(i)
    }

    fn start(&self, i: usize) -> Option<i64> {
        self.net.known(self.op.optional(i)?)?.first().copied()
    }

    /// Trips until the counter `t` reaches `limit`.
    fn count(&self, t: TensorId, limit: i64) -> Option<i64> {
        let i = self.carried(t)?;
        let (&before, &after) = (self.body.inputs.get(i)?, self.body.outputs.get(i)?);
        let node = writer(self.body, after).filter(|node| node.op.name() == "Add")?;
        let step = match node.inputs[..] {
            [Some(a), Some(b)] if a == before => number(self.body, b)?,
            [Some(a), Some(b)] if b == before => number(self.body, a)?,
            _ => return None,
        };
        let span = limit.checked_sub(self.start(i)?)?.max(0);
        (step > 0).then(|| span / step + i64::from(span % step != 0))
    }
}

/// Name of the only operator of a graph, if it has one.
pub(super) fn only(net: &Importer, number: i64) -> Result<Option<String>, String> {
    Ok(match read(net, number)?.parts.nodes.as_slice() {
        [one] => Some(one.op.name().to_owned()),
        _ => None,
    })
}
