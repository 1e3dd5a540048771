//! Functions of one element.

use super::{Node, Operator, broadcast};
use crate::{BufferId, Builder, Comparison, Cond, Expr, Result, Unary as Function};

/// A function between layers, with the coefficients that ONNX gives it by default.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Activation {
    Relu,
    Sigmoid,
    Tanh,
    HardSigmoid { alpha: f64, beta: f64 },
    HardSwish,
    Silu,
    Gelu,
    TanhGelu,
    LeakyRelu { alpha: f64 },
    Elu { alpha: f64 },
    Clip { min: f64, max: f64 },
    Softplus,
    Mish,
}

impl Activation {
    /// The function.
    pub fn of(self, x: Expr) -> Expr {
        let tanh = |x: Expr| x.unary(Function::Tanh);
        let positive = |x: &Expr| Cond::Compare(Comparison::LessEqual, Box::new(0.0.into()), Box::new(x.clone()));
        match self {
            Self::Relu => x.max(0.0),
            Self::Sigmoid => x.sigmoid(),
            Self::Tanh => tanh(x),
            Self::HardSigmoid { alpha, beta } => (x * alpha + beta).max(0.0).min(1.0),
            Self::HardSwish => x.clone() * (x * (1.0 / 6.0) + 0.5).max(0.0).min(1.0),
            Self::Silu => x.clone() * x.sigmoid(),
            Self::Gelu => x.clone() * 0.5 * ((x * std::f64::consts::FRAC_1_SQRT_2).unary(Function::Erf) + 1.0),
            Self::TanhGelu => {
                let cube = x.clone() * x.clone() * x.clone();
                let inner = (x.clone() + cube * 0.044715) * (2.0 / std::f64::consts::PI).sqrt();
                x * 0.5 * (tanh(inner) + 1.0)
            }
            Self::LeakyRelu { alpha } => x.clone().when(positive(&x), x * alpha),
            Self::Elu { alpha } => x.clone().when(positive(&x), (x.exp() - 1.0) * alpha),
            Self::Clip { min, max } => x.max(min).min(max),
            Self::Softplus => softplus(x),
            Self::Mish => x.clone() * tanh(softplus(x)),
        }
    }
}

/// log(1 + e^x) that does not overflow: max(x, 0) + log(1 + e^−|x|).
fn softplus(x: Expr) -> Expr {
    let small = (-x.clone().unary(Function::Abs)).exp() + 1.0;
    x.max(0.0) + small.unary(Function::Log)
}

/// Applies it to every element.
///
/// # Errors
/// None but those of [`Builder::map`].
pub fn activation(b: &mut Builder, x: BufferId, what: Activation) -> Result<BufferId> {
    let name = format!("{what:?}").split(' ').next().unwrap_or("f").to_lowercase();
    b.apply(&name, x, |x, _| what.of(x))
}

/// The function of this name, with the node's coefficients.
pub(super) fn by_name(b: &mut Builder, node: &Node<'_>, name: &str, x: BufferId) -> Result<BufferId> {
    let float = |name: &str, default| node.call.float(name, default);
    let what = match name {
        "Relu" => Activation::Relu,
        "Sigmoid" => Activation::Sigmoid,
        "Tanh" => Activation::Tanh,
        "HardSigmoid" => Activation::HardSigmoid { alpha: float("alpha", 0.2), beta: float("beta", 0.5) },
        "HardSwish" => Activation::HardSwish,
        "Silu" => Activation::Silu,
        "Swish" if float("alpha", 1.0) == 1.0 => Activation::Silu,
        "Gelu" if node.call.text("approximate", "none") == "tanh" => Activation::TanhGelu,
        "Gelu" => Activation::Gelu,
        "FastGelu" => Activation::TanhGelu,
        "LeakyRelu" => Activation::LeakyRelu { alpha: float("alpha", 0.01) },
        "Elu" => Activation::Elu { alpha: float("alpha", 1.0) },
        "Softplus" => Activation::Softplus,
        "Mish" => Activation::Mish,
        _ => return simple(b, node, name, x),
    };
    activation(b, x, what)
}

fn simple(b: &mut Builder, node: &Node<'_>, name: &str, x: BufferId) -> Result<BufferId> {
    let function = match name {
        "Abs" => Function::Abs,
        "Ceil" => Function::Ceil,
        "Cos" => Function::Cos,
        "Erf" => Function::Erf,
        "Exp" => Function::Exp,
        "Floor" => Function::Floor,
        "Log" => Function::Log,
        "Neg" => Function::Neg,
        "Round" => Function::Round,
        "Sign" => Function::Sign,
        "Sin" => Function::Sin,
        "Sqrt" => Function::Sqrt,
        "Reciprocal" => return b.apply("reciprocal", x, |x, _| Expr::from(1.0) / x),
        "Softsign" => return b.apply("softsign", x, |x, _| x.clone() / (x.unary(Function::Abs) + 1.0)),
        "QuickGelu" => {
            let alpha = node.call.float("alpha", 1.702);
            return b.apply("quick_gelu", x, |x, _| x.clone() * (x * alpha).sigmoid());
        }
        _ => return Err(node.refuse(format!("has the function {name}"))),
    };
    b.apply(&name.to_lowercase(), x, |x, _| x.unary(function))
}

pub(super) struct Unary;

impl Operator for Unary {
    fn names(&self) -> &'static [&'static str] {
        &[
            "Abs",
            "BiasGelu",
            "Ceil",
            "Cos",
            "Elu",
            "Erf",
            "Exp",
            "FastGelu",
            "Floor",
            "Gelu",
            "HardSigmoid",
            "HardSwish",
            "LeakyRelu",
            "Log",
            "Mish",
            "Neg",
            "QuickGelu",
            "Reciprocal",
            "Relu",
            "Round",
            "Sigmoid",
            "Sign",
            "Silu",
            "Sin",
            "Softplus",
            "Softsign",
            "Sqrt",
            "Swish",
            "Tanh",
        ]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let mut x = node.operand(0)?;
        if let ("BiasGelu" | "FastGelu", Some(bias)) = (node.name(), node.optional(1)) {
            let reader = b.clone();
            x = b.apply("bias", x, |x, i| x + broadcast(&reader, bias, i))?;
        }
        let name = if node.name() == "BiasGelu" { "Gelu" } else { node.name() };
        by_name(b, node, name, x).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, data, run};
    use super::*;

    #[test]
    fn by_definition() {
        let x = data(0, &[11]);
        type Case = (Activation, fn(f64) -> f64);
        let cases: [Case; 7] = [
            (Activation::Relu, |x| x.max(0.0)),
            (Activation::Silu, |x| x / (1.0 + (-x).exp())),
            (Activation::HardSwish, |x| x * ((x + 3.0).clamp(0.0, 6.0)) / 6.0),
            (Activation::Gelu, |x| 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt()))),
            (Activation::Softplus, |x| (1.0 + x.exp()).ln()),
            (Activation::LeakyRelu { alpha: 0.1 }, |x| if x < 0.0 { 0.1 * x } else { x }),
            (Activation::Elu { alpha: 2.0 }, |x| if x < 0.0 { 2.0 * (x.exp() - 1.0) } else { x }),
        ];
        for (what, f) in cases {
            let (_, _, y) = run(&[&[11]], |b, x| activation(b, x[0], what));
            close(&x.iter().map(|&x| f(x)).collect::<Vec<_>>(), &y);
        }
    }
}
