//! Operators whose results the file alone describes, and custom ones that many files have.

use tachograph_ir::{Attr, Attrs, OpType, attrs};

use super::{Importer, Op, Read, id, state};
use crate::tflite::flex;

const STATED: [(&str, &str); 15] = [
    ("AudioSpectrogram", "AudioSpectrogram"),
    ("HASHTABLE", "Hashtable"),
    ("HASHTABLE_SIZE", "HashtableSize"),
    ("LSH_PROJECTION", "LshProjection"),
    ("MULTINOMIAL", "RandomOfShape"),
    ("MaxPoolingWithArgmax2D", "MaxPoolingWithArgmax2D"),
    ("MaxUnpooling2D", "MaxUnpooling2D"),
    ("Mfcc", "Mfcc"),
    ("PosenetDecoderOp", "PoseDecoder"),
    ("RANDOM_STANDARD_NORMAL", "RandomOfShape"),
    ("RANDOM_UNIFORM", "RandomOfShape"),
    ("READ_VARIABLE", "ReadVariable"),
    ("SKIP_GRAM", "SkipGram"),
    ("TFLite_Detection_PostProcess", "DetectionPostProcess"),
    ("VAR_HANDLE", "VarHandle"),
];

pub(super) fn stated(net: &mut Importer, kind: &str, op: &Op) -> Read {
    if kind == "Convolution2DTransposeBias" {
        return transposed(net, op);
    }
    let stated = STATED.iter().find(|(tflite, _)| *tflite == kind).map(|(_, name)| *name);
    let Some(name) = stated.or(kind.starts_with("Signal").then_some("SignalFilter")) else { return Ok(false) };
    state(net, OpType::new(name), op, Attrs::new());
    if name == "DetectionPostProcess" {
        detections(net, op);
    }
    Ok(true)
}

/// Files often state no shapes for the results, boxes, classes, scores and count: their number is a setting.
fn detections(net: &mut Importer, op: &Op) {
    let setting = |key| flex::int(op.custom, key).and_then(|n| u64::try_from(n).ok());
    let count = setting("max_detections").zip(setting("max_classes_per_detection"));
    let Some(count) = count.and_then(|(most, classes)| most.checked_mul(classes)) else { return };
    let shapes: [&[u64]; 4] = [&[1, count, 4], &[1, count], &[1, count], &[1]];
    op.outputs.iter().zip(shapes).for_each(|(&output, shape)| net.declare(output, shape));
}

/// MediaPipe's transposed convolution: image, weight (out, h, w, in), bias. Its settings are bytes that no schema
/// describes; the stride is what the shapes say.
fn transposed(net: &mut Importer, op: &Op) -> Read {
    let (x, w, output) = (op.input(0)?, op.input(1)?, op.output(0)?);
    let shapes = [x, w, output].map(|i| <[u64; 4]>::try_from(net.info(i).shape.as_slice()));
    let [Ok([_, rows, columns, _]), Ok([out, height, width, inner]), Ok([_, tall, wide, _])] = shapes else {
        return Ok(false);
    };
    if rows == 0 || columns == 0 || !net.is_constant(w) {
        return Ok(false);
    }
    let list = |list: [u64; 2]| Attr::Ints(list.map(|n| n as i64).to_vec());
    let window = attrs([
        ("kernel_shape", list([height, width])),
        ("output_shape", list([tall, wide])),
        ("strides", list([tall.div_ceil(rows).max(1), wide.div_ceil(columns).max(1)])),
    ]);
    let mut inputs = vec![id(x), net.weight(w, Some(&[inner, out, height, width]))];
    inputs.extend(op.optional(2).map(|bias| net.weight(bias, None)));
    net.emit("ConvTranspose", &inputs, window, id(output));
    Ok(true)
}
