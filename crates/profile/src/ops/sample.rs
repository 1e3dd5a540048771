//! Sampling of images at given coordinates, and columns of windows.

use tachograph_ir::{Call, OpError};

use super::{Kernel, output_shape, pair};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    Ok(Some(match call.node.op.name() {
        "GridSample" => {
            let mode = match call.text("mode", "linear") {
                "linear" | "bilinear" => 0,
                "nearest" => 1,
                "cubic" | "bicubic" => 2,
                other => return Err(format!("libtorch does not sample by `{other}`").into()),
            };
            let padding = match call.text("padding_mode", "zeros") {
                "border" => 1,
                "reflection" => 2,
                _ => 0,
            };
            let corners = call.int("align_corners", 0) != 0;
            pair(move |x, grid| x.f_grid_sampler(grid, mode, padding, corners))
        }
        "AffineGrid" => {
            let (size, corners) = (call.ints(1)?.to_vec(), call.int("align_corners", 0) != 0);
            super::unary(move |theta| tch::Tensor::f_affine_grid_generator(theta, &size, corners))
        }
        "Col2Im" => {
            let (image, block) = (call.ints(1)?.to_vec(), call.ints(2)?.to_vec());
            let list = |name, value| call.list(name).map_or(vec![value; image.len()], <[i64]>::to_vec);
            let pads = call.list("pads").map_or(vec![0; 2 * image.len()], <[i64]>::to_vec);
            let (dilation, stride) = (list("dilations", 1), list("strides", 1));
            if image.len() != 2 || pads.get(..2) != pads.get(2..) {
                return Err(format!("columns of {image:?} with padding {pads:?} have no kernel").into());
            }
            let output = output_shape(call, 0)?;
            let padding = pads[..2].to_vec();
            super::unary(move |x| x.f_col2im(&image, &block, &dilation, &padding, &stride)?.f_reshape(&output))
        }
        _ => return Ok(None),
    }))
}
