//! Functions of two elements, with broadcasting.

use super::{Node, Operator, conv::pairwise};
use crate::{Binary as Function, BufferId, Builder, Comparison, Cond, Expr, Result};

pub(super) struct Binary;

impl Operator for Binary {
    fn names(&self) -> &'static [&'static str] {
        &[
            "Add",
            "And",
            "Div",
            "Equal",
            "Greater",
            "GreaterOrEqual",
            "Less",
            "LessOrEqual",
            "Max",
            "Mean",
            "Min",
            "Mul",
            "Or",
            "PRelu",
            "Pow",
            "Sub",
            "Sum",
        ]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let operands = (0..node.operands.len()).map(|i| node.operand(i)).collect::<Result<Vec<_>>>()?;
        let Some((&first, rest)) = operands.split_first() else { return Err(node.refuse("has no operands")) };
        let name = node.name().to_lowercase();
        let mut y = first;
        let integers = b.dtype(first).is_integer();
        for &other in rest {
            y = match node.name() {
                "Add" | "Sum" | "Mean" => pairwise(b, &name, y, other, |a, b| a + b)?,
                "Sub" => pairwise(b, &name, y, other, |a, b| a - b)?,
                "Mul" => pairwise(b, &name, y, other, |a, b| a * b)?,
                // The interpreter would keep fractions, and the rounding of ONNX is the language's.
                "Div" if integers => return Err(node.refuse("divides integers")),
                "Div" => pairwise(b, &name, y, other, |a, b| a / b)?,
                "Max" => pairwise(b, &name, y, other, Expr::max)?,
                "Min" => pairwise(b, &name, y, other, Expr::min)?,
                "Pow" => pairwise(b, &name, y, other, |a, b| a.binary(Function::Pow, b))?,
                "PRelu" => pairwise(b, &name, y, other, |a, b| {
                    let cond = Cond::Compare(Comparison::Less, Box::new(a.clone()), Box::new(0.0.into()));
                    (a.clone() * b).when(cond, a)
                })?,
                _ => {
                    let truth = pairwise(b, &name, y, other, |x, y| compare(node.name(), x, y))?;
                    b.set_dtype(truth, tachograph_ir::DType::Bool);
                    truth
                }
            };
        }
        if node.name() == "Mean" {
            y = b.apply("mean", y, |y, _| y * (1.0 / operands.len() as f64))?;
        }
        Ok(vec![y])
    }
}

/// A truth value as a number.
fn compare(name: &str, a: Expr, b: Expr) -> Expr {
    let cond = |how, a, b| Cond::Compare(how, Box::new(a), Box::new(b));
    let one = Expr::from(1.0);
    match name {
        "And" => a * b,
        "Or" => a.max(b),
        "Equal" => one.when(cond(Comparison::Equal, a, b), 0.0),
        "Less" => one.when(cond(Comparison::Less, a, b), 0.0),
        "LessOrEqual" => one.when(cond(Comparison::LessEqual, a, b), 0.0),
        "Greater" => one.when(cond(Comparison::Less, b, a), 0.0),
        _ => one.when(cond(Comparison::LessEqual, b, a), 0.0),
    }
}
