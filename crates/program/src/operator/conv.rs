//! Convolutions over one to three axes, with groups, depthwise, dilated.

use super::{Node, Operator, broadcast, named, spatial_names, window_names};
use crate::{BufferId, Builder, Cond, Error, Expr, Index, Reducer, Result};

/// How a window moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Steps, along each spatial axis.
    pub strides: Vec<u64>,
    /// Distance of taps.
    pub dilations: Vec<u64>,
    /// Zeros before and after; negative numbers cut off.
    pub pads: Vec<[i64; 2]>,
    /// Groups of channels that do not see each other.
    pub groups: u64,
}

impl Window {
    /// The same along each of `axes` spatial axes, in one group.
    pub fn square(axes: usize, stride: u64, pad: i64) -> Self {
        Self { strides: vec![stride; axes], dilations: vec![1; axes], pads: vec![[pad; 2]; axes], groups: 1 }
    }

    /// The same in groups.
    #[must_use]
    pub fn grouped(self, groups: u64) -> Self {
        Self { groups, ..self }
    }

    /// Numbers of windows over spatial extents.
    pub(crate) fn counts(&self, op: &str, input: &[u64], kernel: &[u64]) -> Result<Vec<u64>> {
        let refuse = || Error::operator(op, format!("{self:?} of {kernel:?} does not fit extents {input:?}"));
        let n = input.len();
        let fits = [kernel.len(), self.strides.len(), self.dilations.len(), self.pads.len()] == [n; 4];
        if !fits || !(1..=3).contains(&n) || self.groups == 0 {
            return Err(refuse());
        }
        let count = |a: usize| {
            let sizes = [input[a], kernel[a], self.strides[a], self.dilations[a]];
            let bad =
                sizes.iter().any(|&n| n > 1 << 30) || kernel[a] == 0 || self.strides[a] == 0 || self.dilations[a] == 0;
            if bad || self.pads[a].iter().any(|pad| pad.abs() > 1 << 30) {
                return Err(refuse());
            }
            let window = (kernel[a] - 1) as i64 * self.dilations[a] as i64 + 1;
            let room = input[a] as i64 + self.pads[a][0] + self.pads[a][1] - window;
            if room < 0 { Err(refuse()) } else { Ok((room / self.strides[a] as i64 + 1) as u64) }
        };
        (0..n).map(count).collect()
    }

    /// Reads the attributes of a node.
    pub(crate) fn of(node: &Node<'_>, input: &[u64], kernel: &[u64], output: &[u64]) -> Result<Self> {
        let n = input.len();
        let list = |name: &str| -> Result<Vec<u64>> {
            let values = node.call.list(name).map_or(vec![1; n], <[i64]>::to_vec);
            values
                .iter()
                .map(|&v| u64::try_from(v).map_err(|_| node.refuse(format!("has {name} {values:?}"))))
                .collect()
        };
        let (strides, dilations) = (list("strides")?, list("dilations")?);
        let pads = node.call.list("pads").map_or(vec![0; 2 * n], <[i64]>::to_vec);
        if pads.len() != 2 * n || strides.len() != n || dilations.len() != n || kernel.len() != n || output.len() != n {
            return Err(node.refuse("has attributes of another rank than its input"));
        }
        let mut pads: Vec<[i64; 2]> = (0..n).map(|a| [pads[a], pads[n + a]]).collect();
        let auto = node.call.text("auto_pad", "NOTSET");
        if auto.starts_with("SAME") {
            for a in 0..n {
                let window = (kernel[a] as i64 - 1) * dilations[a] as i64 + 1;
                let total = ((output[a] as i64 - 1) * strides[a] as i64 + window - input[a] as i64).max(0);
                let (small, large) = (total / 2, total - total / 2);
                pads[a] = if auto == "SAME_LOWER" { [large, small] } else { [small, large] };
            }
        }
        let groups = u64::try_from(node.call.int("group", 1)).unwrap_or(0);
        Ok(Self { strides, dilations, pads, groups })
    }
}

