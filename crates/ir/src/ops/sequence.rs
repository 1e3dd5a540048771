//! Sequences of tensors: made, extended, cut, counted and read. A sequence refers to its tensors, and only what puts
//! tensors into one moves them.

use super::axes::{dtype, position};
use crate::{Call, Class, DType, Fact, Held, Node, OpError, Operator, Role, Value, Work};

pub(super) struct Sequence;

/// What the sequence at operand `i` holds.
fn held<'a>(call: &Call<'a>, i: usize) -> Result<&'a Held, OpError> {
    call.input(i)?.held.as_ref().ok_or(OpError::Unknown)
}

/// A known place in a sequence of `length`; the default where none is given.
fn place(call: &Call<'_>, i: usize, length: usize, default: i64) -> Result<usize, OpError> {
    let at = match call.optional(i) {
        Some(_) => call.ints(i)?.first().copied().ok_or(OpError::Unknown)?,
        None => default,
    };
    position(at, length).ok_or_else(|| format!("position {at} is outside a sequence of {length}").into())
}

fn at(call: &Call<'_>) -> Result<Fact, OpError> {
    match held(call, 0)? {
        Held::Alike(item) => Ok(item.as_ref().clone()),
        Held::Nothing => Err(OpError::Unknown),
        Held::Sequence(items) => match place(call, 1, items.len(), 0) {
            Ok(at) => Ok(items[at].clone()),
            Err(OpError::Unknown) => items.iter().cloned().reduce(|a, b| a.common(&b)).ok_or(OpError::Unknown),
            Err(error) => Err(error),
        },
    }
}

fn insert(call: &Call<'_>) -> Result<Fact, OpError> {
    let (sequence, new) = (call.input(0)?, call.input(1)?);
    let alike = |item: Fact| Fact::sequence_of(item.common(new));
    match held(call, 0)? {
        Held::Alike(item) => Ok(alike(item.as_ref().clone())),
        Held::Nothing => Err(OpError::Unknown),
        Held::Sequence(items) => {
            let mut items = items.clone();
            match insertion(call, items.len()) {
                Ok(at) => items.insert(at, new.clone()),
                Err(OpError::Unknown) => {
                    // Somewhere: no place keeps its tensor for sure, but the length is one more.
                    let common = items.iter().fold(new.clone(), Fact::common);
                    items = vec![common; items.len() + 1];
                }
                Err(error) => return Err(error),
            }
            Ok(Fact::sequence(sequence.dtype, items))
        }
    }
}

/// Where an insertion puts its tensor: at the end where no place is given.
fn insertion(call: &Call<'_>, length: usize) -> Result<usize, OpError> {
    let Some(at) = call.optional(2).map(|_| call.ints(2)).transpose()? else { return Ok(length) };
    let at = *at.first().ok_or(OpError::Unknown)?;
    match usize::try_from(at) {
        Ok(at) if at == length => Ok(length),
        _ => position(at, length).ok_or_else(|| format!("position {at} is outside a sequence of {length}").into()),
    }
}

fn erase(call: &Call<'_>) -> Result<Fact, OpError> {
    let sequence = call.input(0)?;
    match held(call, 0)? {
        Held::Alike(_) => Ok(sequence.clone()),
        Held::Nothing => Err(OpError::Unknown),
        Held::Sequence(items) => {
            let mut items = items.clone();
            match place(call, 1, items.len(), -1) {
                Ok(at) => drop(items.remove(at)),
                Err(OpError::Unknown) => {
                    let common = items.iter().cloned().reduce(|a, b| a.common(&b)).ok_or(OpError::Unknown)?;
                    items = vec![common; items.len() - 1];
                }
                Err(error) => return Err(error),
            }
            Ok(Fact::sequence(sequence.dtype, items))
        }
    }
}

