//! Sets of elements of a buffer, counted exactly: unions of products of sets of positions, one for each dimension, or for
//! a few dimensions together where loops move them together.

use std::collections::HashMap;

use crate::{Atom, Index, Var};

/// Positions along a dimension, or of dimensions together in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    fn set(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
    }

    fn has(&self, i: usize) -> bool {
        self.0[i / 64] >> (i % 64) & 1 == 1
    }

    fn is_in(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & !b == 0)
    }
}

/// A product of sets of positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Product(Vec<Bits>);

/// First and last value of each variable; one value where there is none.
pub(super) type Intervals<'a> = &'a dyn Fn(Var) -> (i64, i64);

/// How the dimensions of a buffer are taken together.
pub(super) struct Shape {
    extents: Vec<usize>,
    /// Dimensions that have a variable in common in some access.
    groups: Vec<Vec<usize>>,
}

/// More positions or points than this are not counted.
const MOST: usize = 1 << 22;

impl Shape {
    /// For these accesses of a buffer. `None` where it is too large along dimensions that move together.
    pub fn new(extents: &[u64], accesses: &[&[Index]]) -> Option<Self> {
        let extents: Vec<usize> = extents.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<_>>()?;
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for dim in 0..extents.len() {
            let vars = |dims: &[usize]| {
                let mut found: Vec<(usize, Var)> = Vec::new();
                for (i, access) in accesses.iter().enumerate() {
                    let own = dims.iter().filter_map(|&dim| access.get(dim));
                    own.for_each(|index| index.each_var(&mut |var| found.push((i, var))));
                }
                found
            };
            let own = vars(&[dim]);
            let (with, without): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|group| vars(group).iter().any(|var| own.contains(var)));
            groups = without;
            groups.push(with.concat().into_iter().chain([dim]).collect());
        }
        let fits = |group: &Vec<usize>| {
            let size = group.iter().try_fold(1usize, |n, &dim| n.checked_mul(extents[dim]));
            size.is_some_and(|size| size <= MOST)
        };
        groups.iter().all(fits).then_some(Self { extents, groups })
    }

    /// What an access touches while variables go through intervals. `None` where that has too many points.
    pub fn image(&self, index: &[Index], intervals: Intervals<'_>) -> Option<Product> {
        let groups = self.groups.iter().map(|group| match group.as_slice() {
            [dim] if index.get(*dim).is_some_and(is_linear) => Some(self.sums(*dim, &index[*dim], intervals)),
            _ => self.points(group, index, intervals),
        });
        groups.collect::<Option<_>>().map(Product)
    }

    /// All sums of multiples of values.
    fn sums(&self, dim: usize, index: &Index, intervals: Intervals<'_>) -> Bits {
        let extent = self.extents[dim] as i64;
        let mut values = std::collections::BTreeSet::from([index.offset()]);
        let mut solid: Option<(i64, i64)> = Some((index.offset(), index.offset()));
        // From the smallest step up, so that what is without gaps stays so as long as it can.
        let mut terms: Vec<(i64, i64, i64)> = Vec::new();
        for (atom, coefficient) in index.terms() {
            if let Atom::Var(var) = atom {
                let (first, last) = intervals(*var);
                terms.push((*coefficient, first, last));
            }
        }
        terms.sort_by_key(|(coefficient, ..)| coefficient.abs());
        for (coefficient, first, last) in terms {
            let ends = [first * coefficient, last * coefficient];
            let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            match solid {
                Some((min, max)) if coefficient.abs() <= max - min + 1 || low == high => {
                    solid = Some((min + low, max + high));
                }
                _ => {
                    if let Some((min, max)) = solid.take() {
                        values = (min..=max).collect();
                    }
                    values = (first..=last).flat_map(|v| values.iter().map(move |x| x + v * coefficient)).collect();
                }
            }
        }
        let mut bits = Bits::new(self.extents[dim]);
        match solid {
            Some((min, max)) => (min.max(0)..=max.min(extent - 1)).for_each(|i| bits.set(i as usize)),
            None => values.range(0..extent).for_each(|&i| bits.set(i as usize)),
        }
        bits
    }

    /// Of dimensions that move together, or with quotients and remainders: every point.
    fn points(&self, group: &[usize], index: &[Index], intervals: Intervals<'_>) -> Option<Bits> {
        let mut vars: Vec<Var> = Vec::new();
        group.iter().filter_map(|&dim| index.get(dim)).for_each(|i| i.each_var(&mut |var| vars.push(var)));
        vars.sort_unstable();
        vars.dedup();
        let ranges: Vec<(i64, i64)> = vars.iter().map(|&var| intervals(var)).collect();
        let count = ranges.iter().try_fold(1usize, |n, (a, b)| n.checked_mul(usize::try_from(b - a + 1).ok()?))?;
        if count > MOST {
            return None;
        }
        let size: usize = group.iter().map(|&dim| self.extents[dim]).product();
        let mut bits = Bits::new(size);
        let mut at = vec![0; vars.iter().max().map_or(0, |&var| var as usize + 1)];
        for mut n in 0..count as i64 {
            for (&var, (first, last)) in vars.iter().zip(&ranges) {
                at[var as usize] = first + n % (last - first + 1);
                n /= last - first + 1;
            }
            let flat = group.iter().try_fold(0usize, |flat, &dim| {
                let i = usize::try_from(index.get(dim)?.value(&at)).ok().filter(|&i| i < self.extents[dim])?;
                Some(flat * self.extents[dim] + i)
            });
            if let Some(flat) = flat {
                bits.set(flat);
            }
        }
        Some(bits)
    }

    /// Elements of the union.
    pub fn count(&self, products: &[Product]) -> Option<u64> {
        // What lies inside of another adds nothing.
        let inside = |a: &Product, b: &Product| a.0.iter().zip(&b.0).all(|(a, b)| a.is_in(b));
        let mut kept: Vec<&Product> = Vec::new();
        for product in products {
            if !kept.iter().any(|other| inside(product, other)) {
                kept.retain(|other| !inside(other, product));
                kept.push(product);
            }
        }
        let all = match kept.len() {
            0 => return Some(0),
            n @ 1..=63 => (1u64 << n) - 1,
            _ => return None,
        };
        Some(self.union(&kept, 0, all))
    }

    /// Of the products in `among`, from this group of dimensions on: positions that the same products have are alike.
    fn union(&self, products: &[&Product], group: usize, among: u64) -> u64 {
        let Some(dims) = self.groups.get(group) else { return u64::from(among != 0) };
        let size: usize = dims.iter().map(|&dim| self.extents[dim]).product();
        let mut alike: HashMap<u64, u64> = HashMap::new();
        for i in 0..size {
            let having = products.iter().enumerate().filter(|(_, product)| product.0[group].has(i));
            let mask = having.fold(0, |mask, (n, _)| mask | 1 << n) & among;
            if mask != 0 {
                *alike.entry(mask).or_default() += 1;
            }
        }
        alike.into_iter().map(|(mask, n)| n * self.union(products, group + 1, mask)).sum()
    }
}

