//! The published graphs, as the crate `transfer` reads them.

use anyhow::{Context, Result};
use serde_json::Value;
use tachograph_datasets::sets::{OpGraphNode, Prediction};
use tachograph_transfer::transformer::{Call, Node, Run};

/// GPUs of the runs on several.
const GPUS: u32 = 4;

/// How a published case was run.
pub fn run(case: &Prediction) -> Run {
    match case.option.as_str() {
        // Their graphs hold every layer.
        "fusion" => Run::Whole,
        _ if case.model.starts_with("switch") => Run::Whole,
        option if option.starts_with("pp") => Run::Pipeline { gpus: GPUS },
        option if option.starts_with("dp") => Run::Data { gpus: GPUS },
        _ => Run::Layers { gpus: GPUS },
    }
}

/// A node, with its calls read.
pub fn node(node: OpGraphNode) -> Result<Node> {
    let calls = |text: &str| calls(text).with_context(|| format!("{}: operators {text}", node.name));
    Ok(Node {
        forward: calls(&node.forward)?,
        backward: calls(&node.backward)?,
        accumulate: calls(&node.accumulate)?,
        name: node.name,
        operator: node.operator,
        inputs: node.inputs,
        consumers: node.consumers,
        input_shapes: node.input_shapes,
        output_shapes: node.output_shapes,
    })
}

/// `[['BMM', (b, m, n, k)], …]`.
fn calls(text: &str) -> Result<Vec<Call>> {
    let json = text.replace('(', "[").replace(')', "]").replace('\'', "\"").replace(",]", "]");
    let calls: Vec<(String, Value)> = serde_json::from_str(&json)?;
    Ok(calls.into_iter().map(|(name, extents)| Call { name, extents: numbers(&extents) }).collect())
}

/// All numbers of nested lists.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        _ => value.as_f64().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_from_python() {
        let read = calls("[['BMM', (1, 2, 3, 4)], ['VECadd', (8, (2, 3))]]").unwrap();
        assert_eq!((read[0].name.as_str(), &read[0].extents[..]), ("BMM", &[1.0, 2.0, 3.0, 4.0][..]));
        assert_eq!(read[1].extents, [8.0, 2.0, 3.0]);
        assert_eq!(calls("[['VECrelu', (5,)]]").unwrap()[0].extents, [5.0]);
        assert!(calls("[]").unwrap().is_empty() && calls("nothing").is_err());
    }
}
