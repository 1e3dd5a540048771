//! Pooling of regions: (N, C, H, W) with R regions → (R, C, h, w).

use super::axes::product;
use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct RoiAlign;

fn positive(call: &Call<'_>, name: &str, default: i64) -> Result<u64, OpError> {
    let n = call.int(name, default);
    u64::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| OpError::Invalid(format!("{name} {n} is not positive")))
}

impl Operator for RoiAlign {
    fn names(&self) -> &'static [&'static str] {
        &["RoiAlign"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, rois, batch) = (call.shape(0)?, call.shape(1)?, call.shape(2)?);
        let (&[_, channels, _, _], &[regions, 4], true) = (x, rois, batch == &rois[..rois.len().min(1)]) else {
            return Err(format!("regions {rois:?} with batch indices {batch:?} do not fit {x:?}").into());
        };
        let shape = [regions, channels, positive(call, "output_height", 1)?, positive(call, "output_width", 1)?];
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Coordinates, Role::Index].get(i).copied()
    }

    /// Eight operations per bilinear sample: 7 to interpolate, 1 to pool. Where the number of samples adapts to the
    /// region (`sampling_ratio` 0) it counts as 2 × 2.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let ratio = u64::try_from(call.int("sampling_ratio", 0)).ok().filter(|&n| n > 0).unwrap_or(2);
        product([8, ratio, ratio, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn regions_become_the_batch() {
        let size = attrs([("output_height", Attr::Int(7)), ("output_width", Attr::Int(7))]);
        let batch = Fact::new(DType::I64, [5]);
        let (facts, work) = run("RoiAlign", size, &[f32(&[1, 8, 32, 32]), f32(&[5, 4]), batch.clone()]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[5, 8, 7, 7]), 8 * 4 * 5 * 8 * 49));
        assert!(run("RoiAlign", attrs([]), &[f32(&[1, 8, 32, 32]), f32(&[6, 4]), batch]).is_err());
    }
}
