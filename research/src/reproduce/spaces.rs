//! What HELP's networks are: costs that times are linear in, and which operator stands where.

use anyhow::Result;
use tachograph_features::kind_costs;
use tachograph_import::nas::nasbench201::{Cell, EDGES, Edge};
use tachograph_ir::BoundGraph;

/// A network in two ways.
pub struct Described {
    /// Quantities that the time of a device may be linear in.
    pub costs: Vec<f64>,
    /// Which operator stands where, to smooth times with.
    pub description: Vec<f64>,
}

/// Costs: edges of each operation, all and on a path from input to output only; sums of them and the longest path.
/// Description: operation of each edge, of each edge on a path, and of each pair of edges.
pub fn nas_bench_201(name: &str, _: &BoundGraph) -> Result<Described> {
    let cell: Cell = name.parse()?;
    let live = cell.live();
    let count = |keep: &dyn Fn(usize) -> bool| {
        Edge::ALL.map(|op| (0..6).filter(|&i| keep(i) && cell.0[i] == op).count() as f64)
    };
    let sums = (1..4).map(|node| (0..6).filter(|&i| live[i] && EDGES[i].1 == node).count().saturating_sub(1));
    let mut depth = [Some(0.0), None, None, None];
    for (i, &(from, to)) in EDGES.iter().enumerate().filter(|(i, _)| live[*i]) {
        let step = f64::from(cell.0[i] != Edge::Skip);
        let arrives = depth[from].map(|d: f64| d + step);
        depth[to] = [depth[to], arrives].into_iter().flatten().reduce(f64::max);
    }
    let structure = [sums.sum::<usize>() as f64, depth[3].unwrap_or(0.0)];
    let costs = [&count(&|_| true)[..], &count(&|i| live[i])[1..], &structure].concat();
    let is = |i: usize, op: Edge| f64::from(cell.0[i] == op);
    let mut description = structure.to_vec();
    description.push(f64::from(live.contains(&true)));
    for (i, &alive) in live.iter().enumerate() {
        for op in Edge::ALL {
            description.extend([is(i, op), f64::from(alive) * is(i, op)]);
            description.extend((0..i).flat_map(|j| Edge::ALL.map(|other| is(i, op) * is(j, other))));
        }
    }
    Ok(Described { costs, description })
}

/// Costs: operations, bytes and number of kernels by kind. Description: the block of each position, and whether it and
/// the one before it are both there.
pub fn fbnet(name: &str, bound: &BoundGraph) -> Result<Described> {
    const BLOCKS: usize = 9;
    let blocks = name.split('|').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let mut description: Vec<f64> =
        blocks.iter().flat_map(|&block| (0..BLOCKS).map(move |b| f64::from(b == block))).collect();
    let there = |block: usize| block != BLOCKS - 1;
    description.extend(blocks.windows(2).map(|pair| f64::from(pair.iter().all(|&block| there(block)))));
    let costs = kind_costs(bound)?.iter().flat_map(|cost| [cost.flops, cost.bytes, cost.nodes]).collect();
    Ok(Described { costs, description })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_differ_by_what_is_live() {
        let of = |name: &str| nas_bench_201(name, &bound()).unwrap();
        // The second has a convolution on an edge from which no path goes on.
        let chain = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_3x3~2|";
        let (dead, alive) = (of(&chain.replace("|none~0|nor_conv_3x3~1|", "|nor_conv_3x3~0|none~1|")), of(chain));
        assert_eq!((dead.costs.len(), dead.description.len()), (alive.costs.len(), alive.description.len()));
        let depth = |described: &Described| *described.costs.last().unwrap();
        assert_eq!((depth(&alive), depth(&dead)), (3.0, 2.0));
        assert!(nas_bench_201("no cell", &bound()).is_err());
    }

    /// Any graph: cells are described by name.
    fn bound() -> BoundGraph {
        let mut builder = tachograph_ir::Builder::new("x");
        let x = builder.input("x", tachograph_ir::DType::F32, vec![1.into(), 3.into(), 8.into(), 8.into()]);
        let x = builder.conv(x, 4, [3, 3], 1, 1, 1, true).unwrap();
        builder.finish(&[x]).unwrap().bind(&Default::default()).unwrap()
    }

    #[test]
    fn blocks_of_fbnet_are_placed() {
        let described = fbnet("0|8|3", &bound()).unwrap();
        let places: Vec<usize> = (0..27).filter(|&i| described.description[i] == 1.0).collect();
        assert_eq!(places, [0, 17, 21]);
        assert_eq!(described.description[27..], [0.0, 0.0], "block 8 is none, so that no pair is there");
    }
}
