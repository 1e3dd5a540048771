//! Operators whose results the file alone describes, and custom ones that many files have.

use tachograph_ir::{Attr, Attrs, OpType, attrs};

use super::{Importer, Op, Read, id, state};

const STATED: [(&str, &str); 14] = [
    ("AudioSpectrogram", "AudioSpectrogram"),
    ("HASHTABLE", "Hashtable"),
    ("HASHTABLE_SIZE", "HashtableSize"),
    ("LSH_PROJECTION", "LshProjection"),
    ("MULTINOMIAL", "RandomOfShape"),
    ("MaxPoolingWithArgmax2D", "MaxPoolingWithArgmax2D"),
    ("MaxUnpooling2D", "MaxUnpooling2D"),
    ("Mfcc", "Mfcc"),
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
    let Some((_, name)) = STATED.iter().find(|(tflite, _)| *tflite == kind) else { return Ok(false) };
    state(net, OpType::new(name), op, Attrs::new());
    Ok(true)
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
