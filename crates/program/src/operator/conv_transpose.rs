//! Transposed convolutions: each element of the result sums what windows over the input would write to it.

use super::{Node, Operator, Window, conv::add_bias, spatial_names, window_names};
use crate::{BufferId, Builder, Cond, Error, Expr, Reducer, Result};

/// x (N, C, …) and w (C, O / groups, …) → (N, O, `output` …).
///
/// # Errors
/// Shapes that do not fit each other.
pub fn conv_transpose(b: &mut Builder, x: BufferId, w: BufferId, window: &Window, output: &[u64]) -> Result<BufferId> {
    let (xs, ws) = (b.shape(x).to_vec(), b.shape(w).to_vec());
    let refuse = || Error::operator("conv_transpose", format!("x {xs:?}, w {ws:?}, {window:?}, output {output:?}"));
    let (&[n, c, ref input @ ..], &[rows, inner, ref kernel @ ..]) = (xs.as_slice(), ws.as_slice()) else {
        return Err(refuse());
    };
    let (axes, groups) = (input.len(), window.groups);
    let ranks = [kernel.len(), output.len(), window.strides.len(), window.dilations.len(), window.pads.len()];
    let fits = ranks == [axes; 5] && (1..=3).contains(&axes) && c == rows && groups > 0 && c.is_multiple_of(groups);
    if !fits || window.strides.contains(&0) || inner == 0 {
        return Err(refuse());
    }
    let mut spatial = vec![("n", n), ("o", inner.saturating_mul(groups))];
    spatial.extend(spatial_names(axes).iter().copied().zip(output.iter().copied()));
    let mut reduction = vec![("c", c / groups)];
    reduction.extend(window_names(axes).iter().copied().zip(kernel.iter().copied()));
    b.reduce("conv_transpose", &spatial, &reduction, Reducer::Sum, |s, r| {
        let group = s[1].div(inner as i64);
        let channel = if groups == 1 { r[0].clone() } else { &(group * (c / groups) as i64) + &r[0] };
        let (mut at, mut tap) = (vec![s[0].clone(), channel.clone()], vec![channel, s[1].modulo(inner as i64)]);
        if groups == 1 {
            tap[1] = s[1].clone();
        }
        let mut hits = Vec::new();
        for a in 0..axes {
            let stride = window.strides[a] as i64;
            let from = &(&s[2 + a] + window.pads[a][0]) - &(&r[1 + a] * window.dilations[a] as i64);
            if stride > 1 {
                hits.push(Cond::In(from.modulo(stride), 0, 1));
            }
            let from = from.div(stride);
            hits.push(Cond::In(from.clone(), 0, input[a] as i64));
            at.push(from);
            tap.push(r[1 + a].clone());
        }
        (Expr::Load(x, at) * Expr::Load(w, tap)).when(Cond::All(hits), 0.0)
    })
}

pub(super) struct ConvTranspose;

impl Operator for ConvTranspose {
    fn names(&self) -> &'static [&'static str] {
        &["ConvTranspose"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let (x, w) = (node.operand(0)?, node.operand(1)?);
        if !matches!(node.call.text("auto_pad", "NOTSET"), "NOTSET" | "") || node.call.list("output_shape").is_some() {
            return Err(node.refuse("has padding that follows from its output"));
        }
        let output = node.result(0)?.get(2..).unwrap_or_default().to_vec();
        let (input, kernel) = (b.shape(x).to_vec(), b.shape(w).to_vec());
        if input.len() < 3 || kernel.len() != input.len() {
            return Err(node.refuse(format!("has operands {input:?} and {kernel:?}")));
        }
        let window = Window::of(node, &input[2..], &kernel[2..], &output)?;
        let y = conv_transpose(b, x, w, &window, &output)?;
        node.optional(2).map_or(Ok(y), |bias| add_bias(b, y, bias)).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    #[test]
    fn equals_scattered_windows() {
        for (stride, pad, k, n) in [(1, 0, 3, 5), (2, 1, 3, 5), (3, 1, 4, 4), (2, 0, 1, 3)] {
            let output = (n - 1) * stride + k - 2 * pad;
            let window = Window::square(1, stride, pad as i64);
            let (_, _, y) = run(&[&[1, 2, n], &[2, 3, k]], |b, x| conv_transpose(b, x[0], x[1], &window, &[output]));
            let (x, w) = (data(0, &[1, 2, n]), data(1, &[2, 3, k]));
            let mut expected = vec![0.0; 3 * output as usize];
            for (c, o, i, t) in (0..2)
                .flat_map(|c| (0..3).flat_map(move |o| (0..n).flat_map(move |i| (0..k).map(move |t| (c, o, i, t)))))
            {
                let at = (i * stride + t) as i64 - pad as i64;
                if (0..output as i64).contains(&at) {
                    expected[(o * output) as usize + at as usize] +=
                        x[(c * n + i) as usize] * w[((c * 3 + o) * k + t) as usize];
                }
            }
            assert_eq!(y, expected);
        }
    }
}
