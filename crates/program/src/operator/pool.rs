//! Pooling over windows.

use super::{Node, Operator, Window, spatial_names, window_names};
use crate::{BufferId, Builder, Cond, Error, Expr, Index, Reducer, Result};

/// What of a window is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// The largest element.
    Max,
    /// The mean of the elements that are there.
    Mean,
    /// The mean of all, zeros of the padding included.
    MeanOfAll,
}

/// x (N, C, …) → (N, C, `output` …), windows of `kernel`. Windows may reach beyond the padding, as ONNX's `ceil_mode`
/// has them do.
///
/// # Errors
/// Attributes that do not fit the rank.
pub fn pool(
    b: &mut Builder,
    x: BufferId,
    kernel: &[u64],
    window: &Window,
    output: &[u64],
    what: Pooling,
) -> Result<BufferId> {
    let shape = b.shape(x).to_vec();
    let refuse = || Error::operator("pool", format!("{shape:?}, window {kernel:?}, {window:?}, output {output:?}"));
    let &[n, c, ref input @ ..] = shape.as_slice() else { return Err(refuse()) };
    let axes = input.len();
    let ranks = [kernel.len(), output.len(), window.strides.len(), window.dilations.len(), window.pads.len()];
    if ranks != [axes; 5] || !(1..=3).contains(&axes) {
        return Err(refuse());
    }
    let mut spatial = vec![("n", n), ("c", c)];
    spatial.extend(spatial_names(axes).iter().copied().zip(output.iter().copied()));
    let reduction: Vec<(&str, u64)> = window_names(axes).iter().copied().zip(kernel.iter().copied()).collect();
    let start = |s: &[Index], a: usize| &(&s[2 + a] * window.strides[a] as i64) - window.pads[a][0];
    let reducer = if what == Pooling::Max { Reducer::Max } else { Reducer::Sum };
    let name = if what == Pooling::Max { "max_pool" } else { "window_sum" };
    let pooled = b.reduce(name, &spatial, &reduction, reducer, |s, r| {
        let mut at = s[..2].to_vec();
        let mut inside = Vec::new();
        for a in 0..axes {
            let i = &start(s, a) + &(&r[a] * window.dilations[a] as i64);
            let last = (output[a].max(1) - 1) as i64 * window.strides[a] as i64 - window.pads[a][0]
                + (kernel[a].max(1) - 1) as i64 * window.dilations[a] as i64;
            if window.pads[a][0] > 0 || last >= input[a] as i64 {
                inside.push(Cond::In(i.clone(), 0, input[a] as i64));
            }
            at.push(i);
        }
        let value = Expr::Load(x, at);
        if inside.is_empty() { value } else { value.when(Cond::All(inside), reducer.identity()) }
    })?;
    if what == Pooling::Max {
        return Ok(pooled);
    }
    if window.dilations.iter().any(|&d| d != 1) {
        return Err(Error::operator("pool", "the mean of a dilated window"));
    }
    let names: Vec<(&str, u64)> = spatial.clone();
    b.map("mean_pool", &names, |s| {
        // How many elements a window has: a number where all have as many.
        let mut count = Expr::from(1.0);
        let mut constant = 1.0;
        for a in 0..axes {
            let first = start(s, a);
            let end = &first + kernel[a] as i64;
            // The padding counts, but not what `ceil_mode` adds behind it.
            let (low, high) = match what {
                Pooling::MeanOfAll => (-window.pads[a][0], input[a] as i64 + window.pads[a][1]),
                _ => (0, input[a] as i64),
            };
            let last = (output[a].max(1) - 1) as i64 * window.strides[a] as i64 - window.pads[a][0] + kernel[a] as i64;
            if -window.pads[a][0] >= low && last <= high {
                constant *= kernel[a] as f64;
            } else {
                let there = Expr::Index(end).min(high as f64) - Expr::Index(first).max(low as f64);
                count = count * there;
            }
        }
        let sum = Expr::Load(pooled, s.to_vec());
        match count {
            Expr::Const(_) => sum * (1.0 / constant),
            count => sum / (count * constant),
        }
    })
}

pub(super) struct Pool;

impl Operator for Pool {
    fn names(&self) -> &'static [&'static str] {
        &["AveragePool", "MaxPool"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let x = node.operand(0)?;
        if node.call.node.outputs.iter().skip(1).any(Option::is_some) {
            return Err(node.refuse("has positions as a result"));
        }
        let input = b.shape(x).get(2..).unwrap_or_default().to_vec();
        let kernel: Vec<u64> =
            node.call.list("kernel_shape").unwrap_or_default().iter().map(|&k| k.max(0) as u64).collect();
        let output = node.result(0)?.get(2..).unwrap_or_default().to_vec();
        let window = Window::of(node, &input, &kernel, &output)?;
        let what = match (node.name(), node.call.int("count_include_pad", 0)) {
            ("MaxPool", _) => Pooling::Max,
            (_, 0) => Pooling::Mean,
            _ => Pooling::MeanOfAll,
        };
        pool(b, x, &kernel, &window, &output, what).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    #[test]
    fn windows_at_the_border_have_fewer_elements() {
        let x = data(0, &[1, 1, 6]);
        let window = Window::square(1, 2, 1);
        let pooled = |what| run(&[&[1, 1, 6]], |b, x| pool(b, x[0], &[3], &window, &[3], what)).2;
        assert_eq!(pooled(Pooling::Max), [x[0].max(x[1]), x[1].max(x[2]).max(x[3]), x[3].max(x[4]).max(x[5])]);
        let mean = pooled(Pooling::Mean);
        assert!((mean[0] - (x[0] + x[1]) / 2.0).abs() < 1e-6);
        assert!((pooled(Pooling::MeanOfAll)[0] - (x[0] + x[1]) / 3.0).abs() < 1e-6);
        // A fourth window, which begins in the padding behind, has the last element alone.
        let more = run(&[&[1, 1, 6]], |b, x| pool(b, x[0], &[3], &Window::square(1, 2, 0), &[3], Pooling::Mean)).2;
        assert!((more[2] - (x[4] + x[5]) / 2.0).abs() < 1e-6);
    }
}
