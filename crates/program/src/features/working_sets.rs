//! PolyDL's working sets ("PolyDL: Polyhedral Optimizations for Creation of High-performance DL Primitives", Tavarageri
//! et al., TACO 2021): what is touched between an element's use and its next, and which cache has room for it.
//!
//! Each store is taken with the loops around it. A loop that an access does not move with brings the same element back:
//! a dependence, for reads as for writes. From its first source, the first trip of all loops, to the nearest and to the
//! farthest target, every element that is touched is counted, exactly, as a smaller and a larger working set. A
//! dependence that a parallel loop of n trips carries has, with the data U and C that the first and the last of them
//! touch together and in common, (U − C)·n/2 + C instead.
//!
//! Working sets, the smallest first and each once, are placed in caches: the larger one in the first that has room for
//! it; where there is room for the smaller one alone, that goes there, and the rest further out. Sizes are those of a
//! Xeon 8280: 32 KB, 1 MB, 39424 KB.
//!
//! One row a store: bytes placed in the first, second and third cache and in memory. [`Features::program`] is their sum.
//! Elements that come back because windows overlap are not counted as dependences, nor are accesses at positions that
//! depend on data.

use super::{
    FeatureSet, Features, Program, Rows,
    sets::{Product, Shape},
    walk::{Read, Site, Walk, extent, reads},
};
use crate::{BufferId, Error, Index, Mark, Nest, Result, Var};

pub(super) struct WorkingSets;

/// Bytes of the caches.
const CACHES: [u64; 3] = [32 << 10, 1 << 20, 39_424 << 10];

/// A buffer of a store, with every access to it.
struct Array<'a> {
    shape: Shape,
    accesses: Vec<&'a [Index]>,
    bytes: u64,
}

/// A store and its loops.
struct Kernel<'a> {
    arrays: Vec<Array<'a>>,
    /// Variable, trips, and whether they are shared out.
    loops: Vec<(Var, i64, bool)>,
}

/// First and last trip of each loop.
type Box = Vec<(i64, i64)>;

