//! Operators, by their numbers in the schema.

use tachograph_ir::{BoundGraph, Node, Value};

use super::{
    Operator, SCALE, UNIT, Writer, enlarge,
    file::{F32, Field, Tensor},
    operand, result,
    window::{Window, padded},
};

pub(super) type Written = Result<(), String>;

pub(super) fn write(writer: &mut Writer, node: &Node) -> Written {
    match node.op.name() {
        "Add" => binary(writer, node, 0, 11),
        "Mul" => binary(writer, node, 18, 21),
        "AveragePool" => pool(writer, node, 1),
        "MaxPool" => pool(writer, node, 17),
        "BatchNormalization" => batch_norm(writer, node),
        "Clip" if is_relu6(writer.bound, node) => unary(writer, node, 21, 2, (SCALE, 0)),
        "Concat" => concat(writer, node),
        "Conv" => conv(writer, node),
        "ConvTranspose" => enlarge::transposed(writer, node),
        "DepthToSpace" => enlarge::depth_to_space(writer, node),
        "Flatten" => flatten(writer, node),
        "Gemm" => gemm(writer, node),
        "GlobalAveragePool" => mean(writer, node, true),
        "ReduceMean" if is_over_image(writer.bound, node) => mean(writer, node, node.int("keepdims").unwrap_or(1) != 0),
        "HardSigmoid" => hard_sigmoid(writer, node),
        "HardSwish" => unary(writer, node, 117, 1, (SCALE, 0)),
        "Identity" => {
            let x = writer.operand(node, 0)?;
            writer.tensors.insert(result(node)?, x);
            Ok(())
        }
        "LRN" => local_response(writer, node),
        "Resize" => enlarge::resize(writer, node),
        "Relu" => unary(writer, node, 19, 2, (SCALE, 0)),
        "Sigmoid" => unary(writer, node, 14, 2, UNIT),
        "Softmax" => softmax(writer, node),
        _ => Err("has no int8 form here".into()),
    }
}

/// Clip between 0 and 6.
pub(super) fn is_relu6(bound: &BoundGraph, node: &Node) -> bool {
    let bound_is = |i: usize, name: &str, expected: f64| match node.inputs.get(i).copied().flatten() {
        Some(t) => bound.fact(t).value.as_ref().map(Value::to_floats).as_deref() == Some(&[expected]),
        None => node.float(name) == Some(expected),
    };
    bound_is(1, "min", 0.0) && bound_is(2, "max", 6.0)
}

fn unary(writer: &mut Writer, node: &Node, code: i32, version: i32, quantization: (f32, i64)) -> Written {
    let x = writer.operand(node, 0)?;
    let y = writer.activation(result(node)?, quantization)?;
    writer.emit(Operator { code, version, inputs: vec![x], outputs: vec![y], options: None });
    Ok(())
}

/// ADD or MUL of two activations, or of one and a number.
fn binary(writer: &mut Writer, node: &Node, code: i32, options: u8) -> Written {
    let mut inputs = Vec::new();
    for i in 0..2 {
        let t = operand(node, i)?;
        let number = writer.bound.fact(t).value.as_ref().map(Value::to_floats);
        inputs.push(match number.as_deref() {
            Some(&[number]) => writer.number(number as f32),
            _ => writer.operand(node, i)?,
        });
    }
    let (act, y) = writer.result(node)?;
    let options = Some((options, vec![(4, Field::Byte(act))]));
    writer.emit(Operator { code, version: 2, inputs, outputs: vec![y], options });
    Ok(())
}

fn conv(writer: &mut Writer, node: &Node) -> Written {
    let x = writer.operand(node, 0)?;
    let weight = writer.bound.shape(operand(node, 1)?).ok_or("has a weight of unknown shape")?;
    let shape: Option<Vec<i32>> = weight.iter().map(|&n| i32::try_from(n).ok()).collect();
    let Some(&[out, inner, height, width]) = shape.as_deref() else {
        return Err(format!("a weight of shape {weight:?}"));
    };
    let window = Window::new(writer.bound, node, [height, width])?;
    let channels = writer.file.tensors[x as usize].shape.last().copied().unwrap_or(0);
    let depthwise = inner == 1 && channels > 1 && node.int("group").unwrap_or(1) == i64::from(channels);
    let shape = if depthwise { vec![1, height, width, out] } else { vec![out, height, width, inner] };
    let scale = writer.scale(x);
    let (weight, bias) = (writer.weight(shape)?, writer.bias(out, scale));
    // Batch normalisation that reads nothing else is in the weight and the bias.
    let mut last = node;
    if let Some(&id) = writer.reader.get(&result(node)?) {
        let next = writer.bound.graph().node(id);
        if next.op.name() == "BatchNormalization" && result(next).is_ok() {
            writer.done.insert(id);
            last = next;
        }
    }
    let (act, y) = writer.result(last)?;
    let (x, code) = padded(writer, &window, x, false);
    let [rows, columns] = window.strides.map(Field::Int);
    let [dilated_rows, dilated_columns] = window.dilations.map(Field::Int);
    let (code, options) = if depthwise {
        let options = vec![
            (4, Field::Byte(code)),
            (6, columns),
            (8, rows),
            (10, Field::Int(out / channels)),
            (12, Field::Byte(act)),
            (14, dilated_columns),
            (16, dilated_rows),
        ];
        (4, (2, options))
    } else {
        let options = vec![
            (4, Field::Byte(code)),
            (6, columns),
            (8, rows),
            (10, Field::Byte(act)),
            (12, dilated_columns),
            (14, dilated_rows),
        ];
        (3, (1, options))
    };
    let inputs = vec![x, weight, bias];
    writer.emit(Operator { code, version: 3, inputs, outputs: vec![y], options: Some(options) });
    Ok(())
}

