//! Windows of convolutions and poolings: padding as TFLite knows it.

use tachograph_ir::{BoundGraph, Node};

use super::{File, Writer, operand, result};

/// A window over height and width, and the padding that gives the shape of the result.
pub(super) struct Window {
    pub kernel: [i32; 2],
    pub strides: [i32; 2],
    pub dilations: [i32; 2],
    /// Rows before and after, columns before and after.
    pub pads: [[i32; 2]; 2],
    same: [[i32; 2]; 2],
}

/// Longest side of an image, and most padding at an end: both ends and the image together stay within 32 bits.
const LONGEST: i32 = i32::MAX / 4;

fn pair(node: &Node, name: &str, default: i64) -> Result<[i32; 2], String> {
    let list = node.ints(name).map_or(vec![default; 2], <[i64]>::to_vec);
    let pair: Vec<i32> = list.iter().map(|&n| i32::try_from(n).unwrap_or(0)).collect();
    pair.try_into().ok().filter(|p: &[i32; 2]| p.iter().all(|&n| n > 0)).ok_or_else(|| format!("{name} {list:?}"))
}

impl Window {
    pub fn new(bound: &BoundGraph, node: &Node, kernel: [i32; 2]) -> Result<Self, String> {
        let (strides, dilations) = (pair(node, "strides", 1)?, pair(node, "dilations", 1)?);
        let extents = |t| match bound.shape(t) {
            Some(&[_, _, h, w]) if h.max(w) <= LONGEST as u64 => Ok([h as i64, w as i64]),
            other => Err(format!("a tensor of shape {other:?} is no image")),
        };
        let (x, y) = (extents(operand(node, 0)?)?, extents(result(node)?)?);
        let explicit = node.ints("pads");
        let lower = node.text("auto_pad") == Some("SAME_LOWER");
        let (mut pads, mut same) = ([[0; 2]; 2], [[0; 2]; 2]);
        for axis in 0..2 {
            let [kernel, dilation, stride] = [kernel[axis], dilations[axis], strides[axis]].map(i64::from);
            let window = (kernel - 1) * dilation + 1;
            // Whatever rounds up reads behind the end: that is padding too.
            let total = (y[axis] - 1).saturating_mul(stride).saturating_add(window).saturating_sub(x[axis]).max(0);
            let before = match explicit {
                Some(pads) => pads.get(axis).copied().unwrap_or(0),
                None if lower => total - total / 2,
                None => total / 2,
            };
            let outputs = x[axis] / stride + i64::from(x[axis] % stride != 0);
            let whole = ((outputs - 1) * stride + window - x[axis]).max(0);
            let small = |n: i64| match i32::try_from(n) {
                Ok(n) if n <= LONGEST => Ok(n),
                _ => Err(format!("padding of {n}")),
            };
            same[axis] = if outputs == y[axis] { [small(whole / 2)?, small(whole - whole / 2)?] } else { [-1; 2] };
            pads[axis] = [small(before)?, small((total - before).max(0))?];
        }
        Ok(Self { kernel, strides, dilations, pads, same })
    }

    /// 0 for SAME, 1 for VALID; `None` for any other padding.
    pub fn code(&self) -> Option<i8> {
        match self.pads {
            pads if pads == [[0; 2]; 2] => Some(1),
            pads if pads == self.same => Some(0),
            _ => None,
        }
    }
}

/// Code of the padding, after a PAD of tensor `x` where TFLite has no code for it. `least` pads with the least number.
pub(super) fn padded(writer: &mut Writer, window: &Window, x: i32, least: bool) -> (i32, i8) {
    if let Some(code) = window.code() {
        return (x, code);
    }
    let File { tensors, .. } = &writer.file;
    let (mut shape, quantization) = {
        let tensor = &tensors[x as usize];
        (tensor.shape.clone(), tensor.quantization)
    };
    let [rows, columns] = window.pads;
    let pads = [0, 0, rows[0], rows[1], columns[0], columns[1], 0, 0];
    for (extent, pads) in shape.iter_mut().zip(pads.chunks(2)) {
        *extent += pads.iter().sum::<i32>();
    }
    let amounts = writer.ints(vec![4, 2], &pads);
    let y = writer.temporary(shape, quantization.unwrap_or((super::SCALE, 0)));
    let mut inputs = vec![x, amounts];
    let (code, options) = if least {
        let least = writer.number(-1.0);
        writer.file.tensors[least as usize].quantization = quantization;
        writer.file.tensors[least as usize].data = vec![i8::MIN as u8];
        inputs.push(least);
        (60, Some((43, Vec::new())))
    } else {
        (34, Some((22, Vec::new())))
    };
    writer.emit(super::Operator { code, version: 2, inputs, outputs: vec![y], options });
    (y, 1)
}
