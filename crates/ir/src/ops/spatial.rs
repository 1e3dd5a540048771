//! Window arithmetic that convolutions and poolings share.

use crate::{Call, OpError};

/// Windows over the spatial axes of an (N, C, …) tensor.
pub(super) struct Windows {
    pub kernel: Vec<u64>,
    pub strides: Vec<u64>,
    pub dilations: Vec<u64>,
    /// Begins, then ends.
    pub pads: Vec<i64>,
}

impl Windows {
    /// Reads `strides`, `dilations`, `pads` and `auto_pad`; `kernel` has one extent per spatial axis.
    pub fn new(call: &Call<'_>, kernel: Vec<u64>, input: &[u64]) -> Result<Self, OpError> {
        let axes = kernel.len();
        let list = |name: &str, default: i64| -> Result<Vec<u64>, OpError> {
            let values = call.list(name).map_or(vec![default; axes], <[i64]>::to_vec);
            if values.len() != axes || values.iter().any(|&v| v < 1) {
                return Err(format!("{name} {values:?} do not fit {axes} spatial axes").into());
            }
            Ok(values.into_iter().map(|v| v as u64).collect())
        };
        let (strides, dilations) = (list("strides", 1)?, list("dilations", 1)?);
        if kernel.contains(&0) {
            return Err(format!("kernel {kernel:?} is empty").into());
        }
        let mut pads = call.list("pads").map_or(vec![0; 2 * axes], <[i64]>::to_vec);
        if pads.len() != 2 * axes {
            return Err(format!("pads {pads:?} do not fit {axes} spatial axes").into());
        }
        let auto = call.text("auto_pad", "NOTSET");
        match auto {
            "NOTSET" | "" => {}
            "VALID" => pads.fill(0),
            _ => {
                for a in 0..axes {
                    let window = ((kernel[a] - 1).saturating_mul(dilations[a]) + 1) as i64;
                    let (n, s) = (input[a] as i64, strides[a] as i64);
                    let total = ((n + s - 1) / s - 1).saturating_mul(s).saturating_add(window).saturating_sub(n).max(0);
                    let small = total / 2;
                    (pads[a], pads[axes + a]) =
                        if auto == "SAME_LOWER" { (total - small, small) } else { (small, total - small) };
                }
            }
        }
        Ok(Self { kernel, strides, dilations, pads })
    }

    /// Number of windows along spatial axis `a` of extent `n`.
    pub fn count(&self, a: usize, n: u64, ceil: bool) -> Result<u64, OpError> {
        let (before, after) = (self.pads[a], self.pads[self.kernel.len() + a]);
        let window = (self.kernel[a] - 1).saturating_mul(self.dilations[a]).saturating_add(1);
        let padded = i128::from(n) + i128::from(before) + i128::from(after);
        let room = padded - i128::from(window);
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
}