impl Operator for Sequence {
    fn names(&self) -> &'static [&'static str] {
        &[
            "SequenceAt",
            "SequenceConstruct",
            "SequenceEmpty",
            "SequenceErase",
            "SequenceInput",
            "SequenceInsert",
            "SequenceLength",
        ]
    }

    /// `SequenceInput` is what an importer makes of an input that is a sequence: `length` tensors like its operand.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let fact = match call.node.op.name() {
            "SequenceAt" => at(call)?,
            "SequenceConstruct" => {
                let item = |i: usize| call.input(i).cloned();
                let items = (0..call.inputs.len()).map(item).collect::<Result<Vec<_>, _>>()?;
                Fact::sequence(items.first().map_or(DType::F32, |item| item.dtype), items)
            }
            "SequenceEmpty" => Fact::sequence(dtype(call, "dtype")?.unwrap_or(DType::F32), Vec::new()),
            "SequenceErase" => erase(call)?,
            "SequenceInput" => {
                let item = Fact { value: None, ..call.input(0)?.clone() };
                match usize::try_from(call.int("length", -1)) {
                    Ok(n) if n <= Value::MAX_ELEMENTS => Fact::sequence(item.dtype, vec![item; n]),
                    _ => Fact::sequence_of(item),
                }
            }
            "SequenceInsert" => insert(call)?,
            _ => {
                let length = match held(call, 0)? {
                    Held::Sequence(items) => Some(Value::Ints(vec![items.len() as i64])),
                    _ => None,
                };
                Fact::new(DType::I64, []).with_value(length)
            }
        };
        Ok(vec![fact])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "SequenceConstruct" => return Some(Role::Data),
            "SequenceEmpty" => &[],
            "SequenceInput" | "SequenceLength" => &[Role::Data],
            "SequenceInsert" => &[Role::Data, Role::Data, Role::Shape],
            _ => &[Role::Data, Role::Shape],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let moves = matches!(call.node.op.name(), "SequenceConstruct" | "SequenceInsert");
        Ok(if moves { Work::MOVE } else { Work::VIEW })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, run, value};
    use crate::{Attr, DType, Fact, Value, attrs};

    fn two() -> Fact {
        run("SequenceConstruct", attrs([]), &[f32(&[2, 3]), f32(&[4])]).unwrap().0[0].clone()
    }

    #[test]
    fn places_count_from_either_end() {
        let at = |n| run("SequenceAt", attrs([]), &[two(), int(n)]).map(|(facts, _)| facts[0].clone());
        assert_eq!((at(0).unwrap(), at(-1).unwrap()), (f32(&[2, 3]), f32(&[4])));
        assert!(at(2).is_err() && at(-3).is_err());
        let somewhere = run("SequenceAt", attrs([]), &[two(), Fact::new(DType::I64, [])]).unwrap();
        assert_eq!(somewhere.0[0], Fact::unknown(DType::F32));
    }

    #[test]
    fn insertion_and_erasure_change_the_length() {
        let insert = |at: Option<i64>| {
            let inputs: Vec<Fact> = [two(), f32(&[7])].into_iter().chain(at.map(int)).collect();
            run("SequenceInsert", attrs([]), &inputs).map(|(facts, _)| facts[0].clone())
        };
        let shapes = |fact: Fact| match fact.held {
            Some(crate::Held::Sequence(items)) => items.into_iter().map(|f| f.shape.unwrap()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(shapes(insert(None).unwrap()), [vec![2, 3], vec![4], vec![7]]);
        assert_eq!(shapes(insert(Some(0)).unwrap()), [vec![7], vec![2, 3], vec![4]]);
        assert_eq!(shapes(insert(Some(-1)).unwrap()), [vec![2, 3], vec![7], vec![4]]);
        assert_eq!(shapes(insert(Some(-2)).unwrap()), [vec![7], vec![2, 3], vec![4]]);
        assert!(insert(Some(3)).is_err());
        let erased = run("SequenceErase", attrs([]), &[two(), int(0)]).unwrap().0[0].clone();
        assert_eq!(shapes(erased), [[4]]);
        assert_eq!(value("SequenceLength", attrs([]), &[two()]), Value::Ints(vec![2]));
    }

    #[test]
    fn an_input_has_the_length_it_is_bound_to() {
        let input = |attrs| run("SequenceInput", attrs, &[f32(&[5])]).unwrap().0[0].clone();
        assert_eq!(input(attrs([("length", Attr::Int(3))])), Fact::sequence(DType::F32, vec![f32(&[5]); 3]));
        assert_eq!(input(attrs([])), Fact::sequence_of(f32(&[5])));
        let empty = run("SequenceEmpty", attrs([("dtype", Attr::Int(7))]), &[]).unwrap().0[0].clone();
        assert_eq!(empty, Fact::sequence(DType::I64, vec![]));
    }
}
