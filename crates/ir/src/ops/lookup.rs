//! Rows found by number or by key.
//!
//! - EmbeddingLookupSparse(ids, indices, dense shape, weights, table): sums of weighted rows, (…, row) with all but the
//!   last extent of the dense shape; one multiply–accumulate per element of the rows read.
//! - HashtableLookup(ids, keys, values): the rows of the keys found, and which were found.
//! - HashtableFind(table, keys, default): one element a key.

use super::axes::{extents, product};
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role, Work};

pub(super) struct Lookup;

impl Operator for Lookup {
    fn names(&self) -> &'static [&'static str] {
        &["EmbeddingLookupSparse", "HashtableFind", "HashtableLookup"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let row = |i: usize| {
            let table = call.shape(i)?;
            table.get(1..).ok_or_else(|| OpError::Invalid(format!("a table of shape {table:?}")))
        };
        Ok(match call.node.op.name() {
            "HashtableFind" => vec![Fact::new(call.dtype(2)?, call.shape(1)?)],
            "HashtableLookup" => {
                let keys = call.shape(0)?;
                let found = Fact::new(DType::U8, keys);
                vec![Fact::new(call.dtype(2)?, [keys, row(2)?].concat()), found]
            }
            _ => {
                let dense = extents(call.ints(2)?)?;
                let outer = dense.split_last().map_or(&[][..], |(_, outer)| outer);
                vec![Fact::new(call.dtype(4)?, [outer, row(4)?].concat())]
            }
        })
    }

    fn class(&self, node: &Node) -> Class {
        if node.op.name() == "EmbeddingLookupSparse" { Class::Reduction } else { Class::Movement }
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "HashtableFind" => &[Role::Setting, Role::Data, Role::Setting],
            "HashtableLookup" => &[Role::Data, Role::Setting, Role::Weight],
            _ => &[Role::Data, Role::Coordinates, Role::Shape, Role::Factor, Role::Weight],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        if call.node.op.name() != "EmbeddingLookupSparse" {
            return Ok(Work::MOVE);
        }
        let row = call.shape(4)?.iter().skip(1).copied();
        product(call.shape(0)?.iter().copied().chain(row).chain([2])).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run};
    use crate::{DType, Fact, Work, attrs};

    #[test]
    fn sums_of_rows() {
        let operands = [f32(&[6]), f32(&[6, 2]), ints(&[3, 4]), f32(&[6]), f32(&[100, 8])];
        let (facts, work) = run("EmbeddingLookupSparse", attrs([]), &operands).unwrap();
        assert_eq!((&facts[0], work), (&f32(&[3, 8]), Work::flops(96)));
    }

    #[test]
    fn rows_and_elements_by_key() {
        let (facts, work) = run("HashtableLookup", attrs([]), &[f32(&[4]), f32(&[9]), f32(&[9, 2])]).unwrap();
        assert_eq!((facts, work), (vec![f32(&[4, 2]), Fact::new(DType::U8, [4])], Work::MOVE));
        assert_eq!(run("HashtableFind", attrs([]), &[f32(&[1]), f32(&[4]), f32(&[1])]).unwrap().0[0], f32(&[4]));
        assert!(run("HashtableLookup", attrs([]), &[f32(&[4]), f32(&[9]), f32(&[])]).is_err());
    }
}
