//! Operators, one or one family a file. To add one: write the file, add one line to `operators!`.

mod spatial;

use crate::Operator;

macro_rules! operators {
    ($($file:ident :: $name:ident),* $(,)?) => {
        $(mod $file;)*
        /// Every known operator.
        pub(crate) static ALL: &[&dyn Operator] = &[$(&$file::$name),*];
    };
}

operators! {
    conv::Conv,
    unary::Unary,
}

#[cfg(test)]
pub(crate) mod testing {
    //! Infers one operator call outside any graph.

    use crate::{Attrs, Call, Fact, Node, OpError, OpType, Phase, Work};

    /// Results and work of `op` applied to `inputs`.
    pub fn run(op: &str, attrs: Attrs, inputs: &[Fact]) -> Result<(Vec<Fact>, Work), OpError> {
        let op_type = OpType::new(op);
        let OpType::Known(_, operator) = &op_type else { panic!("{op} is not registered") };
        let node = Node {
            name: op.into(),
            op: op_type.clone(),
            attrs,
            inputs: vec![None; inputs.len()],
            outputs: vec![],
            phase: Phase::Forward,
        };
        let inputs: Vec<_> = inputs.iter().map(Some).collect();
        let call = Call { node: &node, inputs: &inputs, outputs: &[] };
        let outputs = operator.infer(&call)?;
        let work = operator.work(&Call { outputs: &outputs, ..call })?;
        Ok((outputs, work))
    }

    /// Shape of the first result.
    pub fn shape(op: &str, attrs: Attrs, inputs: &[Fact]) -> Result<Vec<u64>, OpError> {
        run(op, attrs, inputs).map(|(facts, _)| facts[0].shape.clone().expect("shape is known"))
    }
}
