//! Operators whose results only the file can describe: their shapes are those that it states.
//!
//! Handles and contents of variables and tables; random numbers of a computed shape; StableHLO's gather, scatter, sort
//! and reductions by a graph; custom operators of TFLite that many files have, whose settings no schema describes. Those
//! that compute cost one operation per element of the first result, reductions one per element of their first operand.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Stated;

impl Operator for Stated {
    fn names(&self) -> &'static [&'static str] {
        &[
            "AudioSpectrogram",
            "DetectionPostProcess",
            "GatherSlices",
            "Hashtable",
            "HashtableSize",
            "Iota",
            "LshProjection",
            "MaxPoolingWithArgmax2D",
            "MaxUnpooling2D",
            "Mfcc",
            "PoseDecoder",
            "RandomBits",
            "RandomOfShape",
            "ReadVariable",
            "ReduceBy",
            "ScatterSlices",
            "SignalFilter",
            "SkipGram",
            "Sort",
            "VarHandle",
        ]
    }

    fn infer(&self, _: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Err(OpError::Unknown)
    }

    fn class(&self, node: &Node) -> Class {
        match node.op.name() {
            "AudioSpectrogram" | "LshProjection" | "Mfcc" | "RandomBits" | "RandomOfShape" | "SignalFilter" => {
                Class::Elementwise
            }
            "MaxPoolingWithArgmax2D" | "ReduceBy" => Class::Reduction,
            _ => Class::Movement,
        }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "DetectionPostProcess" => &[Role::Data, Role::Data, Role::Setting],
            "GatherSlices" | "ScatterSlices" => &[Role::Data, Role::Coordinates, Role::Data],
            "Hashtable" | "Iota" | "VarHandle" => &[],
            "HashtableSize" | "ReadVariable" => &[Role::Setting],
            "LshProjection" => &[Role::Weight, Role::Data, Role::Factor],
            "PoseDecoder" | "ReduceBy" | "SignalFilter" | "Sort" => return Some(Role::Data),
            "MaxUnpooling2D" | "Mfcc" => &[Role::Data, Role::Setting],
            "RandomOfShape" => &[Role::Shape],
            _ => &[Role::Data],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        match (self.class(call.node), call.node.op.name()) {
            (_, "VarHandle" | "Hashtable") => Ok(Work::VIEW),
            (Class::Movement, _) => Ok(Work::MOVE),
            (Class::Reduction, _) => product(call.shape(0)?.iter().copied()).map(Work::flops),
            _ => call.output_elements(0).map(Work::flops),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{OpError, attrs};

    #[test]
    fn nothing_is_inferred() {
        assert_eq!(run("ReadVariable", attrs([]), &[f32(&[1])]), Err(OpError::Unknown));
    }
}
