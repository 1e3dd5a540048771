//! Deterministic stand-ins for weights and inputs, so that any other program can make the same ones.
//!
//! Element `i` of tensor `t` is `u = hash(i + 2³²·φ·t) / 2³² − ½`, scaled by the role of the tensor:
//! `u·√(24 / fan_in)` for the weights of matrix products and convolutions (He initialisation, uniform),
//! `1 + u` for scales and variances of normalisations, scales of quantisations and other factors and divisors, `u / 5`
//! for every other weight, `2u` for inputs.
//! Integer inputs are `hash mod n` with `n` the extent that the input indexes, and 1 where they divide; quantised data and weights, of 8 or 16
//! bits, are `hash mod 128`.

use crate::{BoundGraph, DType, Graph, Node, Role, TensorId, TensorKind, elements};

/// How the elements of a tensor are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// Weight of a matrix product or convolution with this many inputs per output.
    Weight {
        /// Products summed per output element.
        fan_in: u64,
    },
    /// Positive, around one.
    Positive,
    /// Small, around zero.
    Small,
    /// Input of the network, in [−1, 1).
    Input,
    /// Integer below this bound.
    Index(u64),
    /// Integer that others are divided by: 1.
    Divisor,
}

impl Fill {
    /// The role of `id` in its graph, from the first node that reads it.
    pub fn of(bound: &BoundGraph, id: TensorId) -> Self {
        let graph = bound.graph();
        let input = graph.tensor(id).kind == TensorKind::Input;
        let integer = bound.fact(id).dtype.is_integer();
        let uses = || {
            graph.nodes().flat_map(move |(_, node)| {
                let slots = node.inputs.iter().enumerate();
                slots.filter(move |(_, t)| **t == Some(id)).map(move |(slot, _)| (node, slot))
            })
        };
        let divides = |(node, slot): (&Node, usize)| slot == 1 && matches!(node.op.name(), "Div" | "Mod");
        if integer && uses().any(divides) {
            return Self::Divisor;
        }
        if integer {
            return Self::Index(index_bound(bound, graph, id));
        }
        let Some((node, slot)) = uses().next() else { return Self::Small };
        match node.role(slot) {
            _ if input => Self::Input,
            Role::Weight | Role::Matrix if slot > 0 => {
                fan_in(bound, node, slot).map_or(Self::Small, |fan_in| Self::Weight { fan_in })
            }
            Role::Scale | Role::Variance | Role::Factor | Role::Setting => Self::Positive,
            _ => Self::Small,
        }
    }

    /// Elements `0..n` of the tensor numbered `stream`.
    pub fn floats(self, stream: u32, n: usize) -> Vec<f32> {
        let (scale, offset) = match self {
            Self::Weight { fan_in } => ((24.0 / fan_in.max(1) as f32).sqrt(), 0.0),
            Self::Positive => (1.0, 1.0),
            Self::Small => (0.2, 0.0),
            Self::Input => (2.0, 0.0),
            Self::Index(_) => (0.0, 0.0),
            Self::Divisor => (0.0, 1.0),
        };
        let unit = |i| (hash(stream, i) >> 8) as f32 * (1.0 / (1 << 24) as f32) - 0.5;
        (0..n as u32).map(|i| unit(i) * scale + offset).collect()
    }

    /// Elements `0..n` of the integer tensor numbered `stream`.
    pub fn integers(self, stream: u32, n: usize) -> Vec<i64> {
        let Self::Index(bound) = self else { return vec![1; n] };
        (0..n as u32).map(|i| i64::from(hash(stream, i)) % bound.max(1) as i64).collect()
    }
}

/// Products with the weight at `slot` that are summed per element of the result; `None` where nothing is summed.
fn fan_in(bound: &BoundGraph, node: &Node, slot: usize) -> Option<u64> {
    let shape = |tensors: &[Option<TensorId>], i: usize| bound.shape(tensors.get(i).copied().flatten()?);
    let (weight, result) = (shape(&node.inputs, slot)?, shape(&node.outputs, 0)?);
    match (node.role(slot), weight) {
        _ if node.class().convolves() => elements(weight)?.checked_div(*result.get(1)?),
        (Role::Matrix, [k] | [.., k, _]) => Some(*k),
        // Whichever way it is transposed, one extent is that of the result.
        (Role::Weight, [_, _]) if node.class().multiplies() => elements(weight)?.checked_div(*result.last()?),
        _ => None,
    }
}

/// The extent that an integer tensor indexes: the smallest that any node reading it as positions selects from.
fn index_bound(bound: &BoundGraph, graph: &Graph, id: TensorId) -> u64 {
    let reads = |(_, node): (_, &Node)| {
        (0..node.inputs.len()).find(|&i| node.inputs[i] == Some(id) && node.role(i) == Role::Index)?;
        let data = node.inputs.first().copied().flatten()?;
        let extents = bound.shape(data)?;
        let axis = node.int("axis").unwrap_or(0);
        let axis = if axis < 0 { axis.checked_add(extents.len() as i64)? } else { axis };
        extents.get(usize::try_from(axis).ok()?).copied()
    };
    let smallest = graph.nodes().filter_map(reads).min();
    let computes = |(_, node): (_, &Node)| {
        let role =
            |i: usize| matches!(node.role(i), Role::Data | Role::Weight | Role::Matrix | Role::Term | Role::Factor);
        (0..node.inputs.len()).any(|i| node.inputs[i] == Some(id) && role(i))
    };
    smallest.unwrap_or_else(|| match bound.fact(id).dtype {
        DType::Bool => 2,
        DType::I8 | DType::U8 | DType::I16 | DType::U16 if graph.nodes().any(computes) => 128,
        DType::I4 | DType::U4 if graph.nodes().any(computes) => 8,
        _ => 1,
    })
}

/// Murmur3's finaliser over a Weyl sequence.
fn hash(stream: u32, i: u32) -> u32 {
    let mut h = i.wrapping_add(stream.wrapping_mul(0x9E37_79B9));
    h ^= h >> 16;
    h = h.wrapping_mul(0x85EB_CA6B);
    h ^= h >> 13;
    h = h.wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_and_reproducible() {
        let values = Fill::Input.floats(3, 10_000);
        let mean: f32 = values.iter().sum::<f32>() / 1e4;
        assert!(mean.abs() < 0.02 && values.iter().all(|v| (-1.0..1.0).contains(v)), "{mean}");
        assert_eq!(hash(1, 2), hash(1, 2));
        assert!(Fill::Index(7).integers(0, 1000).iter().all(|v| (0..7).contains(v)));
    }
}