/// The input with zeros, or another number, around its spatial axes; itself where there are none to add.
pub(crate) fn padded(b: &mut Builder, x: BufferId, pads: &[[i64; 2]], with: f64) -> Result<BufferId> {
    if pads.iter().all(|pad| *pad == [0, 0]) {
        return Ok(x);
    }
    let shape = b.shape(x).to_vec();
    let mut extents = named(&shape);
    let first = shape.len().saturating_sub(pads.len());
    for (axis, pad) in extents[first..].iter_mut().zip(pads) {
        axis.1 = u64::try_from(axis.1 as i64 + pad[0] + pad[1]).unwrap_or(0);
    }
    b.map("pad", &extents, |i| {
        let mut index = i.to_vec();
        let mut inside = Vec::new();
        for ((i, pad), &extent) in index[first..].iter_mut().zip(pads).zip(&shape[first..]) {
            *i = &*i - pad[0];
            if pad.iter().any(|&pad| pad > 0) {
                inside.push(Cond::In(i.clone(), 0, extent as i64));
            }
        }
        let value = Expr::Load(x, index);
        if inside.is_empty() { value } else { value.when(Cond::All(inside), with) }
    })
}

/// x (N, C, …) and w (O, C / groups, …) → (N, O, …). The input is padded by a stage of its own.
///
/// # Errors
/// Shapes that do not fit each other and the window.
pub fn conv(b: &mut Builder, x: BufferId, w: BufferId, window: &Window) -> Result<BufferId> {
    let (xs, ws) = (b.shape(x).to_vec(), b.shape(w).to_vec());
    let (&[n, c, ref input @ ..], &[o, inner, ref kernel @ ..]) = (xs.as_slice(), ws.as_slice()) else {
        return Err(Error::operator("conv", format!("x {xs:?}, w {ws:?}")));
    };
    let counts = window.counts("conv", input, kernel)?;
    let groups = window.groups;
    if c != inner.saturating_mul(groups) || !o.is_multiple_of(groups) {
        return Err(Error::operator("conv", format!("x {xs:?}, w {ws:?}, {groups} groups")));
    }
    let x = padded(b, x, &window.pads, 0.0)?;
    let axes = input.len();
    let mut spatial = vec![("n", n), ("o", o)];
    spatial.extend(spatial_names(axes).iter().copied().zip(counts));
    // A depthwise convolution sums over its window alone.
    let channels = (inner > 1 || groups == 1).then_some(("c", inner));
    let window_axes = window_names(axes).iter().copied().zip(kernel.iter().copied());
    let reduction: Vec<(&str, u64)> = channels.into_iter().chain(window_axes).collect();
    b.reduce("conv", &spatial, &reduction, Reducer::Sum, |s, r| {
        let (channel, taps) = match channels {
            Some(_) => (r[0].clone(), &r[1..]),
            None => (Index::constant(0), r),
        };
        let group = s[1].div((o / groups).max(1) as i64);
        let whole = if groups == 1 { channel.clone() } else { &(group * inner as i64) + &channel };
        let mut at = vec![s[0].clone(), whole];
        let mut tap = vec![s[1].clone(), channel];
        for a in 0..axes {
            at.push(&(&s[2 + a] * window.strides[a] as i64) + &(&taps[a] * window.dilations[a] as i64));
            tap.push(taps[a].clone());
        }
        Expr::Load(x, at) * Expr::Load(w, tap)
    })
}

/// Adds a number for each channel, axis 1.
pub(crate) fn add_bias(b: &mut Builder, x: BufferId, bias: BufferId) -> Result<BufferId> {
    if b.shape(bias).len() != 1 || b.shape(x).get(1) != b.shape(bias).first() {
        return Err(Error::operator("bias", format!("{:?} to {:?}", b.shape(bias), b.shape(x))));
    }
    b.apply("bias", x, |x, i| x + Expr::Load(bias, vec![i[1].clone()]))
}

pub(super) struct Conv;

impl Operator for Conv {
    fn names(&self) -> &'static [&'static str] {
        &["Conv", "FusedConv"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let (x, w) = (node.operand(0)?, node.operand(1)?);
        let (input, kernel) = (b.shape(x).to_vec(), b.shape(w).to_vec());
        if input.len() < 3 || kernel.len() != input.len() {
            return Err(node.refuse(format!("has operands {input:?} and {kernel:?}")));
        }
        let window = Window::of(node, &input[2..], &kernel[2..], node.result(0)?.get(2..).unwrap_or_default())?;
        let mut y = match node.form.tile() {
            Some(tile) => super::winograd(b, x, w, &window, tile)?,
            None => conv(b, x, w, &window)?,
        };
        if let Some(bias) = node.optional(2) {
            y = add_bias(b, y, bias)?;
        }
        if let Some(z) = node.optional(3) {
            y = b.apply("sum", y, |_, i| Expr::Load(y, i.to_vec()) + broadcast_late(z, i))?;
        }
        match node.call.text("activation", "") {
            "" => Ok(vec![y]),
            name => super::unary::by_name(b, node, name, y).map(|y| vec![y]),
        }
    }
}

