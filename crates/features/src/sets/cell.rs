//! The features of BRP-NAS (Dudziak et al., NeurIPS 2020; `eagle/models/nasbench201` of SamsungLabs/eagle), as released.
//!
//! A cell of NAS-Bench-201 is a graph of nine nodes: the global node, the input, the six operations, the output.
//! Operations are nodes here; `skip_connect` becomes a connection, `none` nothing, and what is on no path from the
//! input to the output has neither features nor edges, but the global node's. Columns are one-hot:
//! `nor_conv_1x1`, `nor_conv_3x3`, `avg_pool_3x3`, input, output, global.
//!
//! As released, the adjacency matrix has a row for the node that hears and a column for the one that is heard, and an
//! entry where the first *feeds* the second: messages flow from consumer to producer. Every node hears itself, and the
//! global node hears every node.
//!
//! The cell is read from the name of the graph, in the notation of the benchmark
//! (`|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…|`), which is what `tachograph_import::nas` and the data sets of cells call
//! the networks they make. The graph itself no longer says it: edges of `none` and what they cut off are not in it, several
//! cells become one graph, and the published features tell them apart.

use std::collections::BTreeSet;

use ndarray::Array2;
use tachograph_ir::BoundGraph;

use crate::{Columns, Error, FeatureGraph, Features, Result, Schema, columns::names, graph::sorted};

/// Operations of a cell, in the order of their codes.
const OPERATORS: [&str; 5] = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];

/// Operations that are nodes; the two before them are not.
const FIRST_NODE: u8 = 2;

/// Columns of a node; those of operations are in the order of their codes from [`FIRST_NODE`].
const COLUMNS: [&str; 6] = ["op=nor_conv_1x1", "op=nor_conv_3x3", "op=avg_pool_3x3", INPUT, OUTPUT, GLOBAL];
const INPUT: &str = "input";
const OUTPUT: &str = "output";
const GLOBAL: &str = "global";

/// Nodes of a cell, without the global one: the input, the operations in order, the output.
const NODES: usize = 8;
/// Connections before any operation is resolved.
const LINKS: [(usize, usize); 10] = [(0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7)];

/// See [the module](self).
pub struct Cell;

impl Features for Cell {
    fn name(&self) -> &'static str {
        "cell"
    }

    fn fixed_operators(&self) -> Option<&'static [&'static str]> {
        Some(&OPERATORS)
    }

    fn columns(&self, _: &[String]) -> Columns {
        Columns { kept: names(&COLUMNS), ..Columns::default() }
    }

    fn featurize(&self, schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        cell(schema, parse(bound.graph().name())?)
    }
}

/// The cell of operations 0→1, 0→2, 1→2, 0→3, 1→3, 2→3, as codes of [`OPERATORS`].
fn cell(schema: &Schema, operations: [u8; 6]) -> Result<FeatureGraph> {
    let mut feeds = [[false; NODES]; NODES];
    LINKS.iter().for_each(|&(from, to)| feeds[from][to] = true);
    for (node, &code) in (1..).zip(&operations) {
        let into: Vec<usize> = (0..NODES).filter(|&from| feeds[from][node]).collect();
        let out: Vec<usize> = (0..NODES).filter(|&to| feeds[node][to]).collect();
        if code < FIRST_NODE {
            into.iter().for_each(|&from| feeds[from][node] = false);
            out.iter().for_each(|&to| feeds[node][to] = false);
        }
        if code == 1 {
            into.iter().for_each(|&from| out.iter().for_each(|&to| feeds[from][to] = true));
        }
    }
    let forward = reached(0, |from, to| feeds[from][to]);
    let backward = reached(NODES - 1, |from, to| feeds[to][from]);
    let used: Vec<bool> = forward.iter().zip(&backward).map(|(&f, &b)| f && b).collect();
    // Row 0 is the global node, so that node i is row i + 1.
    let mut nodes = Array2::zeros((NODES + 1, COLUMNS.len()));
    for (row, column) in [(0, GLOBAL), (1, INPUT), (NODES, OUTPUT)] {
        nodes[[row, schema.place(column)?]] = 1.0;
    }
    for (node, &code) in (1..).zip(&operations).filter(|&(node, &code)| used[node] && code >= FIRST_NODE) {
        nodes[[node + 1, usize::from(code - FIRST_NODE)]] = 1.0;
    }
    let pairs = (0..NODES).flat_map(|from| (0..NODES).map(move |to| (from, to)));
    let links = pairs.filter(|&(from, to)| used[from] && used[to] && feeds[from][to]);
    let mut edges: BTreeSet<(u32, u32)> = links.map(|(from, to)| (to as u32 + 1, from as u32 + 1)).collect();
    edges.extend((0..=NODES as u32).flat_map(|row| [(row, row), (row, 0)]));
    Ok(FeatureGraph { nodes, edges: sorted(edges), ..FeatureGraph::default() })
}

/// The cell that a network is named after.
fn parse(name: &str) -> Result<[u8; 6]> {
    let refuse = || Error::Cell(format!("network `{name}` is not named after one"));
    let parts = name.split(['|', '+']).filter(|part| !part.is_empty());
    let code = |part: &str| {
        let (operation, _) = part.split_once('~')?;
        OPERATORS.iter().position(|&o| o == operation).map(|i| i as u8)
    };
    let codes = parts.map(code).collect::<Option<Vec<u8>>>().ok_or_else(refuse)?;
    codes.try_into().map_err(|_| refuse())
}

/// Nodes that `links` leads to from `start`.
fn reached(start: usize, links: impl Fn(usize, usize) -> bool) -> [bool; NODES] {
    let mut seen = [false; NODES];
    let mut stack = vec![start];
    while let Some(node) = stack.pop() {
        if !std::mem::replace(&mut seen[node], true) {
            stack.extend((0..NODES).filter(|&next| links(node, next)));
        }
    }
    seen
}
