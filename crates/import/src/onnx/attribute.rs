//! Attributes of nodes.

use tachograph_ir::{Attr, Attrs, DType, Value};

use super::{
    proto::{AttributeProto, TypeProto, kind},
    tensor,
};

/// What becomes of an attribute.
pub(super) enum Attribute {
    /// These entries of the node.
    Plain(Vec<(String, Attr)>),
    /// Something that the graph model has no place for, in words.
    Dropped(&'static str),
}

/// Reads an attribute. A tensor of one element becomes that element under the attribute's name, and its
/// element type, by ONNX's number, under `dtype` if the name is `value`, else under `NAME.dtype`; a longer one becomes a
/// list.
pub(super) fn convert(attribute: &AttributeProto) -> Attribute {
    let text = |s: &bytes::Bytes| String::from_utf8_lossy(s).into_owned();
    let floats = || attribute.floats.iter().copied().map(widen).collect();
    let value = match declared(attribute) {
        kind::FLOAT => Attr::Float(widen(attribute.f.unwrap_or_default())),
        kind::INT => Attr::Int(attribute.i.unwrap_or_default()),
        kind::STRING => Attr::Str(attribute.s.as_ref().map(text).unwrap_or_default()),
        kind::FLOATS => Attr::Floats(floats()),
        kind::INTS => Attr::Ints(attribute.ints.clone()),
        kind::STRINGS => Attr::Strs(attribute.strings.iter().map(text).collect()),
        kind::TENSOR => {
            return tensor_value(attribute).map_or(Attribute::Dropped("an unreadable tensor"), Attribute::Plain);
        }
        kind::TYPE_PROTO => {
            let code = attribute.tp.as_deref().and_then(element).unwrap_or_default();
            return Attribute::Plain(vec![("dtype".into(), Attr::Int(code.into()))]);
        }
        kind::GRAPH | kind::GRAPHS => return Attribute::Dropped("a graph"),
        _ => return Attribute::Dropped("no plain value"),
    };
    Attribute::Plain(vec![(attribute.name.clone(), value)])
}

/// Number of the element type of what a type describes at last, were it an optional of sequences of tensors.
fn element(described: &TypeProto) -> Option<i32> {
    match described {
        TypeProto { tensor_type: Some(tensor), .. } => Some(tensor.elem_type),
        TypeProto { sequence_type: Some(held), .. } | TypeProto { optional_type: Some(held), .. } => {
            element(held.elem_type.as_deref()?)
        }
        _ => None,
    }
}

/// The shortest decimal that reads as this number: 0.1 stays 0.1.
fn widen(x: f32) -> f64 {
    x.to_string().parse().unwrap_or_else(|_| x.into())
}

/// Kind of the attribute; the first versions of the format left it to be guessed.
fn declared(attribute: &AttributeProto) -> i32 {
    match attribute {
        a if a.kind != 0 => a.kind,
        AttributeProto { f: Some(_), .. } => kind::FLOAT,
        AttributeProto { i: Some(_), .. } => kind::INT,
        AttributeProto { s: Some(_), .. } => kind::STRING,
        AttributeProto { t: Some(_), .. } => kind::TENSOR,
        AttributeProto { g: Some(_), .. } => kind::GRAPH,
        AttributeProto { tp: Some(_), .. } => kind::TYPE_PROTO,
        AttributeProto { sparse_tensor: Some(_), .. } => kind::SPARSE_TENSOR,
        a if !a.floats.is_empty() => kind::FLOATS,
        a if !a.strings.is_empty() => kind::STRINGS,
        a if !a.graphs.is_empty() => kind::GRAPHS,
        _ => kind::INTS,
    }
}

/// Attributes as messages; the filling value of ConstantOfShape is a tensor again.
///
/// # Errors
/// A free attribute.
pub(super) fn messages(op: &str, attrs: &Attrs) -> Result<Vec<AttributeProto>, String> {
    if op == "ConstantOfShape" {
        let integer = matches!(attrs.get("value"), Some(Attr::Int(_)));
        let dtype = match attrs.get("dtype") {
            Some(Attr::Int(code)) => DType::from_onnx(*code),
            _ => Some(if integer { DType::I64 } else { DType::F32 }),
        };
        let value = match attrs.get("value") {
            Some(Attr::Int(v)) => Value::Ints(vec![*v]),
            Some(Attr::Float(v)) => Value::Floats(vec![*v]),
            _ => return Ok(Vec::new()),
        };
        let fill = tensor::message("", dtype.unwrap_or(DType::F32), &[1], &value);
        let name = "value".into();
        return Ok(vec![AttributeProto { name, kind: kind::TENSOR, t: Some(fill.into()), ..Default::default() }]);
    }
    attrs.iter().map(|(name, attr)| message(name, attr)).collect()
}

fn message(name: &str, attr: &Attr) -> Result<AttributeProto, String> {
    let text = |s: &String| bytes::Bytes::copy_from_slice(s.as_bytes());
    let empty = AttributeProto { name: name.into(), ..Default::default() };
    Ok(match attr {
        Attr::Int(v) => AttributeProto { kind: kind::INT, i: Some(*v), ..empty },
        Attr::Float(v) => AttributeProto { kind: kind::FLOAT, f: Some(*v as f32), ..empty },
        Attr::Str(v) => AttributeProto { kind: kind::STRING, s: Some(text(v)), ..empty },
        Attr::Ints(v) => AttributeProto { kind: kind::INTS, ints: v.clone(), ..empty },
        Attr::Floats(v) => {
            AttributeProto { kind: kind::FLOATS, floats: v.iter().map(|&x| x as f32).collect(), ..empty }
        }
        Attr::Strs(v) => AttributeProto { kind: kind::STRINGS, strings: v.iter().map(text).collect(), ..empty },
        Attr::Graph(_) => return Err(format!("attribute `{name}` holds a graph, which is not written")),
        Attr::Free { name: free, .. } => return Err(format!("attribute `{name}` is free (`{free}`): bind the graph")),
    })
}

fn tensor_value(attribute: &AttributeProto) -> Option<Vec<(String, Attr)>> {
    let tensor = attribute.t.as_deref()?;
    let value = tensor::value(tensor, Value::MAX_ELEMENTS).map(|value| match value {
        Value::Ints(v) if v.len() == 1 => Attr::Int(v[0]),
        Value::Floats(v) if v.len() == 1 => Attr::Float(v[0]),
        Value::Ints(v) => Attr::Ints(v),
        Value::Floats(v) => Attr::Floats(v),
    });
    // Only of the one tensor called `value` there is no doubt whose type it is.
    let code = Attr::Int(tensor.data_type.into());
    match (attribute.name.as_str(), value) {
        ("value", value) => Some(vec![("value".into(), value?), ("dtype".into(), code)]),
        (name, value) => {
            let value = value.map(|value| (name.to_owned(), value));
            Some(value.into_iter().chain([(format!("{name}.dtype"), code)]).collect())
        }
    }
}
