//! Resampling of images.

use tachograph_ir::{Call, OpError};

use super::{Kernel, output_shape, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    if !matches!(call.node.op.name(), "Resize" | "Upsample") {
        return Ok(None);
    }
    let (input, output) = (call.shape(0)?, output_shape(call, 0)?);
    let kept = input.len() == 4 && output[..2] == [input[0] as i64, input[1] as i64];
    if !kept {
        return Err(format!("resizing {input:?} to {output:?} has no kernel").into());
    }
    let size = output[2..].to_vec();
    let coordinates = call.text("coordinate_transformation_mode", "half_pixel");
    let corners = coordinates == "align_corners";
    Ok(Some(match call.text("mode", "nearest") {
        "nearest" => unary(move |x| x.f_upsample_nearest2d(&size, None, None)),
        "linear" | "bilinear" => unary(move |x| x.f_upsample_bilinear2d(&size, corners, None, None)),
        "cubic" => unary(move |x| x.f_upsample_bicubic2d(&size, corners, None, None)),
        mode => return Err(format!("resize mode `{mode}` has no kernel").into()),
    }))
}
