//! Operator graphs.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::NEUSIGHT;
use crate::{Error, Result, table::Table};

/// A node of an operator graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpGraphNode {
    /// Name of the node.
    pub name: String,
    /// NeuSight's name of the operator.
    pub operator: String,
    /// What the forward part computes, as NeuSight writes it: `[['BMM', (b, m, n, k)], …]`.
    pub forward: String,
    /// What the backward part computes.
    pub backward: String,
    /// What adds up gradients of weights.
    pub accumulate: String,
    /// Names of the producers of the inputs, sorted.
    pub inputs: Vec<String>,
    /// Names of the consumers, sorted.
    pub consumers: Vec<String>,
    /// Shapes of the inputs.
    pub input_shapes: Vec<Vec<u64>>,
    /// Shapes of the outputs.
    pub output_shapes: Vec<Vec<u64>>,
}

pub fn read(folder: &Path, network: &str) -> Result<Vec<OpGraphNode>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Row {
        name: String,
        op_name: String,
        fw_ops: String,
        bw_ops: String,
        acc_ops: String,
        prev: String,
        next: String,
        input_shapes: String,
        output_shape: String,
    }
    let path = [".csv", ".csv.gz"].map(|end| folder.join(format!("{network}{end}")));
    let missing = || Error::NoGraph {
        set: NEUSIGHT.name.into(),
        network: network.into(),
        message: format!("no table of it in {}", folder.display()),
    };
    let path = path.into_iter().find(|path| path.exists()).ok_or_else(missing)?;
    let rows = Table::open(&path)?.records::<Row>();
    rows.map(|row| {
        let row = row?;
        Ok(OpGraphNode {
            name: row.name,
            operator: row.op_name,
            forward: row.fw_ops,
            backward: row.bw_ops,
            accumulate: row.acc_ops,
            inputs: names(&row.prev),
            consumers: names(&row.next),
            input_shapes: shapes(&row.input_shapes),
            output_shapes: shapes(&row.output_shape),
        })
    })
    .collect()
}

/// The quoted names of a Python set, sorted.
fn names(text: &str) -> Vec<String> {
    let mut names: Vec<_> = text.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
    names.sort();
    names
}

/// The innermost lists or tuples of numbers in Python's notation.
pub fn shapes(text: &str) -> Vec<Vec<u64>> {
    let mut shapes = Vec::new();
    let mut open: Option<Vec<u64>> = None;
    const MARKS: [char; 5] = ['(', '[', ')', ']', ','];
    for part in text.split_inclusive(MARKS) {
        let number = part.trim_end_matches(MARKS);
        let mark = &part[number.len()..];
        if let (Some(shape), Ok(extent)) = (&mut open, number.trim().parse()) {
            shape.push(extent);
        }
        match mark {
            "(" | "[" => open = Some(Vec::new()),
            ")" | "]" => shapes.extend(open.take().filter(|shape| !shape.is_empty())),
            _ => {}
        }
    }
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_python() {
        assert_eq!(names("{'view', 'size'}"), ["size", "view"]);
        assert!(names("set()").is_empty());
        assert_eq!(shapes("[(4, 1024), (1,)]"), [vec![4, 1024], vec![1]]);
        assert_eq!(shapes("(8, 512)"), [vec![8, 512]]);
        assert_eq!(shapes("[[8, 1, 1, 512]]"), [vec![8, 1, 1, 512]]);
        for text in ["[]", "()", "", "é", "(((("] {
            assert!(shapes(text).is_empty(), "{text}");
        }
    }
}
