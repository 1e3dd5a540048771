//! The inverse of a max pooling: each element goes where the pooling found it, and zeros elsewhere.

use super::axes::extents;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct MaxUnpool;

impl Operator for MaxUnpool {
    fn names(&self) -> &'static [&'static str] {
        &["MaxUnpool"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, indices) = (call.shape(0)?, call.shape(1)?);
        if x != indices {
            return Err(format!("indices {indices:?} do not fit {x:?}").into());
        }
        if call.optional(2).is_some() {
            return Ok(vec![Fact::new(call.dtype(0)?, extents(call.ints(2)?)?)]);
        }
        let &[n, c, ref spatial @ ..] = x else { return Err(format!("{x:?} has no channels").into()) };
        let kernel = call.list("kernel_shape").unwrap_or_default();
        let (ones, zeros) = (vec![1; spatial.len()], vec![0; 2 * spatial.len()]);
        let (strides, pads) = (call.list("strides").unwrap_or(&ones), call.list("pads").unwrap_or(&zeros));
        if (kernel.len(), strides.len(), pads.len()) != (spatial.len(), spatial.len(), 2 * spatial.len()) {
            return Err(format!("kernel {kernel:?}, strides {strides:?} and pads {pads:?} do not fit {x:?}").into());
        }
        let mut shape = vec![n, c];
        for (a, &extent) in spatial.iter().enumerate() {
            let windows = (i128::from(extent) - 1) * i128::from(strides[a]) + i128::from(kernel[a]);
            let padded = windows - i128::from(pads[a]) - i128::from(pads[spatial.len() + a]);
            shape.push(u64::try_from(padded).map_err(|_| format!("axis {a} of {x:?} becomes {padded}"))?);
        }
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Coordinates, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape};
    use crate::attrs;

    #[test]
    fn windows_back_to_an_image() {
        let window = attrs([("kernel_shape", vec![2, 2].into()), ("strides", vec![2, 2].into())]);
        let x = f32(&[1, 1, 2, 2]);
        assert_eq!(shape("MaxUnpool", window.clone(), &[x.clone(), x.clone()]).unwrap(), [1, 1, 4, 4]);
        let sized = [x.clone(), x.clone(), ints(&[1, 1, 5, 5])];
        assert_eq!(shape("MaxUnpool", window.clone(), &sized).unwrap(), [1, 1, 5, 5]);
        assert!(run("MaxUnpool", window, &[x.clone(), f32(&[1, 1, 2, 3])]).is_err());
        assert!(run("MaxUnpool", attrs([("kernel_shape", vec![2].into())]), &[x.clone(), x]).is_err());
    }
}
