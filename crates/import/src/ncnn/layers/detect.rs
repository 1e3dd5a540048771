//! Boxes and regions. `PriorBox` (keys 0, 1, 2 sizes and ratios, 7 flipped ratios, 9 and 10 the image);
//! `ROIAlign`, `ROIPooling`, `PSROIPooling` (0 and 1 width and height, 3 channels of the last), each of one region;
//! and what keeps as many boxes as there are objects: `DetectionOutput`, `YoloDetectionOutput`,
//! `Yolov3DetectionOutput`, `Proposal`.

use tachograph_ir::{Attr, OpType, TensorId, attrs};

use super::{Blob, Layer, Net, Result, none};

pub(super) fn prior_box(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<Blob> {
    let count = |key| layer.floats(key).map(|numbers| numbers.len() as i64);
    let (small, large, ratios) = (count(0)?, count(1)?, count(2)?);
    let open = layer.int(9, 0)? == -233 && layer.int(10, 0)? == -233;
    // Of one operand and no image, the boxes alone, without variances.
    let alone = operands.len() == 1 && open && large == 0;
    let boxes = if alone {
        small - 1 + ratios
    } else {
        small + large + small * ratios * if layer.int(7, 1)? != 0 { 2 } else { 1 }
    };
    let attrs = attrs([("boxes", Attr::Int(boxes)), ("rows", Attr::Int(if alone { 1 } else { 2 }))]);
    let inputs: Vec<TensorId> = operands.iter().map(|blob| blob.id).collect();
    let id = net.node(layer, "PriorBox", &inputs, attrs);
    Ok(Blob { id, rank: if alone { 2 } else { 3 } })
}

pub(super) fn region(net: &mut Net, layer: &Layer, [x, region]: [Blob; 2]) -> Result<Blob> {
    let default = if layer.kind == "PSROIPooling" { 7 } else { 0 };
    let size = vec![layer.size(1, default)? as i64, layer.size(0, default)? as i64];
    let mut attrs = attrs([("output_size", Attr::Ints(size))]);
    if layer.kind == "PSROIPooling" {
        attrs.insert("channels".into(), Attr::Int(layer.size(3, 0)? as i64));
    }
    let mode = if layer.kind == "ROIPooling" { "max" } else { "average" };
    attrs.insert("mode".into(), Attr::from(mode));
    Ok(net.like(layer, "RegionPool", x, &[region.id], attrs))
}

/// Results of as many rows as the data decide: of six numbers, or a region and its score.
pub(super) fn detections(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<()> {
    let inputs = operands.iter().map(|blob| Some(blob.id)).collect();
    let rank = if layer.kind == "Proposal" { 4 } else { 3 };
    let op = if layer.kind == "Proposal" { "Proposal" } else { "DetectionOutput" };
    let ids = net.nodes(layer, OpType::new(op), inputs, none(), layer.outputs.len());
    ids.into_iter().enumerate().try_for_each(|(slot, id)| net.name(layer, slot, Blob { id, rank }))
}
