//! Infers one operator call outside any graph.

use crate::{Attrs, Call, DType, Fact, Node, OpError, OpType, Phase, Value, Work};

/// Results and work of `op` applied to `inputs`.
pub fn run(op: &str, attrs: Attrs, inputs: &[Fact]) -> Result<(Vec<Fact>, Work), OpError> {
    let inputs: Vec<_> = inputs.iter().map(Some).collect();
    call(op, attrs, &inputs, 1)
}

/// The same where operands may be left out and several results are wanted.
pub fn call(op: &str, attrs: Attrs, inputs: &[Option<&Fact>], results: usize) -> Result<(Vec<Fact>, Work), OpError> {
    let op_type = OpType::new(op);
    let OpType::Known(_, operator) = &op_type else { panic!("{op} is not registered") };
    let node = Node {
        name: op.into(),
        op: op_type.clone(),
        attrs,
        inputs: vec![None; inputs.len()],
        outputs: vec![None; results],
        phase: Phase::Forward,
    };
    let call = Call { node: &node, inputs, outputs: &[] };
    let outputs = operator.infer(&call)?;
    let work = operator.work(&Call { outputs: &outputs, ..call })?;
    Ok((outputs, work))
}

/// Shape of the first result.
pub fn shape(op: &str, attrs: Attrs, inputs: &[Fact]) -> Result<Vec<u64>, OpError> {
    run(op, attrs, inputs).map(|(facts, _)| facts[0].shape.clone().expect("shape is known"))
}

/// Elements of the first result.
pub fn value(op: &str, attrs: Attrs, inputs: &[Fact]) -> Value {
    run(op, attrs, inputs).unwrap().0[0].value.clone().expect("value is known")
}

pub fn f32(shape: &[u64]) -> Fact {
    Fact::new(DType::F32, shape)
}

/// A known vector of integers.
pub fn ints(values: &[i64]) -> Fact {
    Fact::new(DType::I64, [values.len() as u64]).with_value(Some(Value::Ints(values.to_vec())))
}

/// A known scalar integer.
pub fn int(value: i64) -> Fact {
    Fact::new(DType::I64, []).with_value(Some(Value::Ints(vec![value])))
}

/// A known vector of floats.
pub fn floats(values: &[f64]) -> Fact {
    Fact::new(DType::F32, [values.len() as u64]).with_value(Some(Value::Floats(values.to_vec())))
}
