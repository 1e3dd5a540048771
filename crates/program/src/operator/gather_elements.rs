//! One element of a line for each element of the result, by number.

use super::{Node, Operator, named};
use crate::{BufferId, Builder, Comparison, Cond, Expr, Index, Result};

pub(super) struct GatherElements;

impl Operator for GatherElements {
    fn names(&self) -> &'static [&'static str] {
        &["GatherElements"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let (table, indices) = (node.operand(0)?, node.operand(1)?);
        let (from, by) = (b.shape(table).to_vec(), b.shape(indices).to_vec());
        let axis = node.axis("axis", 0, from.len())?;
        if from.len() != by.len() {
            return Err(node.refuse(format!("has operands {from:?} and {by:?}")));
        }
        let result = b.map("gather", &named(&by), |i| {
            let position = Expr::Load(indices, i.to_vec());
            let negative = Cond::Compare(Comparison::Less, Box::new(position.clone()), Box::new(0.0.into()));
            let position = (position.clone() + from[axis] as f64).when(negative, position);
            let mut index = i.to_vec();
            index[axis] = Index::default();
            Expr::Lookup { buffer: table, axis, position: Box::new(position), index }
        })?;
        b.set_dtype(result, b.dtype(table));
        Ok(vec![result])
    }
}

#[cfg(test)]
mod tests {
    use tachograph_ir::{Assignment, Attrs, DType, FusionRule};

    use crate::group;

    #[test]
    fn each_element_has_a_number_of_its_own() {
        let mut graph = tachograph_ir::Builder::new("t");
        let x = graph.input("x", DType::F32, vec![2.into(), 3.into()]);
        let by = graph.input("by", DType::I64, vec![2.into(), 2.into()]);
        let y = graph.op_with("GatherElements", &[x, by], Attrs::from([("axis".into(), 1i64.into())])).unwrap();
        let bound = graph.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
        let made = group(&bound, &bound.fuse(&FusionRule::default())[0]).unwrap();
        let data = [vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], vec![2.0, 0.0, -1.0, 1.0]];
        let given = made.inputs.iter().map(|(_, buffer)| *buffer).zip(data).collect();
        assert_eq!(made.workload.run(&given).unwrap()[&made.outputs[0].1], [2.0, 0.0, 5.0, 4.0]);
    }
}
