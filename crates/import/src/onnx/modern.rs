//! Calls as operator set 20 spells them: what older ones and this workspace pass as attributes are operands.

use tachograph_ir::{Attr, Attrs, Value};

/// Attributes that became operands, from place 1 on.
fn operands_of(op: &str) -> &'static [&'static str] {
    match op {
        "Squeeze" | "Unsqueeze" | "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax"
        | "ReduceMean" | "ReduceMin" | "ReduceProd" | "ReduceSum" | "ReduceSumSquare" => &["axes"],
        "Split" => &["split"],
        "Slice" => &["starts", "ends", "axes"],
        "Pad" => &["pads", "value"],
        "Clip" => &["min", "max"],
        "TopK" => &["k"],
        "Reshape" => &["shape"],
        "Dropout" => &["ratio"],
        _ => &[],
    }
}

/// Moves attributes to operands (empty names are operands left out) and drops those that no longer exist.
/// `constant` stores elements of a shape and says under which name.
pub(super) fn modernise(
    op: &str,
    attrs: &mut Attrs,
    operands: &mut Vec<String>,
    results: usize,
    mut constant: impl FnMut(&str, &[u64], Value) -> String,
) {
    for (place, name) in operands_of(op).iter().enumerate().map(|(i, name)| (i + 1, name)) {
        let Some(attr) = attrs.remove(*name).filter(|_| operands.get(place).is_none_or(String::is_empty)) else {
            continue;
        };
        let stored = match attr {
            Attr::Int(k) => constant(name, &[1], Value::Ints(vec![k])),
            Attr::Ints(v) => constant(name, &[v.len() as u64], Value::Ints(v)),
            Attr::Float(x) => constant(name, &[], Value::Floats(vec![x])),
            _ => continue,
        };
        operands.resize(operands.len().max(place + 1), String::new());
        operands[place] = stored;
    }
    match op {
        "Split" if operands.get(1).is_some_and(|o| !o.is_empty()) => drop(attrs.remove("num_outputs")),
        "Split" => drop(attrs.insert("num_outputs".into(), Attr::Int(results as i64))),
        "Resize" if operands.len() == 2 => operands.insert(1, String::new()),
        _ => {}
    }
    if op == "DFT"
        && let Some(Attr::Int(axis)) = attrs.remove("axis")
    {
        operands.resize(operands.len().max(3), String::new());
        operands[2] = constant("axis", &[], Value::Ints(vec![axis]));
    }
    for gone in ["consumed_inputs", "spatial", "is_test", "broadcast", "typed_mask"] {
        attrs.remove(gone);
    }
}