fn pool(writer: &mut Writer, node: &Node, code: i32) -> Written {
    let x = writer.operand(node, 0)?;
    let kernel = node.ints("kernel_shape").unwrap_or_default();
    let kernel: Vec<i32> = kernel.iter().map(|&n| i32::try_from(n).unwrap_or(0)).collect();
    let kernel = kernel.try_into().map_err(|kernel| format!("kernel {kernel:?}"))?;
    let window = Window::new(writer.bound, node, kernel)?;
    if window.dilations != [1, 1] {
        return Err("a dilated pooling has no form".into());
    }
    let average = code == 1;
    if average && window.code().is_none() && node.int("count_include_pad").unwrap_or(0) == 0 {
        return Err(format!("an average that leaves pads {:?} out has no form", window.pads));
    }
    if average && window.code() == Some(0) && node.int("count_include_pad").unwrap_or(0) != 0 {
        return Err("an average that counts pads has no form".into());
    }
    let (x, padding) = padded(writer, &window, x, !average);
    let (act, y) = writer.result(node)?;
    let [rows, columns] = window.strides.map(Field::Int);
    let [height, width] = window.kernel.map(Field::Int);
    let options =
        vec![(4, Field::Byte(padding)), (6, columns), (8, rows), (10, width), (12, height), (14, Field::Byte(act))];
    writer.emit(Operator { code, version: 2, inputs: vec![x], outputs: vec![y], options: Some((5, options)) });
    Ok(())
}

/// Not after a convolution: a product and a sum by channel.
fn batch_norm(writer: &mut Writer, node: &Node) -> Written {
    let x = writer.operand(node, 0)?;
    let shape = writer.file.tensors[x as usize].shape.clone();
    let channels = shape.last().copied().unwrap_or(0);
    let (scale, shift) = (writer.weight(vec![channels])?, writer.weight(vec![channels])?);
    let product = writer.temporary(shape, (SCALE, 0));
    let options = |act| vec![(4, Field::Byte(act))];
    let inputs = vec![x, scale];
    writer.emit(Operator { code: 18, version: 2, inputs, outputs: vec![product], options: Some((21, options(0))) });
    let (act, y) = writer.result(node)?;
    let inputs = vec![product, shift];
    writer.emit(Operator { code: 0, version: 2, inputs, outputs: vec![y], options: Some((11, options(act))) });
    Ok(())
}

fn concat(writer: &mut Writer, node: &Node) -> Written {
    let inputs = (0..node.inputs.len()).map(|i| writer.operand(node, i)).collect::<Result<Vec<_>, _>>()?;
    if !matches!(node.int("axis").unwrap_or(0), 1 | -3) {
        return Err("only channels are joined".into());
    }
    let (act, y) = writer.result(node)?;
    let axis = writer.file.tensors[y as usize].shape.len() as i32 - 1;
    let options = Some((10, vec![(4, Field::Int(axis)), (6, Field::Byte(act))]));
    writer.emit(Operator { code: 2, version: 2, inputs, outputs: vec![y], options });
    Ok(())
}

fn flatten(writer: &mut Writer, node: &Node) -> Written {
    let x = writer.operand(node, 0)?;
    let quantization = writer.file.tensors[x as usize].quantization.unwrap_or((SCALE, 0));
    let y = writer.activation(result(node)?, quantization)?;
    let shape = writer.file.tensors[y as usize].shape.clone();
    let target = writer.ints(vec![shape.len() as i32], &shape);
    writer.emit(Operator { code: 22, version: 1, inputs: vec![x, target], outputs: vec![y], options: None });
    Ok(())
}

