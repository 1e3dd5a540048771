//! A workload in TpuGraphs' columns: a node for each buffer, which what computes it tells the operator of.

use tachograph_datasets::sets::{Operation, OperatorGraph, WindowExtent};
use tachograph_program::{Binary, BufferId, Expr, Index, Reducer, Role, Stage, Unary, Workload};

/// The graph of a workload.
pub fn graph(workload: &Workload) -> OperatorGraph {
    let mut graph = OperatorGraph::default();
    let mut nodes = vec![None; workload.buffers().len()];
    let mut parameters = 0;
    let ids = || (0..workload.buffers().len() as u32).map(BufferId);
    for id in ids().filter(|id| workload.stage(*id).is_none() && !workload.readers(*id).is_empty()) {
        let (name, parameter) = match workload.buffer(id).role {
            Role::Weight => ("constant", 0),
            _ => ("parameter", parameters),
        };
        parameters += usize::from(name == "parameter");
        nodes[id.index()] = Some(graph.add(&Operation { name, parameter, ..result(workload, id) }, []));
    }
    for stage in workload.stages() {
        let mut operands: Vec<u32> = stage.value.reads().into_iter().filter_map(|id| nodes[id.index()]).collect();
        operands.dedup();
        let made = Operation {
            name: name(stage),
            root: workload.outputs().contains(&stage.buffer),
            // What is reduced is the window: its sizes are the extents.
            window: stage.reduction.iter().map(|axis| extent(axis.extent)).collect(),
            ..result(workload, stage.buffer)
        };
        nodes[stage.buffer.index()] = Some(graph.add(&made, operands));
    }
    graph
}

fn extent(size: u64) -> WindowExtent {
    WindowExtent { size: size as i64, stride: 1, padding: [0, 0], dilation: 1 }
}

/// Type and extents of a buffer.
fn result(workload: &Workload, id: BufferId) -> Operation {
    let buffer = workload.buffer(id);
    Operation { dtype: Some(buffer.dtype), shape: buffer.shape.clone(), ..Operation::default() }
}

/// XLA's name of what a stage computes.
fn name(stage: &Stage) -> &'static str {
    let mut windows = false;
    let mut loads = 0;
    let moves = |index: &Index| index.as_var().is_none() && index.as_constant().is_none();
    let mut load = |expr: &Expr| {
        if let Expr::Load(_, index) = expr {
            loads += 1;
            windows |= index.iter().any(moves);
        }
    };
    stage.value.visit(&mut load, &mut |_| {});
    match (stage.reducer.filter(|_| stage.reduces()), loads) {
        (Some(Reducer::Sum), 2..) if windows => "convolution",
        (Some(Reducer::Sum), 2..) => "dot",
        (Some(_), _) if windows => "reduce-window",
        (Some(_), _) => "reduce",
        (None, _) => by_element(&stage.value),
    }
}

/// XLA's name of the last function of an expression.
fn by_element(value: &Expr) -> &'static str {
    match value {
        Expr::Load(..) => "copy",
        Expr::Lookup { .. } => "gather",
        Expr::Cast(..) => "convert",
        Expr::Select(..) => "select",
        Expr::Binary(function, ..) => match function {
            Binary::Add => "add",
            Binary::Sub => "subtract",
            Binary::Mul => "multiply",
            Binary::Div => "divide",
            Binary::Max => "maximum",
            Binary::Min => "minimum",
            Binary::Pow => "power",
        },
        Expr::Unary(function, _) => match function {
            Unary::Exp => "exponential",
            Unary::Log => "log",
            Unary::Sqrt => "sqrt",
            Unary::Tanh => "tanh",
            Unary::Erf => "gelu",
            Unary::Neg => "negate",
            Unary::Abs => "abs",
            Unary::Sin => "sine",
            Unary::Cos => "cosine",
            Unary::Floor => "floor",
            Unary::Ceil => "ceil",
            _ => "",
        },
        Expr::Const(_) | Expr::Index(_) | Expr::Table(..) => "constant",
    }
}

#[cfg(test)]
mod tests {
    use tachograph_ir::DType::F32;
    use tachograph_program::{Builder, operator};

    use super::*;

    #[test]
    fn a_product_is_a_dot() {
        let mut b = Builder::new("dense");
        let (x, w) = (b.input("x", F32, &[16, 24]).unwrap(), b.weight("w", F32, &[24, 32]).unwrap());
        let y = operator::matmul(&mut b, x, w).unwrap();
        let graph = graph(&b.finish(&[y]).unwrap());
        assert_eq!(graph.opcodes, [63, 24, 34]);
        assert_eq!(graph.edges, [(0, 2), (1, 2)]);
        // Extents of the result, of the sum, and that it is the result.
        assert_eq!([0, 21, 22, 37].map(|column| graph.features[(2, column)]), [1.0, 16.0, 32.0, 24.0]);
    }
}
