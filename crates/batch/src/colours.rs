//! Exact compression by colour refinement: nodes that no message-passing network can tell apart are computed once.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::{Edges, Lists, Union};

/// One round of refinement: a partition of things (nodes or edges) into classes.
pub struct Round {
    /// Class of each.
    pub class: Vec<u32>,
    /// One of each class.
    pub representatives: Vec<u32>,
}

/// The colours of a union: classes of its edges by their features, and of its nodes in each round.
pub struct Colours {
    edges: Option<Round>,
    /// Round 0 groups nodes with equal features (bit for bit), and equal in-degree where `degrees`; round `l` splits
    /// the classes of round `l − 1` by the multiset of (class, edge class) of their neighbours.
    pub rounds: Vec<Round>,
}

impl Colours {
    /// Colours of `union`, whose node features are `rows`, after each of `layers` rounds. With `degrees`, nodes of
    /// different in-degree are told apart from the start, as layers want that normalise by the degree of the source.
    pub fn new(union: &Union<'_>, rows: &[&[f32]], layers: usize, degrees: bool) -> Self {
        let w = union.edge_width;
        let edge = |e: usize| &union.edge_features[e * w..(e + 1) * w];
        let edges = (w > 0)
            .then(|| group(union.edges.items.len(), |e| hash_row(edge(e), 0), |a, b| same_row(edge(a), edge(b))));
        let degree = |v: usize| if degrees { union.edges.range(v).len() } else { 0 };
        let mut colours = Self { edges, rounds: Vec::with_capacity(layers + 1) };
        colours.rounds.push(group(
            union.len(),
            |v| hash_row(rows[v], degree(v) as u64),
            |a, b| degree(a) == degree(b) && same_row(rows[a], rows[b]),
        ));
        for l in 0..layers {
            let next = colours.refine(union, &colours.rounds[l].class);
            colours.rounds.push(next);
        }
        colours
    }

    fn refine(&self, union: &Union<'_>, last: &[u32]) -> Round {
        let sides = || [Some(&union.edges), union.reverse.as_ref()].into_iter().flatten().enumerate();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        group(
            union.len(),
            |v| {
                // A sum of mixed numbers does not depend on the order of the neighbours.
                let mut hash = mix(u64::from(last[v]));
                for (side, lists) in sides() {
                    for place in lists.range(v) {
                        let key = self.key(union, last, side, lists, place);
                        hash = hash.wrapping_add(mix(key.rotate_left(7 + side as u32) ^ 0x9E37_79B9_7F4A_7C15));
                    }
                }
                mix(hash)
            },
            |v, u| {
                last[v] == last[u]
                    && sides().all(|(side, lists)| {
                        let (x, y) = (lists.range(v), lists.range(u));
                        if x.len() != y.len() {
                            return false;
                        }
                        a.clear();
                        b.clear();
                        a.extend(x.map(|place| self.key(union, last, side, lists, place)));
                        b.extend(y.map(|place| self.key(union, last, side, lists, place)));
                        if a == b {
                            return true;
                        }
                        a.sort_unstable();
                        b.sort_unstable();
                        a == b
                    })
            },
        )
    }

    /// Class of the neighbour and of the edge between.
    fn key(&self, union: &Union<'_>, last: &[u32], side: usize, lists: &Lists, place: usize) -> u64 {
        let edge = if side == 0 { place } else { union.reverse_places[place] as usize };
        let class = self.edges.as_ref().map_or(0, |r| r.class[edge]);
        u64::from(class) << 32 | u64::from(last[lists.items[place] as usize])
    }

    /// Messages from the classes of round `l` to those of round `l + 1`, along the edges or against them; and the
    /// edge of the union that each stands for.
    pub fn edges(&self, union: &Union<'_>, l: usize, reverse: bool, degrees: bool) -> (Edges, Vec<u32>) {
        let (from, to) = (&self.rounds[l], &self.rounds[l + 1]);
        let lists = if reverse { union.reverse.as_ref().unwrap_or(&union.edges) } else { &union.edges };
        let mut edges = Edges { offsets: vec![0], ..Edges::default() };
        let mut features = vec![];
        let mut keys: Vec<(u64, u32)> = vec![];
        for &v in &to.representatives {
            keys.clear();
            keys.extend(lists.range(v as usize).map(|place| {
                let edge = if reverse { union.reverse_places[place] } else { place as u32 };
                (self.key(union, &from.class, usize::from(reverse), lists, place), edge)
            }));
            runs(&mut keys, &mut edges, |edge| features.push(edge));
        }
        if degrees {
            let degree = |&v: &u32| union.edges.range(v as usize).len() as f64;
            edges.source_degrees = from.representatives.iter().map(degree).collect();
        }
        (edges, features)
    }

