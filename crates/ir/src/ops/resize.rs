//! Resize and its predecessor Upsample, to given scales or sizes.

use super::axes::{self, product};
use crate::{Attr, Call, Class, Fact, Fusion, Fvcore, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct Resize;

/// Operations per sample between grid points: 4 products and 3 additions for a linear one, 5 times that for a cubic one.
pub(super) fn per_sample(mode: &str) -> u64 {
    match mode {
        "linear" | "bilinear" => 7,
        "cubic" | "bicubic" => 35,
        _ => 0,
    }
}

/// Scales by axis, if given: an attribute in Upsample before operator set 9, else an operand.
fn scales(call: &Call<'_>) -> Result<Option<Vec<f64>>, OpError> {
    // Operator set 10 has no region of interest before the scales.
    let operand = if call.node.op.name() == "Upsample" || call.inputs.len() == 2 { 1 } else { 2 };
    match (call.optional(operand), call.attrs().get("scales")) {
        (Some(fact), _) if fact.shape.as_deref() == Some(&[0]) => Ok(None),
        (Some(fact), _) => fact.value.as_ref().map(|v| Some(v.to_floats())).ok_or(OpError::Unknown),
        (None, Some(Attr::Floats(v))) => Ok(Some(v.clone())),
        _ => Ok(None),
    }
}

impl Operator for Resize {
    fn names(&self) -> &'static [&'static str] {
        &["Resize", "Upsample"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let axes = match call.list("axes") {
            Some(list) => axes::axes(list, x)?,
            None => (0..x.len()).collect(),
        };
        let mut shape = x.to_vec();
        let resized = match (call.optional(3), scales(call)?) {
            (Some(_), _) => sized(call, x, &axes)?,
            (None, Some(scales)) => scaled(x, &axes, &scales)?,
            (None, None) => return Err("has neither scales nor sizes".to_owned().into()),
        };
        axes.iter().zip(resized).for_each(|(&a, n)| shape[a] = n);
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, node: &Node) -> Class {
        if per_sample(node.text("mode").unwrap_or("nearest")) == 0 { Class::Movement } else { Class::Elementwise }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "Upsample" => &[Role::Data, Role::Setting],
            _ => &[Role::Data, Role::Setting, Role::Setting, Role::Shape],
        };
        roles.get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        match call.text("mode", "nearest") {
            "nearest" => Fvcore::per_result(1, call),
            mode if mode.contains("linear") => Fvcore::per_result(4, call),
            _ => Ok(Fvcore::default()),
        }
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product([per_sample(call.text("mode", "nearest")), call.output_elements(0)?]).map(Work::flops)
    }
}

fn scaled(x: &[u64], axes: &[usize], scales: &[f64]) -> Result<Shape, OpError> {
    let refuse = || OpError::Invalid(format!("scales {scales:?} do not fit {x:?}"));
    if scales.len() != axes.len() {
        return Err(refuse());
    }
    let extent = |(&a, &scale): (&usize, &f64)| {
        // In single precision, as the reference: 10 × 0.7 is 7.
        let n = (x[a] as f32 * scale as f32).floor();
        (scale > 0.0 && n < 1e18).then_some(n as u64).ok_or_else(refuse)
    };
    axes.iter().zip(scales).map(extent).collect()
}

fn sized(call: &Call<'_>, x: &[u64], axes: &[usize]) -> Result<Shape, OpError> {
    let sizes = axes::extents(call.ints(3)?)?;
    let refuse = || OpError::Invalid(format!("sizes {sizes:?} do not fit {x:?}"));
    if sizes.len() != axes.len() {
        return Err(refuse());
    }
    let ratios = axes.iter().zip(&sizes).map(|(&a, &n)| n as f32 / x[a] as f32);
    let scale = match call.text("keep_aspect_ratio_policy", "stretch") {
        "not_larger" => ratios.fold(f32::INFINITY, f32::min),
        "not_smaller" => ratios.fold(0.0, f32::max),
        _ => return Ok(sizes),
    };
    let extent = |&a: &usize| {
        let n = (x[a] as f32 * scale).round();
        (n.is_finite() && n < 1e18).then_some(n as u64).ok_or_else(refuse)
    };
    axes.iter().map(extent).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, floats, ints, run, shape};
    use crate::{Attr, OpError, attrs};

    #[test]
    fn scales_of_every_operator_set() {
        let x = f32(&[1, 3, 10, 10]);
        let scales = floats(&[1.0, 1.0, 2.0, 0.7]);
        assert_eq!(shape("Resize", attrs([]), &[x.clone(), scales.clone()]).unwrap(), [1, 3, 20, 7]);
        let (facts, work) = call("Resize", attrs([]), &[Some(&x), None, Some(&scales)], 1).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[1, 3, 20, 7]), 0));
        let old = attrs([("scales", Attr::Floats(vec![1.0, 1.0, 2.0, 2.0])), ("mode", "linear".into())]);
        assert_eq!(run("Upsample", old, &[x]).unwrap().1.flops, 7 * 1200);
    }

    #[test]
    fn sizes_axes_and_aspect() {
        let (x, none, sizes) = (f32(&[1, 3, 10, 20]), floats(&[]), ints(&[30, 30]));
        let inputs = [Some(&x), None, Some(&none), Some(&sizes)];
        let with = |policy: &str| {
            let attrs = attrs([("axes", vec![2, 3].into()), ("keep_aspect_ratio_policy", policy.into())]);
            call("Resize", attrs, &inputs, 1).unwrap().0[0].shape.clone().unwrap()
        };
        assert_eq!(with("stretch"), [1, 3, 30, 30]);
        assert_eq!(with("not_larger"), [1, 3, 15, 30]);
        assert_eq!(with("not_smaller"), [1, 3, 30, 60]);
    }

    #[test]
    fn refuses_bad_scales_and_knows_not_unknown_ones() {
        let x = f32(&[4]);
        assert!(shape("Resize", attrs([]), &[x.clone(), floats(&[1.0, 2.0])]).is_err());
        assert!(shape("Resize", attrs([]), &[x.clone(), floats(&[-1.0])]).is_err());
        assert!(shape("Resize", attrs([]), &[x.clone(), floats(&[f64::INFINITY])]).is_err());
        assert!(shape("Resize", attrs([]), std::slice::from_ref(&x)).is_err());
        assert_eq!(run("Resize", attrs([]), &[x, f32(&[1])]), Err(OpError::Unknown));
    }
}