impl<'a> Kernel<'a> {
    /// `None` where there is too much to count.
    fn of(nest: &Nest, site: &'a Site<'_>) -> Option<Self> {
        let mut accesses: Vec<(BufferId, Vec<&'a [Index]>)> = vec![(site.buffer, vec![&site.index])];
        reads(&site.value, &mut |read| {
            let Read::Buffer { buffer, index, looked_up: None } = read else { return };
            match accesses.iter_mut().find(|(other, _)| *other == buffer) {
                Some((_, list)) if list.contains(&index) => {}
                Some((_, list)) => list.push(index),
                None => accesses.push((buffer, vec![index])),
            }
        });
        let array = |(id, accesses): (BufferId, Vec<&'a [Index]>)| {
            let buffer = nest.buffer(id);
            let shape = Shape::new(&buffer.extents(), &accesses)?;
            Some(Array { shape, accesses, bytes: buffer.dtype.bits().div_ceil(8) })
        };
        let shared = |var: Var| nest.loops.get(var as usize).is_some_and(|l| l.mark == Mark::Parallel);
        let one = |&(var, _): &(Var, usize)| Some((var, i64::try_from(extent(nest, var)).ok()?, shared(var)));
        Some(Self {
            arrays: accesses.into_iter().map(array).collect::<Option<_>>()?,
            loops: site.loops.iter().map(one).collect::<Option<_>>()?,
        })
    }

    /// Bytes of an array that any of the boxes touches.
    fn touched(&self, array: &Array<'_>, boxes: &[Box]) -> Option<u64> {
        let mut products: Vec<Product> = Vec::new();
        for trips in boxes {
            let interval = |var: Var| {
                let at = self.loops.iter().position(|(other, ..)| *other == var);
                at.and_then(|at| trips.get(at).copied()).unwrap_or((0, 0))
            };
            for access in &array.accesses {
                products.push(array.shape.image(access, &interval)?);
            }
        }
        Some(array.shape.count(&products)?.saturating_mul(array.bytes))
    }

    fn size(&self, boxes: &[Box]) -> Option<u64> {
        self.arrays.iter().map(|array| self.touched(array, boxes)).sum()
    }

    /// All iterations from the first one up to `to`, in order.
    fn up_to(&self, to: &[i64]) -> Vec<Box> {
        let point = |i: usize| (to[i], to[i]);
        let mut boxes: Vec<Box> = vec![(0..to.len()).map(point).collect()];
        for depth in (0..to.len()).filter(|&depth| to[depth] > 0) {
            let along = |i: usize| match i.cmp(&depth) {
                std::cmp::Ordering::Less => point(i),
                std::cmp::Ordering::Equal => (0, to[i] - 1),
                std::cmp::Ordering::Greater => (0, self.loops[i].1 - 1),
            };
            boxes.push((0..to.len()).map(along).collect());
        }
        boxes
    }

    /// Of the dependence of an access that this loop carries: the smaller and the larger working set.
    fn working_set(&self, access: &[Index], depth: usize) -> Option<(u64, u64)> {
        let still = |at: usize| !access.iter().any(|index| index.has(self.loops[at].0));
        let (_, trips, shared) = self.loops[depth];
        if shared {
            let only = |trip: i64| -> Vec<Box> {
                let along = |i: usize| match i.cmp(&depth) {
                    std::cmp::Ordering::Less => (0, 0),
                    std::cmp::Ordering::Equal => (trip, trip),
                    std::cmp::Ordering::Greater => (0, self.loops[i].1 - 1),
                };
                vec![(0..self.loops.len()).map(along).collect()]
            };
            let (first, last) = (only(0), only(trips - 1));
            let union = self.size(&[first.clone(), last.clone()].concat())?;
            let common = (self.size(&first)? + self.size(&last)?).saturating_sub(union);
            let size = ((union - common) as f64 * trips as f64 / 2.0) as u64 + common;
            return Some((size, size));
        }
        let nearest: Vec<i64> = (0..self.loops.len()).map(|i| i64::from(i == depth)).collect();
        let last = |i: usize| if i >= depth && still(i) { self.loops[i].1 - 1 } else { 0 };
        let farthest: Vec<i64> = (0..self.loops.len()).map(last).collect();
        Some((self.size(&self.up_to(&nearest))?, self.size(&self.up_to(&farthest))?))
    }

    /// All working sets in bytes, the smallest first, each once.
    fn working_sets(&self) -> Option<Vec<(u64, u64)>> {
        let mut found = Vec::new();
        for access in self.arrays.iter().flat_map(|array| &array.accesses) {
            for depth in 0..self.loops.len() {
                let (var, trips, _) = self.loops[depth];
                if trips > 1 && !access.iter().any(|index| index.has(var)) {
                    found.push(self.working_set(access, depth)?);
                }
            }
        }
        found.retain(|&(_, max)| max > 0);
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

/// Bytes in each cache and in memory.
fn placed(sets: &[(u64, u64)]) -> [f64; 4] {
    let mut placed = [0u64; 4];
    for &(min, max) in sets {
        let mut left = max;
        let mut smaller = Some(min);
        for (used, size) in placed.iter_mut().zip(CACHES) {
            if left == 0 {
                break;
            }
            let room = size - *used;
            if left <= room {
                *used += left;
                left = 0;
            } else if let Some(min) = smaller.filter(|&min| min <= room) {
                *used += min;
                left -= min;
                smaller = None;
            }
        }
        placed[3] += left;
    }
    placed.map(|bytes| bytes as f64)
}

impl FeatureSet for WorkingSets {
    fn name(&self) -> &'static str {
        "working-sets"
    }

    fn rows(&self) -> Rows {
        Rows::Stores
    }

    fn columns(&self, _program: &Program<'_>) -> Vec<String> {
        ["first cache", "second cache", "third cache", "memory"].map(String::from).to_vec()
    }

    fn extract(&self, program: &Program<'_>) -> Result<Features> {
        let nest = program.nest();
        let walk = Walk::of(nest);
        let mut rows = Vec::new();
        let mut sum = vec![0.0; 4];
        for site in walk.sites.iter().filter(|site| !matches!(*site.value, crate::Expr::Const(_))) {
            let sets = Kernel::of(nest, site).and_then(|kernel| kernel.working_sets());
            let name = &nest.buffer(site.buffer).name;
            let sets = sets.ok_or_else(|| Error::lower(name, "touches more than can be counted"))?;
            let row = placed(&sets);
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            rows.push(row.to_vec());
        }
        Ok(Features { program: sum, ..Features::rows(4, rows) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Program, named, tests::matmul};
    use super::*;
    use crate::Schedule;

    fn sets(schedule: &Schedule) -> Vec<(u64, u64)> {
        let workload = matmul(4, 8, 16);
        let nest = schedule.lower(&workload).unwrap();
        let walk = Walk::of(&nest);
        Kernel::of(&nest, walk.sites.last().unwrap()).unwrap().working_sets().unwrap()
    }

    #[test]
    fn a_product_of_matrices() {
        // for i < 4, j < 16, k < 8: y[i, j] += x[i, k] · w[k, j], in elements of four bytes.
        // y by k: from k = 0 to 1, 1 + 2 + 2; to 7, 1 + 8 + 8.
        // x by j: to (0, 1, 0), 2 of y, 8 of x, 8 + 1 of w; to (0, 15, 0), 16 + 8 + 15·8 + 1.
        // w by i: to (1, 0, 0), 16 + 1 of y, 8 + 1 of x, all 128 of w; to (3, 0, 0), 48 + 1, 24 + 1, 128.
        let expected = [(5, 17), (19, 145), (154, 202)].map(|(a, b)| (4 * a, 4 * b));
        assert_eq!(sets(&Schedule::new()), expected);
        let set = named("working-sets").unwrap();
        let workload = matmul(4, 8, 16);
        let schedule = Schedule::new();
        let features = set.extract(&Program::new(&workload, &schedule).unwrap()).unwrap();
        assert_eq!(features.values, [4.0 * (17 + 145 + 202) as f64, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_parallel_loop_shares_what_it_reads() {
        // w by i, which is parallel: one trip touches 16 of y, 8 of x, 128 of w; first and last have w in common. So
        // (176 − 128)·4/2 + 128.
        let found = sets(&Schedule::new().parallel("matmul", "i"));
        assert!(found.contains(&(4 * 224, 4 * 224)), "{found:?}");
    }

    #[test]
    fn tiles_are_counted() {
        // k outside of everything: y comes back after a pass over i and j.
        let found = sets(&Schedule::new().split("matmul", "k", &[4]).reorder("matmul", &["k.0", "i", "j", "k.1"]));
        // To k.0 = 1: all 64 of y, 16 + 1 of x, 64 + 1 of w; to (1, 0, 0, 3): 64, 16 + 4, 64 + 4.
        assert!(found.contains(&(4 * 146, 4 * 152)), "{found:?}");
    }

    #[test]
    fn the_larger_set_goes_where_there_is_room() {
        assert_eq!(placed(&[(1 << 10, 4 << 10), (20 << 10, 40 << 10)]), [24.0 * 1024.0, 20.0 * 1024.0, 0.0, 0.0]);
        assert_eq!(placed(&[(64 << 20, 128 << 20)]), [0.0, 0.0, 0.0, (128u64 << 20) as f64]);
    }
}
