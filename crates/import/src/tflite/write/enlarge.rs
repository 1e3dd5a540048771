//! Operators whose result is larger than what they read.

use tachograph_ir::Node;

use super::{Operator, SCALE, Writer, file::Field, operand, operators::Written, result};

/// To whole multiples of height and width.
pub(super) fn resize(writer: &mut Writer, node: &Node) -> Written {
    let (linear, transform) = (
        match node.text("mode").unwrap_or("nearest") {
            "nearest" => false,
            "linear" => true,
            mode => return Err(format!("mode `{mode}` has no form")),
        },
        node.text("coordinate_transformation_mode").unwrap_or("half_pixel"),
    );
    if !matches!(transform, "asymmetric" | "half_pixel" | "align_corners") {
        return Err(format!("coordinates `{transform}` have no form"));
    }
    let x = writer.operand(node, 0)?;
    let quantization = writer.file.tensors[x as usize].quantization.unwrap_or((SCALE, 0));
    let y = writer.activation(result(node)?, quantization)?;
    let &[_, height, width, _] = writer.file.tensors[y as usize].shape.as_slice() else {
        return Err("only images have a form".into());
    };
    let size = writer.ints(vec![2], &[height, width]);
    let (align, half) = (Field::Bool(transform == "align_corners"), Field::Bool(transform == "half_pixel"));
    // The fields before these two of the linear form are of an earlier version of the schema.
    let (code, version, options) =
        if linear { (23, 3, (15, vec![(8, align), (10, half)])) } else { (97, 3, (74, vec![(4, align), (6, half)])) };
    writer.emit(Operator { code, version, inputs: vec![x, size], outputs: vec![y], options: Some(options) });
    Ok(())
}

pub(super) fn depth_to_space(writer: &mut Writer, node: &Node) -> Written {
    if node.text("mode").unwrap_or("DCR") != "DCR" {
        return Err("only depth before columns and rows has a form".into());
    }
    let x = writer.operand(node, 0)?;
    let quantization = writer.file.tensors[x as usize].quantization.unwrap_or((SCALE, 0));
    let y = writer.activation(result(node)?, quantization)?;
    let block = i32::try_from(node.int("blocksize").unwrap_or(1)).map_err(|_| "a block of that size has no form")?;
    let options = Some((94, vec![(4, Field::Int(block))]));
    writer.emit(Operator { code: 5, version: 2, inputs: vec![x], outputs: vec![y], options });
    Ok(())
}

/// Windows that lie side by side, each the image of one pixel.
pub(super) fn transposed(writer: &mut Writer, node: &Node) -> Written {
    let x = writer.operand(node, 0)?;
    let weight = writer.bound.shape(operand(node, 1)?).ok_or("has a weight of unknown shape")?;
    let shape: Option<Vec<i32>> = weight.iter().map(|&n| i32::try_from(n).ok()).collect();
    let Some(&[inner, out, height, width]) = shape.as_deref() else {
        return Err(format!("a weight of shape {weight:?}"));
    };
    let strides = node.ints("strides").unwrap_or_default();
    let plain = node.int("group").unwrap_or(1) == 1
        && node.ints("pads").is_none_or(|pads| pads.iter().all(|&n| n == 0))
        && node.ints("output_padding").is_none_or(|pads| pads.iter().all(|&n| n == 0))
        && node.ints("dilations").is_none_or(|d| d.iter().all(|&n| n == 1));
    if !plain || strides != [i64::from(height), i64::from(width)] {
        return Err("only windows side by side, without pads and groups, have a form".into());
    }
    let y = writer.activation(result(node)?, (SCALE, 0))?;
    let target = writer.file.tensors[y as usize].shape.clone();
    let scale = writer.scale(x);
    let (target, weight) = (writer.ints(vec![4], &target), writer.weight(vec![out, height, width, inner])?);
    let inputs = vec![target, weight, x, writer.bias(out, scale)];
    let options = vec![(4, Field::Byte(1)), (6, Field::Int(width)), (8, Field::Int(height)), (10, Field::Byte(0))];
    writer.emit(Operator { code: 67, version: 3, inputs, outputs: vec![y], options: Some((49, options)) });
    Ok(())
}
