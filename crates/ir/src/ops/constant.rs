//! A constant given by attributes. Importers turn tensor-valued ones into constants of the graph.

use crate::{Attr, Call, Class, DType, Fact, Node, OpError, Operator, Role, Value, Work};

pub(super) struct Constant;

impl Operator for Constant {
    fn names(&self) -> &'static [&'static str] {
        &["Constant"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let get = |name| call.attrs().get(name);
        let (dtype, rank, value) = match () {
            () if let Some(Attr::Int(v)) = get("value_int") => (DType::I64, 0, Value::Ints(vec![*v])),
            () if let Some(Attr::Ints(v)) = get("value_ints") => (DType::I64, 1, Value::Ints(v.clone())),
            () if let Some(Attr::Float(v)) = get("value_float") => (DType::F32, 0, Value::Floats(vec![*v])),
            () if let Some(Attr::Floats(v)) = get("value_floats") => (DType::F32, 1, Value::Floats(v.clone())),
            () if let Some(Attr::Str(_)) = get("value_string") => return Ok(vec![Fact::new(DType::String, [])]),
            () if let Some(Attr::Strs(v)) = get("value_strings") => {
                return Ok(vec![Fact::new(DType::String, [v.len() as u64])]);
            }
            () => return Err(OpError::Unknown),
        };
        let shape = if rank == 0 { vec![] } else { vec![value.len() as u64] };
        Ok(vec![Fact::new(dtype, shape).with_value(Some(value))])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, _: usize) -> Option<Role> {
        None
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::VIEW)
    }
}
