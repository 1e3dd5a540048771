//! GTuner's graph of the nest and its statistics ("GTuner: Tuning DNN Computations on GPU via Graph Attention Network",
//! Sun et al., DAC 2022). What its nodes carry was not published; this is our choice.
//!
//! A node for every loop and every store of what is run every time, in the order in which they begin, and one before
//! them for the program. Edges lead from what is around to what is inside, and from a store to the next one that reads
//! its buffer, each in both directions.
//!
//! | numbers of a node | |
//! |---|---|
//! | program, loop, store | three flags |
//! | mark of a loop | eleven flags, as those of AutoTVM's loops |
//! | what a store does | four flags: sets a constant, copies, reduces, computes |
//! | trips | log₂ of a loop's own |
//! | depth | loops around it |
//!
//! [`Features::program`] has the statistics: the means over the rows of `per-store`, as many as those have columns.

use std::collections::HashMap;

use super::{FeatureSet, Features, Program, Rows, itervar, per_store::PerStore, walk};
use crate::{BufferId, Expr, Nest, Result, Stmt};

pub(super) struct Graph;

const WHAT: [&str; 3] = ["program", "loop", "store"];
const STORES: [&str; 4] = ["constant", "copy", "reduction", "computation"];
/// Where the flags of stores begin.
const STORE: usize = WHAT.len() + itervar::KINDS.len();
const WIDTH: usize = STORE + STORES.len() + 2;

struct Nodes<'a> {
    nest: &'a Nest,
    rows: Vec<[f64; WIDTH]>,
    edges: Vec<[u32; 2]>,
    /// The last store to each buffer.
    written: HashMap<BufferId, u32>,
}

impl Nodes<'_> {
    fn node(&mut self, what: usize, flag: Option<usize>, trips: u64, depth: usize, around: Option<u32>) -> u32 {
        let mut row = [0.0; WIDTH];
        row[what] = 1.0;
        if let Some(flag) = flag {
            row[flag] = 1.0;
        }
        row[WIDTH - 2] = (trips.max(1) as f64).log2();
        row[WIDTH - 1] = depth as f64;
        self.rows.push(row);
        let own = self.rows.len() as u32 - 1;
        if let Some(around) = around {
            self.edges.extend([[around, own], [own, around]]);
        }
        own
    }

    fn block(&mut self, stmts: &[Stmt], around: u32, depth: usize) {
        for stmt in stmts {
            if let Stmt::For(var, body) = stmt {
                let mark = self.nest.loops.get(*var as usize).map_or(crate::Mark::Serial, |l| l.mark);
                let flag = WHAT.len() + itervar::kind(mark);
                let own = self.node(1, Some(flag), walk::extent(self.nest, *var), depth, Some(around));
                self.block(body, own, depth + 1);
            } else if let Stmt::If(_, body) | Stmt::Launch(_, body) = stmt {
                self.block(body, around, depth);
            } else if let Stmt::Store(buffer, _, value) = stmt {
                let does = match value {
                    Expr::Const(_) => 0,
                    Expr::Load(..) => 1,
                    _ if value.reads().contains(buffer) => 2,
                    _ => 3,
                };
                let own = self.node(2, Some(STORE + does), 1, depth, Some(around));
                for read in value.reads() {
                    if let Some(&from) = self.written.get(&read) {
                        self.edges.extend([[from, own], [own, from]]);
                    }
                }
                self.written.insert(*buffer, own);
            }
        }
    }
}

impl FeatureSet for Graph {
    fn name(&self) -> &'static str {
        "nest-graph"
    }

    fn rows(&self) -> Rows {
        Rows::Nodes
    }

    fn columns(&self, _program: &Program<'_>) -> Vec<String> {
        let names = WHAT.iter().chain(&itervar::KINDS).chain(&STORES).chain(&["trips", "depth"]);
        names.map(|&name| name.to_owned()).collect()
    }

    fn extract(&self, program: &Program<'_>) -> Result<Features> {
        let nest = program.nest();
        let mut nodes = Nodes { nest, rows: Vec::new(), edges: Vec::new(), written: HashMap::new() };
        let root = nodes.node(0, None, 1, 0, None);
        nodes.block(&nest.body, root, 0);
        let stores = PerStore(super::Dialect::MetaSchedule).extract(program)?;
        let mut mean = vec![0.0; stores.width];
        for i in 0..stores.len() {
            mean.iter_mut().zip(stores.row(i)).for_each(|(sum, x)| *sum += x / stores.len() as f64);
        }
        Ok(Features { width: WIDTH, values: nodes.rows.concat(), edges: nodes.edges, program: mean })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Program, named, tests::matmul};
    use crate::Schedule;

    #[test]
    fn a_product_of_matrices() {
        let workload = matmul(4, 8, 16);
        let schedule = Schedule::new().parallel("matmul", "i");
        let program = Program::new(&workload, &schedule).unwrap();
        let set = named("nest-graph").unwrap();
        let graph = set.extract(&program).unwrap();
        // The program, i, j, y = 0, k, y += x · w.
        assert_eq!((graph.len(), graph.width, graph.program.len()), (6, 20, 164));
        let tree = [[0, 1], [1, 2], [2, 3], [2, 4], [4, 5]];
        let data = [[3, 5]];
        let both = tree.iter().chain(&data).flat_map(|&[a, b]| [[a, b], [b, a]]);
        assert_eq!(
            graph.edges.iter().copied().collect::<std::collections::HashSet<_>>(),
            both.collect::<std::collections::HashSet<[u32; 2]>>()
        );
        let columns = set.columns(&program);
        let set_in = |i: usize| -> Vec<&str> {
            columns.iter().zip(graph.row(i)).filter(|(_, x)| **x != 0.0).map(|(name, _)| name.as_str()).collect()
        };
        assert_eq!(set_in(0), ["program"]);
        assert_eq!(set_in(1), ["loop", "parallel", "trips"]);
        assert_eq!(set_in(3), ["store", "constant", "depth"]);
        assert_eq!(set_in(5), ["store", "reduction", "depth"]);
        assert_eq!(graph.row(4)[18..], [3.0, 2.0]);
        // One buffer is stored to, so the mean is its row.
        assert_eq!(graph.program, named("per-store").unwrap().extract(&program).unwrap().values);
    }
}