fn is_linear(index: &Index) -> bool {
    index.terms().iter().all(|(atom, _)| matches!(atom, Atom::Var(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against enumeration: two boxes of three loops through an access with gaps, overlaps and shared variables.
        #[test]
        fn unions_are_counted(
            c in proptest::collection::vec(0i64..4, 6),
            ends in proptest::collection::vec((0i64..4, 0i64..4), 6),
            shared: bool,
        ) {
            let v = |var: Var| Index::var(var);
            let second = v(2) * c[2] + if shared { v(0) } else { Index::default() } + v(1).div(2) * c[4];
            let index = [v(0) * c[0] + v(1) * c[1] + c[5], second];
            let extents = [30u64, 20];
            let shape = Shape::new(&extents, &[&index]).unwrap();
            let boxes: Vec<Vec<(i64, i64)>> =
                ends.chunks(3).map(|b| b.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect()).collect();
            let products: Vec<Product> =
                boxes.iter().map(|b| shape.image(&index, &|var| b[var as usize]).unwrap()).collect();
            let mut expected = std::collections::HashSet::new();
            for b in &boxes {
                for n in 0..64i64 {
                    let at = [n % 4, n / 4 % 4, n / 16];
                    if at.iter().zip(b).all(|(x, (first, last))| (first..=last).contains(&x)) {
                        expected.insert(index.each_ref().map(|i| i.value(&at)));
                    }
                }
            }
            let inside = |e: &&[i64; 2]| e[0] < 30 && e[1] < 20;
            prop_assert_eq!(shape.count(&products), Some(expected.iter().filter(inside).count() as u64));
        }
    }
}
