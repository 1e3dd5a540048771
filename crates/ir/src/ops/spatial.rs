//! Window arithmetic that convolutions and poolings share.

use super::axes::extents;
use crate::{Call, Class, Node, OpError};

/// Class of a convolution by its groups.
pub(super) fn convolution(node: &Node) -> Class {
    if node.int("group").unwrap_or(1) > 1 { Class::GroupedConvolution } else { Class::Convolution }
}

/// Windows over the spatial axes of an (N, C, …) tensor.
pub(super) struct Windows {
    pub kernel: Vec<u64>,
    pub strides: Vec<u64>,
    pub dilations: Vec<u64>,
    /// Begins, then ends.
    pub pads: Vec<i64>,
}

impl Windows {
    /// Reads `strides`, `dilations`, `pads` and `auto_pad`; `kernel` has one extent per axis of `input`.
    pub fn new(call: &Call<'_>, kernel: Vec<u64>, input: &[u64]) -> Result<Self, OpError> {
        let axes = input.len();
        if kernel.len() != axes || kernel.contains(&0) {
            return Err(format!("kernel {kernel:?} does not fit spatial extents {input:?}").into());
        }
        let list = |name: &str, default: i64| -> Result<Vec<u64>, OpError> {
            let values = call.list(name).map_or(vec![default; axes], <[i64]>::to_vec);
            if values.len() != axes || values.iter().any(|&v| v < 1) {
                return Err(format!("{name} {values:?} do not fit spatial extents {input:?}").into());
            }
            extents(&values)
        };
        let (strides, dilations) = (list("strides", 1)?, list("dilations", 1)?);
        let mut pads = call.list("pads").map_or(vec![0; 2 * axes], <[i64]>::to_vec);
        if pads.len() != 2 * axes {
            return Err(format!("pads {pads:?} do not fit spatial extents {input:?}").into());
        }
        let mut windows = Self { kernel, strides, dilations, pads: vec![] };
        match call.text("auto_pad", "NOTSET") {
            "NOTSET" | "" => {}
            "VALID" => pads.fill(0),
            auto @ ("SAME_UPPER" | "SAME_LOWER") => {
                for (a, &n) in input.iter().enumerate() {
                    let stride = i128::from(windows.strides[a]);
                    let outputs = (i128::from(n) + stride - 1) / stride;
                    let total = ((outputs - 1) * stride + windows.extent(a) - i128::from(n)).max(0);
                    let total = i64::try_from(total).map_err(|_| OpError::Invalid(format!("padding of {total}")))?;
                    let (small, large) = (total / 2, total - total / 2);
                    (pads[a], pads[axes + a]) = if auto == "SAME_LOWER" { (large, small) } else { (small, large) };
                }
            }
            auto => return Err(format!("auto_pad `{auto}` is unknown").into()),
        }
        windows.pads = pads;
        Ok(windows)
    }

    /// Extent of the dilated window along spatial axis `a`.
    pub fn extent(&self, a: usize) -> i128 {
        i128::from(self.kernel[a] - 1) * i128::from(self.dilations[a]) + 1
    }

    /// Number of windows along spatial axis `a` of extent `n`.
    pub fn count(&self, a: usize, n: u64, ceil: bool) -> Result<u64, OpError> {
        let (before, after) = (self.pads[a], self.pads[self.kernel.len() + a]);
        let window = self.extent(a);
        let padded = i128::from(n) + i128::from(before) + i128::from(after);
        let room = padded - window;
        if room < 0 {
            return Err(format!("window {window} is larger than the padded extent {padded}").into());
        }
        let stride = i128::from(self.strides[a]);
        let mut count = room / stride + 1;
        // A last partial window counts only if it starts inside the input or its leading pad.
        if ceil && room % stride != 0 && count * stride < i128::from(n) + i128::from(before) {
            count += 1;
        }
        u64::try_from(count).map_err(|_| OpError::Invalid(format!("{count} windows")))
    }

    /// Numbers of windows along every spatial axis.
    pub fn counts(&self, input: &[u64], ceil: bool) -> Result<Vec<u64>, OpError> {
        input.iter().enumerate().map(|(a, &n)| self.count(a, n, ceil)).collect()
    }
}
