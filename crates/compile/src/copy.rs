//! Copies of tensors into another order.

use tachograph_ir::TensorId;
use tachograph_program::{Builder, Layout, Nest, Schedule};

use crate::{Network, Result, formula, order};

/// A copy of a tensor.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The order in which it lies.
    pub from: Layout,
    /// The order into which it is copied.
    pub to: Layout,
    /// Bytes of the copy.
    pub bytes: u64,
}

/// What copies take, by how many times as long as a formula says those take that were timed: from this order into that one, and all
/// together, for orders of which none was.
#[derive(Clone, Debug)]
pub struct Copies {
    orders: Vec<([Layout; 2], f64)>,
    all: f64,
}

impl Default for Copies {
    /// What the formula says.
    fn default() -> Self {
        Self { orders: Vec::new(), all: 1.0 }
    }
}

impl Copies {
    /// By copies and the milliseconds that each took. `None` where there are none.
    pub fn timed<'a>(copies: impl IntoIterator<Item = (&'a Copied, f64)>) -> Option<Self> {
        let mut of: Vec<([Layout; 2], [f64; 2])> = Vec::new();
        for (copied, ms) in copies {
            let at = of.iter().position(|([from, to], _)| *from == copied.from && *to == copied.to);
            let at = at.unwrap_or_else(|| {
                of.push(([copied.from.clone(), copied.to.clone()], [0.0; 2]));
                of.len() - 1
            });
            let (_, [took, formula]) = &mut of[at];
            *took += ms;
            *formula += formula::copy_ms(copied.bytes);
        }
        let sum = |i: usize| of.iter().map(|(_, sums)| sums[i]).sum::<f64>();
        let all = sum(0) / sum(1);
        let each = |(orders, [took, formula]): ([Layout; 2], [f64; 2])| (orders, took / formula);
        all.is_finite().then(|| Self { orders: of.into_iter().map(each).collect(), all })
    }

    /// Milliseconds of a copy.
    pub fn of(&self, copied: &Copied) -> f64 {
        self.ms([&copied.from, &copied.to], copied.bytes)
    }

    /// Milliseconds of a copy of so many bytes from one order into another.
    pub fn ms(&self, [from, to]: [&Layout; 2], bytes: u64) -> f64 {
        let own = self.orders.iter().find(|([f, t], _)| f == from && t == to);
        own.map_or(self.all, |(_, factor)| *factor) * formula::copy_ms(bytes)
    }
}

/// Loops that copy a tensor from one order to another, in that of the result, shared among threads.
pub fn nest(network: &Network<'_>, id: TensorId, from: &Layout, to: &Layout, threads: u32) -> Result<Nest> {
    let (shape, dtype) = (network.shape(id), network.bound.fact(id).dtype);
    let names: Vec<String> = (0..shape.len()).map(|axis| format!("a{axis}")).collect();
    let axes: Vec<(&str, u64)> = names.iter().map(String::as_str).zip(shape.iter().copied()).collect();
    let mut b = Builder::new("copy");
    let x = b.input("x", dtype, shape)?;
    let y = b.map("y", &axes, |i| tachograph_program::Expr::Load(x, i.to_vec()))?;
    let workload = b.finish(&[y])?;
    let rank = shape.len();
    let (from, to) = (order::complete(from, rank), order::complete(to, rank));
    let mut schedule = Schedule::new().layout("x", &from.to_string()).layout("y", &to.to_string());
    // Blocks of the result are loops of their own, in its order.
    let blocks = |axis: usize| {
        let mut blocks: Vec<u64> = to.dims.iter().filter(|dim| dim.axis == axis).map(|dim| dim.divide).collect();
        blocks.sort_unstable_by(|a, b| b.cmp(a));
        blocks
    };
    for (axis, name) in names.iter().enumerate() {
        let factors: Vec<u64> = blocks(axis).windows(2).map(|pair| pair[0] / pair[1].max(1)).collect();
        if !factors.is_empty() {
            schedule = schedule.split("y", name, &factors);
        }
    }
    let part = |dim: &tachograph_program::LayoutDim| match blocks(dim.axis).as_slice() {
        [_] => names[dim.axis].clone(),
        blocks => format!("{}.{}", names[dim.axis], blocks.iter().position(|&b| b == dim.divide).unwrap_or(0)),
    };
    let loops: Vec<String> = to.dims.iter().map(part).collect();
    let loops: Vec<&str> = loops.iter().map(String::as_str).collect();
    Ok(schedule.reorder("y", &loops).among(&workload, threads.into())?.schedule.lower(&workload)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_take_what_others_between_the_same_orders_took() {
        let names = ["i", "j"].map(String::from);
        let [rows, columns] = ["i j", "j i"].map(|text| Layout::parse(text, &names).unwrap());
        let copied = |from: &Layout, to: &Layout, bytes| Copied { from: from.clone(), to: to.clone(), bytes };
        let timed = [(copied(&rows, &columns, 1 << 20), 4.0), (copied(&columns, &rows, 1 << 20), 1.0)];
        let copies =
            Copies::timed(timed.iter().map(|(copied, factor)| (copied, factor * formula::copy_ms(copied.bytes))))
                .unwrap();
        let factor = |from, to| copies.ms([from, to], 4096) / formula::copy_ms(4096);
        assert!((factor(&rows, &columns) - 4.0).abs() < 1e-9);
        assert!((factor(&columns, &rows) - 1.0).abs() < 1e-9);
        // Nothing is known of these: all that were timed took two and a half times as long.
        assert!((factor(&rows, &rows) - 2.5).abs() < 1e-9);
        assert!(Copies::timed([]).is_none());
    }
}