    /// Place of each edge of layer `l` among those of layer `l − 1`. Edges are as [`Colours::edges`] returns them.
    pub fn parents(&self, union: &Union<'_>, l: usize, before: &(Edges, Vec<u32>), places: &[u32]) -> Vec<i64> {
        let (sources, destinations) = (&self.rounds[l - 1].class, &self.rounds[l].class);
        let key = |edge: u32| self.key(union, sources, 0, &union.edges, edge as usize);
        let (edges, earlier) = before;
        let keys: Vec<u64> = earlier.iter().map(|&e| key(e)).collect();
        let parent = |&edge: &u32| {
            let node = union.edges.offsets.partition_point(|&o| o <= edge) - 1;
            let row = destinations[node] as usize;
            let (start, end) = (edges.offsets[row] as usize, edges.offsets[row + 1] as usize);
            (start + keys[start..end].partition_point(|&k| k < key(edge))) as i64
        };
        places.iter().map(parent).collect()
    }

    /// Row of each class of round `l + 1` among the classes of round `l`.
    pub fn residual_rows(&self, l: usize) -> Vec<i64> {
        let (from, to) = (&self.rounds[l], &self.rounds[l + 1]);
        to.representatives.iter().map(|&v| i64::from(from.class[v as usize])).collect()
    }

    /// How often each class of the last round occurs in each graph.
    pub fn graph_of_row(&self, union: &Union<'_>) -> Edges {
        let mut edges = Edges { offsets: vec![0], ..Edges::default() };
        let Some(last) = self.rounds.last() else { return edges };
        let (mut start, mut keys) = (0, vec![]);
        for &n in &union.sizes {
            keys.clear();
            keys.extend(last.class[start..start + n].iter().map(|&c| (u64::from(c), 0)));
            start += n;
            runs(&mut keys, &mut edges, |_| {});
        }
        edges
    }
}

/// Appends one row: the distinct keys, whose low halves are source rows, and how often each occurs.
fn runs(keys: &mut [(u64, u32)], edges: &mut Edges, mut first: impl FnMut(u32)) {
    keys.sort_unstable();
    for run in keys.chunk_by(|a, b| a.0 == b.0) {
        edges.sources.push(i64::from(run[0].0 as u32));
        edges.counts.push(run.len() as f32);
        first(run[0].1);
    }
    edges.offsets.push(edges.sources.len() as i64);
}

/// Partition of 0..n by `same`, whose equals have equal `hash`. Hashes that collide are told apart by `same`.
fn group(n: usize, mut hash: impl FnMut(usize) -> u64, mut same: impl FnMut(usize, usize) -> bool) -> Round {
    let mut table: HashTable<(u64, u32)> = HashTable::new();
    let mut round = Round { class: Vec::with_capacity(n), representatives: vec![] };
    for v in 0..n {
        let h = hash(v);
        let found = table.find(h, |&(g, c)| g == h && same(v, round.representatives[c as usize] as usize)).copied();
        let class = found.map_or(round.representatives.len() as u32, |(_, c)| c);
        if found.is_none() {
            table.insert_unique(h, (h, class), |&(g, _)| g);
            round.representatives.push(v as u32);
        }
        round.class.push(class);
    }
    round
}

fn mix(x: u64) -> u64 {
    let x = (x ^ x >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let x = (x ^ x >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    x ^ x >> 32
}

fn hash_row(row: &[f32], seed: u64) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u64(seed);
    for pair in row.chunks(2) {
        let high = pair.get(1).map_or(0, |x| x.to_bits());
        hasher.write_u64(u64::from(high) << 32 | u64::from(pair[0].to_bits()));
    }
    mix(hasher.finish())
}

fn same_row(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(x, y)| x.to_bits() == y.to_bits())
}