fn gemm(writer: &mut Writer, node: &Node) -> Written {
    let x = writer.operand(node, 0)?;
    if node.int("transA").unwrap_or(0) != 0
        || node.float("alpha").unwrap_or(1.0) != 1.0
        || node.float("beta").unwrap_or(1.0) != 1.0
    {
        return Err("only x·W + b has a form".into());
    }
    let (act, y) = writer.result(node)?;
    let last = |number: i32| writer.file.tensors[number as usize].shape.last().copied().unwrap_or(0);
    let (features, out, scale) = (last(x), last(y), writer.scale(x));
    let inputs = vec![x, writer.weight(vec![out, features])?, writer.bias(out, scale)];
    let options = Some((8, vec![(4, Field::Byte(act))]));
    writer.emit(Operator { code: 9, version: 4, inputs, outputs: vec![y], options });
    Ok(())
}

/// A mean over height and width.
fn is_over_image(bound: &BoundGraph, node: &Node) -> bool {
    let axes = match node.inputs.get(1).copied().flatten() {
        Some(t) => bound.fact(t).value.as_ref().and_then(Value::ints).map(<[i64]>::to_vec),
        None => node.ints("axes").map(<[i64]>::to_vec),
    };
    let rank = node.inputs.first().copied().flatten().and_then(|t| bound.shape(t)).map(<[u64]>::len);
    let axes =
        axes.map(|axes| axes.into_iter().map(|a| if a < 0 { a.saturating_add(4) } else { a }).collect::<Vec<_>>());
    rank == Some(4)
        && axes.is_some_and(|mut axes| {
            axes.sort_unstable();
            axes == [2, 3]
        })
}

fn mean(writer: &mut Writer, node: &Node, keep: bool) -> Written {
    let x = writer.operand(node, 0)?;
    let y = writer.activation(result(node)?, (SCALE, 0))?;
    let inputs = vec![x, writer.ints(vec![2], &[1, 2])];
    let options = Some((27, vec![(4, Field::Bool(keep))]));
    writer.emit(Operator { code: 40, version: 2, inputs, outputs: vec![y], options });
    Ok(())
}

/// clip(x/6 + 1/2, 0, 1) = clip(x + 3, 0, 6) / 6.
fn hard_sigmoid(writer: &mut Writer, node: &Node) -> Written {
    let (alpha, beta) = (node.float("alpha").unwrap_or(0.2), node.float("beta").unwrap_or(0.5));
    if (alpha - 1.0 / 6.0).abs() > 1e-6 || beta != 0.5 {
        return Err(format!("slope {alpha} and offset {beta} have no form"));
    }
    let x = writer.operand(node, 0)?;
    let shape = writer.file.tensors[x as usize].shape.clone();
    let (three, sixth) = (writer.number(3.0), writer.number(1.0 / 6.0));
    let sum = writer.temporary(shape, (SCALE, 0));
    let options = Some((11, vec![(4, Field::Byte(3))]));
    writer.emit(Operator { code: 0, version: 2, inputs: vec![x, three], outputs: vec![sum], options });
    let y = writer.activation(result(node)?, UNIT)?;
    let options = Some((21, vec![(4, Field::Byte(0))]));
    writer.emit(Operator { code: 18, version: 2, inputs: vec![sum, sixth], outputs: vec![y], options });
    Ok(())
}

fn local_response(writer: &mut Writer, node: &Node) -> Written {
    let x = writer.operand(node, 0)?;
    let y = writer.activation(result(node)?, (SCALE, 0))?;
    let shape = writer.file.tensors[x as usize].shape.clone();
    let mut float = |name: &str| {
        let name = format!("{name}{}", writer.file.tensors.len());
        writer.push(Tensor { name, shape: shape.clone(), element: F32, data: Vec::new(), quantization: None })
    };
    let (before, after) = (float("float"), float("float"));
    let convert =
        |code, version, from, to| Operator { code, version, inputs: vec![from], outputs: vec![to], options: None };
    writer.emit(convert(6, 2, x, before));
    let radius = i32::try_from(node.int("size").unwrap_or(1) / 2).map_err(|_| "a window of that size has no form")?;
    let number = |name, default| Field::Float(node.float(name).unwrap_or(default) as f32);
    let (bias, alpha, beta) = (number("bias", 1.0), number("alpha", 1e-4), number("beta", 0.75));
    let options = Some((13, vec![(4, Field::Int(radius)), (6, bias), (8, alpha), (10, beta)]));
    writer.emit(Operator { code: 13, version: 1, inputs: vec![before], outputs: vec![after], options });
    writer.emit(convert(114, 1, after, y));
    Ok(())
}

fn softmax(writer: &mut Writer, node: &Node) -> Written {
    let x = writer.operand(node, 0)?;
    let y = writer.activation(result(node)?, UNIT)?;
    let rank = writer.file.tensors[x as usize].shape.len() as i64;
    if !matches!((node.int("axis").unwrap_or(-1), rank), (-1 | 1, 2) | (1 | -3, 4)) {
        return Err("only a softmax over channels has a form".into());
    }
    let options = Some((9, vec![(4, Field::Float(1.0))]));
    writer.emit(Operator { code: 25, version: 2, inputs: vec![x], outputs: vec![y], options });
    Ok(())
}