/// The summand of a fused convolution has the result's shape.
fn broadcast_late(z: BufferId, index: &[Index]) -> Expr {
    Expr::Load(z, index.to_vec())
}

/// Applies a function of two buffers by element, with broadcasting.
pub(crate) fn pairwise(
    b: &mut Builder,
    name: &str,
    x: BufferId,
    y: BufferId,
    f: impl FnOnce(Expr, Expr) -> Expr,
) -> Result<BufferId> {
    let shape = super::common(name, b.shape(x), b.shape(y))?;
    let axes = axes_of(b, &[x, y], &shape);
    let names: Vec<(&str, u64)> = axes.iter().map(|(name, extent)| (name.as_str(), *extent)).collect();
    let reader = b.clone();
    b.map(name, &names, |i| f(broadcast(&reader, x, i), broadcast(&reader, y, i)))
}

/// The axes of the first buffer that has this shape, else made-up ones.
pub(crate) fn axes_of(b: &Builder, of: &[BufferId], shape: &[u64]) -> Vec<(String, u64)> {
    match of.iter().find(|&&id| b.shape(id) == shape) {
        Some(&id) => b.axes(id),
        None => named(shape).into_iter().map(|(name, extent)| (name.into(), extent)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    /// A convolution written as loops.
    fn plain(xs: &[u64], ws: &[u64], window: &Window) -> Vec<f64> {
        let (x, w) = (data(0, xs), data(1, ws));
        let out = window.counts("", &xs[2..], &ws[2..]).unwrap();
        let at = |shape: &[u64], i: &[i64]| -> Option<usize> {
            shape.iter().zip(i).try_fold(0, |n, (&e, &i)| (i >= 0 && i < e as i64).then(|| n * e as usize + i as usize))
        };
        let mut y = Vec::new();
        let shape: Vec<u64> = [xs[0], ws[0]].into_iter().chain(out).collect();
        let mut positions = crate::interpret::Positions::new(&shape);
        let inner: Vec<u64> = ws[1..].to_vec();
        while let Some(p) = positions.next() {
            let mut sum = 0.0;
            let mut taps = crate::interpret::Positions::new(&inner);
            while let Some(t) = taps.next() {
                let group = p[1] / (ws[0] / window.groups) as i64;
                let mut xi = vec![p[0], group * ws[1] as i64 + t[0]];
                let mut wi = vec![p[1], t[0]];
                for a in 0..xs.len() - 2 {
                    let step = p[2 + a] * window.strides[a] as i64 + t[1 + a] * window.dilations[a] as i64;
                    xi.push(step - window.pads[a][0]);
                    wi.push(t[1 + a]);
                }
                sum += at(xs, &xi).map_or(0.0, |i| x[i]) * w[at(ws, &wi).unwrap()];
            }
            y.push(sum);
        }
        y
    }

    #[test]
    fn equals_loops() {
        let cases: [(&[u64], &[u64], Window); 6] = [
            (&[2, 3, 9], &[4, 3, 3], Window::square(1, 2, 1)),
            (&[1, 4, 7, 5], &[6, 4, 3, 3], Window::square(2, 1, 1)),
            (&[1, 4, 7, 5], &[4, 1, 3, 3], Window::square(2, 2, 1).grouped(4)),
            (&[1, 4, 7, 5], &[6, 2, 3, 1], Window::square(2, 1, 0).grouped(2)),
            (&[1, 2, 9, 9], &[3, 2, 3, 3], Window { dilations: vec![2, 3], ..Window::square(2, 1, 2) }),
            (&[1, 2, 4, 5, 3], &[2, 2, 2, 2, 2], Window::square(3, 1, 0)),
        ];
        for (xs, ws, window) in cases {
            let (_, _, y) = run(&[xs, ws], |b, x| conv(b, x[0], x[1], &window));
            assert_eq!(y, plain(xs, ws, &window), "{window:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut b = Builder::new("t");
        let f32 = tachograph_ir::DType::F32;
        let x = b.input("x", f32, &[1, 4, 5, 5]).unwrap();
        let w = b.weight("w", f32, &[8, 3, 3, 3]).unwrap();
        assert!(conv(&mut b, x, w, &Window::square(2, 1, 1)).is_err());
        let w = b.weight("w", f32, &[8, 4, 7, 7]).unwrap();
        assert!(conv(&mut b, x, w, &Window::square(2, 1, 0)).is_err());
        assert!(conv(&mut b, x, w, &Window::square(2, 0, 3)).is_err());
    }
}
