//! Transposed convolution: (N, C, …) with weight (C, M/group, k…) → (N, M, …).

use super::{
    axes::{extents, product},
    spatial::{self, Windows},
};
use crate::{Call, Class, Fact, Fvcore, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct ConvTranspose;

/// ONNX Runtime's form has its pads as an operand before the bias.
fn dynamic(node: &Node) -> bool {
    node.op.name() == "ConvTransposeWithDynamicPads"
}

fn bias(call: &Call<'_>) -> usize {
    if dynamic(call.node) { 3 } else { 2 }
}

impl Operator for ConvTranspose {
    fn names(&self) -> &'static [&'static str] {
        &["ConvTranspose", "ConvTransposeWithDynamicPads"]
    }

    fn domain(&self, node: &Node) -> &'static str {
        if node.op.name() == "ConvTranspose" { "" } else { "com.microsoft" }
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, w) = (call.shape(0)?, call.shape(1)?);
        let group = call.int("group", 1);
        let refuse = || OpError::Invalid(format!("input {x:?} does not fit weight {w:?} with {group} groups"));
        let (&[n, c, ref spatial @ ..], &[c_in, per_group, ref kernel @ ..]) = (x, w) else { return Err(refuse()) };
        let groups = u64::try_from(group).ok().filter(|&g| g > 0).ok_or_else(refuse)?;
        if kernel.is_empty() || kernel.len() != spatial.len() || c != c_in || c % groups != 0 {
            return Err(refuse());
        }
        let m = per_group.checked_mul(groups).ok_or_else(refuse)?;
        if let Some(bias) = call.optional(bias(call)).and_then(|f| f.shape.as_deref())
            && bias != [m]
        {
            return Err(format!("bias {bias:?} does not fit weight {w:?}").into());
        }
        let mut shape = vec![n, m];
        shape.extend(extended(call, spatial, kernel)?);
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, node: &Node) -> Class {
        spatial::convolution(node)
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match dynamic(node) {
            true => &[Role::Data, Role::Weight, Role::Shape, Role::Bias],
            false => &[Role::Data, Role::Weight, Role::Bias],
        };
        roles.get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::products(self.work(call)?, call)
    }

    /// Every element of the input meets every weight of its group once.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let weights = call.shape(1)?.iter().skip(1).copied();
        let mut work = Work::macs(Some(product(call.shape(0)?.iter().copied().chain(weights))?))?;
        if call.optional(bias(call)).is_some() {
            work.flops = work.flops.saturating_add(call.output_elements(0)?);
        }
        Ok(work)
    }
}

/// Spatial extents of the result: `output_shape` if given, else what strides and pads leave.
fn extended(call: &Call<'_>, spatial: &[u64], kernel: &[u64]) -> Result<Shape, OpError> {
    let mut windows = Windows::new(call, kernel.to_vec(), spatial)?;
    if dynamic(call.node) && call.optional(2).is_some() {
        let pads = call.ints(2)?;
        if pads.len() != 2 * spatial.len() {
            return Err(format!("pads {pads:?} do not fit spatial extents {spatial:?}").into());
        }
        windows.pads = pads.to_vec();
    }
    let fits = |name: &str, list: &[i64]| match list.len() == spatial.len() {
        true => extents(list),
        false => Err(format!("{name} {list:?} does not fit spatial extents {spatial:?}").into()),
    };
    if let Some(list) = call.list("output_shape") {
        return fits("output_shape", list.get(list.len().saturating_sub(spatial.len())..).unwrap_or_default());
    }
    let extra = call.list("output_padding").map_or(Ok(vec![0; spatial.len()]), |list| fits("output_padding", list))?;
    let same = call.text("auto_pad", "NOTSET").starts_with("SAME");
    let extent = |(a, &n): (usize, &u64)| {
        let stride = i128::from(windows.strides[a]);
        let pads = i128::from(windows.pads[a]) + i128::from(windows.pads[spatial.len() + a]);
        let extent = match same {
            true => stride * i128::from(n),
            false => stride * (i128::from(n) - 1) + i128::from(extra[a]) + windows.extent(a) - pads,
        };
        u64::try_from(extent).map_err(|_| OpError::Invalid(format!("spatial extents {spatial:?} become {extent}")))
    };
    spatial.iter().enumerate().map(extent).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, attrs};

    #[test]
    fn doubles_an_image() {
        let attrs = attrs([
            ("strides", vec![2, 2].into()),
            ("pads", vec![1, 1, 1, 1].into()),
            ("output_padding", vec![1, 1].into()),
            ("group", Attr::Int(2)),
        ]);
        let (facts, work) = run("ConvTranspose", attrs, &[f32(&[1, 8, 5, 5]), f32(&[8, 3, 3, 3]), f32(&[6])]).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[1, 6, 10, 10]), 8 * 25 * 27));
        assert_eq!(work.flops, 2 * work.macs + 600);
    }

    #[test]
    fn given_and_same_extents() {
        let inputs = [f32(&[1, 8, 5]), f32(&[8, 3, 3])];
        let given = attrs([("output_shape", vec![11].into()), ("strides", vec![2].into())]);
        assert_eq!(shape("ConvTranspose", given, &inputs).unwrap(), [1, 3, 11]);
        let same = attrs([("auto_pad", "SAME_UPPER".into()), ("strides", vec![2].into())]);
        assert_eq!(shape("ConvTranspose", same, &inputs).unwrap(), [1, 3, 10]);
    }

    #[test]
    fn refuses_wrong_channels_and_excessive_pads() {
        assert!(shape("ConvTranspose", attrs([]), &[f32(&[1, 4, 5]), f32(&[8, 3, 3])]).is_err());
        let pads = attrs([("pads", vec![9, 9].into())]);
        assert!(shape("ConvTranspose", pads, &[f32(&[1, 8, 5]), f32(&[8, 3, 3])]).is_err());
    }
}
