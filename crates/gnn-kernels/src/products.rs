//! Dense products on the matrix unit of the processor.

use tch::{TchError, Tensor};

/// What one linear layer keeps for its products on the AMX unit: its weight, packed. Without the feature `amx`, or on a
/// processor without the unit, it keeps nothing and declines every product.
///
/// Products are split into three of bf16, so that results are as exact as those of f32.
#[derive(Debug, Default)]
pub struct MatrixUnit {
    #[cfg(feature = "amx")]
    packed: amx::Packed,
}

#[cfg(not(feature = "amx"))]
impl MatrixUnit {
    /// x · weightᵀ + bias: (m, in) → (m, out). `None`: better done by libtorch.
    ///
    /// # Errors
    /// libtorch is out of memory.
    pub fn linear(&self, _: &Tensor, _: &Tensor, _: Option<&Tensor>) -> Result<Option<Tensor>, TchError> {
        Ok(None)
    }

    /// y + x · weightᵀ in place of y. `None`: better done by libtorch, and y is as it was.
    ///
    /// # Errors
    /// libtorch is out of memory.
    pub fn add_linear(&self, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>, TchError> {
        Ok(None)
    }
}

#[cfg(feature = "amx")]
impl MatrixUnit {
    /// x · weightᵀ + bias: (m, in) → (m, out). `None`: better done by libtorch.
    ///
    /// # Errors
    /// libtorch is out of memory.
    pub fn linear(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Option<Tensor>, TchError> {
        if !amx::multiplies(x, weight) {
            return Ok(None);
        }
        if let Some(packed) = self.packed.get(weight)? {
            return amx::linear_packed(x, &packed, weight.size()[0], bias).map(Some);
        }
        amx::repaid(x).then(|| amx::linear(x, weight, bias)).transpose()
    }

    /// y + x · weightᵀ in place of y. `None`: better done by libtorch, and y is as it was.
    ///
    /// # Errors
    /// libtorch is out of memory.
    pub fn add_linear(&self, y: &Tensor, x: &Tensor, weight: &Tensor) -> Result<Option<Tensor>, TchError> {
        if !y.is_contiguous() || y.kind() != x.kind() || !amx::multiplies(x, weight) {
            return Ok(None);
        }
        if let Some(packed) = self.packed.get(weight)? {
            return amx::add_linear_packed(y, x, &packed).map(Some);
        }
        amx::repaid(x).then(|| amx::add_linear(y, x, weight)).transpose()
    }
}

#[cfg(feature = "amx")]
mod amx {
    use std::cell::RefCell;

    use tch::{Kind, TchError, Tensor};

    use crate::{
        serves,
        surface::{Answer, Argument, kernels},
    };

    /// Rows from which packing the weight anew in every step is repaid.
    const MANY: i64 = 512;

    /// Address of a weight, and how often it has changed in place.
    type Version = (usize, i64);

    /// A packed weight, and the version that it was made from.
    #[derive(Debug, Default)]
    pub struct Packed(RefCell<Option<(Version, Tensor)>>);

    impl Packed {
        /// `weight` packed, kept for as long as the weight does not change; `None` while gradients are recorded.
        pub fn get(&self, weight: &Tensor) -> Result<Option<Tensor>, TchError> {
            if !inference() {
                return Ok(None);
            }
            let version = (weight.data_ptr() as usize, weight.f_internal_version()?);
            let mut kept = self.0.borrow_mut();
            if kept.as_ref().is_none_or(|(v, _)| *v != version) {
                *kept = Some((version, pack(weight)?));
            }
            Ok(kept.as_ref().map(|(_, packed)| packed.shallow_clone()))
        }
    }

    /// True where the unit is there and serves products of `x` (m, in) and `weight` (out, in).
    pub fn multiplies(x: &Tensor, weight: &Tensor) -> bool {
        if !serves(x) || x.kind() != Kind::Float || weight.kind() != Kind::Float {
            return false;
        }
        let (&[m, inputs], &[outputs, width]) = (x.size().as_slice(), weight.size().as_slice()) else { return false };
        width == inputs && m >= 32 && inputs >= 32 && outputs >= 32 && matrix_unit()
    }

    pub fn repaid(x: &Tensor) -> bool {
        x.size()[0] >= MANY
    }

    kernels! {
        fn matrix_unit = tachograph_matrix_unit() -> bool;

        /// True where no gradient is recorded.
        fn inference = tachograph_inference() -> bool;

        /// `weight` as [`linear_packed`] and [`add_linear_packed`] take it.
        fn pack = tachograph_pack(weight: &Tensor) -> Result<Tensor, TchError>;

        /// x · weightᵀ + bias for a packed weight with `outputs` rows; no gradient.
        pub fn linear_packed = tachograph_linear_packed(
            x: &Tensor, packed: &Tensor, outputs: i64, bias: Option<&Tensor>
        ) -> Result<Tensor, TchError>;

        /// y + x · weightᵀ for a packed weight, in place of y, which is contiguous; no gradient.
        pub fn add_linear_packed = tachograph_add_linear_packed(y: &Tensor, x: &Tensor, packed: &Tensor)
            -> Result<Tensor, TchError>;

        pub fn linear = tachograph_linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>)
            -> Result<Tensor, TchError>;

        /// In place of y, which is contiguous.
        pub fn add_linear = tachograph_add_linear(y: &Tensor, x: &Tensor, weight: &Tensor) -> Result<Tensor, TchError>;
    }
}
