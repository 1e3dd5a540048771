//! Elements, or slices along an axis, without repetition, where they first occur, what each place holds, and how often.
//! How many there are is known only where the elements are.

use super::{axes, values::small};
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Value};

pub(super) struct Unique;

impl Operator for Unique {
    fn names(&self) -> &'static [&'static str] {
        &["Unique"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, dtype) = (call.shape(0)?, call.dtype(0)?);
        let whole = call.attrs().get("axis").is_none();
        let places = match whole {
            true => axes::product(x.iter().copied())?,
            false => x[axes::axis(call.int("axis", 0), x)?],
        };
        let value = call.input(0)?.value.as_ref().and_then(Value::ints);
        if let Some(value) = value.filter(|v| whole && small(x) == Some(v.len())) {
            return Ok(distinct(value, dtype, call.int("sorted", 1) != 0));
        }
        let count = || Fact::unknown(DType::I64);
        Ok(vec![Fact::unknown(dtype), count(), Fact::new(DType::I64, [places]), count()])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }
}

fn distinct(value: &[i64], dtype: DType, sorted: bool) -> Vec<Fact> {
    // Each element with the place where it first occurs.
    let mut found: Vec<(i64, usize)> = Vec::new();
    let mut order: Vec<usize> = (0..value.len()).collect();
    order.sort_by_key(|&i| (value[i], i));
    for i in order {
        if found.last().is_none_or(|(v, _)| *v != value[i]) {
            found.push((value[i], i));
        }
    }
    if !sorted {
        found.sort_by_key(|(_, first)| *first);
    }
    let mut places: Vec<(i64, usize)> = found.iter().enumerate().map(|(place, (v, _))| (*v, place)).collect();
    places.sort_unstable();
    let place = |v: &i64| places.binary_search_by_key(v, |(v, _)| *v).map_or(0, |at| places[at].1);
    let inverse: Vec<i64> = value.iter().map(|v| place(v) as i64).collect();
    let mut counts = vec![0; found.len()];
    inverse.iter().for_each(|&at| counts[at as usize] += 1);
    let list = |dtype, v: Vec<i64>| Fact::new(dtype, [v.len() as u64]).with_value(Some(Value::Ints(v)));
    vec![
        list(dtype, found.iter().map(|(v, _)| *v).collect()),
        list(DType::I64, found.iter().map(|(_, first)| *first as i64).collect()),
        list(DType::I64, inverse),
        list(DType::I64, counts),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, ints};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn known_elements() {
        let x = ints(&[2, 1, 1, 3, 4, 3]);
        let unique = |attrs| call("Unique", attrs, &[Some(&x)], 4).unwrap().0;
        let sorted = [ints(&[1, 2, 3, 4]), ints(&[1, 0, 3, 4]), ints(&[1, 0, 0, 2, 3, 2]), ints(&[2, 1, 2, 1])];
        assert_eq!(unique(attrs([])), sorted);
        let as_found = [ints(&[2, 1, 3, 4]), ints(&[0, 1, 3, 4]), ints(&[0, 1, 1, 2, 3, 2]), ints(&[1, 2, 2, 1])];
        assert_eq!(unique(attrs([("sorted", Attr::Int(0))])), as_found);
    }

    #[test]
    fn only_the_inverse_has_a_shape_where_elements_are_not_known() {
        let x = f32(&[3, 4]);
        let facts = call("Unique", attrs([("axis", Attr::Int(0))]), &[Some(&x)], 4).unwrap().0;
        assert_eq!((&facts[0], &facts[2]), (&Fact::unknown(DType::F32), &Fact::new(DType::I64, [3])));
        assert!(call("Unique", attrs([("axis", Attr::Int(2))]), &[Some(&x)], 1).is_err());
    }
}
