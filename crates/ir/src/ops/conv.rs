//! Convolution: (N, C, …) with weight (M, C/group, k…) → (N, M, …), in floating point or quantised.

use super::{
    axes::product,
    delegate::{channels_first, channels_last},
    quantize::QUANTIZED,
    spatial::{self, Windows},
};
use crate::{Call, Class, DType, Fact, Fvcore, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct Conv;

/// Positions of the weight and of the bias: quantised forms have scales and zero points between.
fn operands(call: &Call<'_>) -> (usize, Option<usize>) {
    match call.node.op.name() {
        "QLinearConv" => (3, Some(8)),
        "ConvInteger" => (1, None),
        _ => (1, Some(2)),
    }
}

impl Operator for Conv {
    fn names(&self) -> &'static [&'static str] {
        &["Conv", "ConvInteger", "FusedConv", "QLinearConv"]
    }

    fn domain(&self, node: &Node) -> &'static str {
        let microsoft = node.op.name() == "FusedConv" || node.int("channels_last").unwrap_or(0) != 0;
        if microsoft { "com.microsoft" } else { "" }
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (weight, bias) = operands(call);
        let dtype = match call.node.op.name() {
            "QLinearConv" => call.dtype(7)?,
            "ConvInteger" => DType::I32,
            _ => call.dtype(0)?,
        };
        // ONNX Runtime's quantised form says where the channels are.
        if call.int("channels_last", 0) != 0 {
            let x = channels_first(call.input(0)?);
            let shape = shape(call, x.shape.as_deref().ok_or(OpError::Unknown)?, call.shape(weight)?, bias)?;
            return Ok(vec![channels_last(&Fact::new(dtype, shape))]);
        }
        Ok(vec![Fact::new(dtype, shape(call, call.shape(0)?, call.shape(weight)?, bias)?)])
    }

    fn class(&self, node: &Node) -> Class {
        spatial::convolution(node)
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "ConvInteger" => &[Role::Data, Role::Weight, Role::Setting, Role::Setting],
            "FusedConv" => &[Role::Data, Role::Weight, Role::Bias, Role::Term],
            "QLinearConv" => &QUANTIZED,
            _ => &[Role::Data, Role::Weight, Role::Bias],
        };
        roles.get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::products(self.work(call)?, call)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (weight, bias) = operands(call);
        let outputs = call.output_elements(0)?;
        let per_output = call.shape(weight)?.iter().skip(1).copied();
        let mut work = Work::macs(Some(product(per_output.chain([outputs]))?))?;
        if bias.is_some_and(|i| call.optional(i).is_some()) {
            work.flops = work.flops.saturating_add(outputs);
        }
        Ok(work)
    }
}

fn shape(call: &Call<'_>, x: &[u64], w: &[u64], bias: Option<usize>) -> Result<Shape, OpError> {
    let group = call.int("group", 1);
    let refuse = || OpError::Invalid(format!("input {x:?} does not fit weight {w:?} with {group} groups"));
    let (&[n, c, ref extents @ ..], &[m, per_group, ref kernel @ ..]) = (x, w) else { return Err(refuse()) };
    let group = u64::try_from(group).ok().filter(|&g| g > 0).ok_or_else(refuse)?;
    if kernel.is_empty() || kernel.len() != extents.len() || per_group.checked_mul(group) != Some(c) || m % group != 0 {
        return Err(refuse());
    }
    if let Some(declared) = call.list("kernel_shape")
        && !declared.iter().map(|&k| u64::try_from(k).ok()).eq(kernel.iter().map(|&k| Some(k)))
    {
        return Err(format!("kernel_shape {declared:?} does not fit weight {w:?}").into());
    }
    if let Some(bias) = bias.and_then(|i| call.optional(i)?.shape.as_deref())
        && bias != [m]
    {
        return Err(format!("bias {bias:?} does not fit weight {w:?}").into());
    }
    let mut shape = vec![n, m];
    shape.extend(Windows::new(call, kernel.to_vec(), extents)?.counts(extents, false)?);
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, DType, Fact, OpError, attrs};

    #[test]
    fn resnet_stem() {
        let attrs = attrs([("strides", vec![2, 2].into()), ("pads", vec![3, 3, 3, 3].into())]);
        let (facts, work) = run("Conv", attrs, &[f32(&[1, 3, 224, 224]), f32(&[64, 3, 7, 7])]).unwrap();
        assert_eq!(facts[0].shape.as_deref(), Some(&[1, 64, 112, 112][..]));
        assert_eq!(work.macs, 118_013_952);
    }

    #[test]
    fn same_padding_and_groups() {
        let same = attrs([("auto_pad", "SAME_UPPER".into()), ("group", Attr::Int(8)), ("strides", vec![2, 2].into())]);
        assert_eq!(shape("Conv", same, &[f32(&[2, 8, 7, 7]), f32(&[8, 1, 3, 3])]).unwrap(), [2, 8, 4, 4]);
    }

    #[test]
    fn refuses_wrong_channels_with_both_shapes() {
        let error = shape("Conv", attrs([]), &[f32(&[1, 3, 8, 8]), f32(&[4, 5, 3, 3])]).unwrap_err();
        assert!(format!("{error:?}").contains("[1, 3, 8, 8]"), "{error:?}");
    }

    #[test]
    fn refuses_empty_groups_and_kernels() {
        let inputs = [f32(&[1, 3, 8, 8]), f32(&[4, 3, 0, 3])];
        assert!(matches!(shape("Conv", attrs([]), &inputs), Err(OpError::Invalid(_))));
        let inputs = [f32(&[1, 3, 8, 8]), f32(&[4, 3, 3, 3])];
        assert!(matches!(shape("Conv", attrs([("group", Attr::Int(0))]), &inputs), Err(OpError::Invalid(_))));
    }

    #[test]
    fn quantised_results_have_their_own_types() {
        let u8 = |shape: &[u64]| Fact::new(DType::U8, shape);
        let (x, w, scale, zero) = (u8(&[1, 3, 8, 8]), u8(&[4, 3, 3, 3]), f32(&[]), Fact::new(DType::I8, []));
        let (facts, work) = run("ConvInteger", attrs([]), &[x.clone(), w.clone()]).unwrap();
        assert_eq!((facts[0].dtype, work.macs), (DType::I32, 4 * 36 * 27));
        let inputs = [x, scale.clone(), zero.clone(), w, scale.clone(), zero.clone(), scale, zero];
        let (facts, _) = run("QLinearConv", attrs([]), &inputs).unwrap();
        assert_eq!(facts[0], Fact::new(DType::I8, [1, 4, 6, 6]));
    }
}
