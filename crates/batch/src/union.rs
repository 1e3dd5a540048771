//! The disjoint union of graphs.

use crate::{GraphError, GraphRef};

/// Nodes one graph after the other, edges sorted by destination. Features of nodes stay with the graphs.
#[derive(Debug, Default)]
pub struct Union<'a> {
    graphs: &'a [GraphRef<'a>],
    /// Features per node.
    pub width: usize,
    /// In-neighbours of each node.
    pub edges: Lists,
    /// Features of the edges in their order, `edge_width` each.
    pub edge_features: Vec<f32>,
    /// Features per edge.
    pub edge_width: usize,
    /// The edges turned round, sorted by their source; `reverse_places` says which edge each is.
    pub reverse: Option<Lists>,
    /// Place among `edges` of each of `reverse`.
    pub reverse_places: Vec<u32>,
    /// Nodes of each graph.
    pub sizes: Vec<usize>,
    /// Graph features, row-major: (graphs, `global_width`).
    pub globals: Vec<f32>,
    /// Features per graph.
    pub global_width: usize,
}

/// Lists of nodes, one list a node.
#[derive(Debug)]
pub struct Lists {
    /// (nodes + 1)
    pub offsets: Vec<u32>,
    /// The lists one after the other.
    pub items: Vec<u32>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { offsets: vec![0], items: vec![] }
    }
}

impl Lists {
    /// Where the list of `node` lies in [`items`](Self::items).
    pub fn range(&self, node: usize) -> std::ops::Range<usize> {
        self.offsets[node] as usize..self.offsets[node + 1] as usize
    }
}

impl<'a> Union<'a> {
    /// Puts `graphs` side by side. With `self_loops` every node gets exactly one self-loop in place of those that it has;
    /// with `reverse` the edges are there turned round as well.
    ///
    /// # Errors
    /// Graphs of different widths, ragged features, or edges that name a node that is not there.
    pub fn new(graphs: &'a [GraphRef<'a>], self_loops: bool, reverse: bool) -> Result<Self, GraphError> {
        let first = graphs.first().copied().unwrap_or_default();
        let edge_width =
            graphs.iter().find(|g| !g.edges.is_empty()).map_or(0, |g| g.edge_features.len() / g.edges.len());
        let mut union =
            Self { graphs, width: first.width, edge_width, global_width: first.globals.len(), ..Self::default() };
        union.edges.offsets.reserve(graphs.iter().map(|g| g.nodes.len()).sum::<usize>() / first.width.max(1));
        for (index, graph) in graphs.iter().enumerate() {
            union.push(graph, self_loops).map_err(|message| GraphError { index, message })?;
        }
        if reverse {
            union.turn_round();
        }
        Ok(union)
    }

    /// The graphs.
    pub fn graphs(&self) -> &'a [GraphRef<'a>] {
        self.graphs
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.edges.offsets.len() - 1
    }

    /// True without nodes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Features of each node.
    pub fn rows(&self) -> Vec<&'a [f32]> {
        let mut rows = Vec::with_capacity(self.len());
        rows.extend(self.graphs.iter().flat_map(|g| g.nodes.chunks_exact(self.width)));
        rows
    }

    fn push(&mut self, graph: &GraphRef<'_>, self_loops: bool) -> Result<(), String> {
        let (width, w) = (self.width, self.edge_width);
        if graph.width != width || graph.globals.len() != self.global_width {
            let (found, globals, expected) = (graph.width, graph.globals.len(), self.global_width);
            return Err(format!("{found} node and {globals} graph features in a batch of {width} and {expected}"));
        }
        if width == 0 || !graph.nodes.len().is_multiple_of(width) {
            return Err(format!("{} numbers are no rows of {width}", graph.nodes.len()));
        }
        if graph.edge_features.len() != graph.edges.len() * w {
            let (found, edges) = (graph.edge_features.len(), graph.edges.len());
            return Err(format!("{found} edge features for {edges} edges in a batch of {w} an edge"));
        }
        let n = graph.nodes.len() / width;
        let (offset, before) = (self.len(), self.edges.items.len());
        if offset + n >= u32::MAX as usize || before + graph.edges.len() + n >= u32::MAX as usize {
            return Err("the batch has more than 2³² nodes or edges".into());
        }
        let kept = |&(s, d): &(u32, u32)| !self_loops || s != d;
        let mut next = vec![before as u32; n + 1];
        for edge @ &(source, destination) in graph.edges {
            if source as usize >= n || destination as usize >= n {
                return Err(format!("edge ({source}, {destination}) among {n} nodes"));
            }
            next[destination as usize + 1] += u32::from(kept(edge));
        }
        let mut total = before as u32;
        for start in &mut next {
            total += *start - before as u32;
            *start = total;
        }
        if self_loops {
            next.iter_mut().zip(0..).for_each(|(start, i)| *start += i);
        }
        self.edges.offsets.extend_from_slice(&next[1..]);
        let edges = next[n] as usize;
        self.edges.items.resize(edges, 0);
        self.edge_features.resize(edges * w, 0.0);
        for (k, edge @ &(source, destination)) in graph.edges.iter().enumerate() {
            if kept(edge) {
                let at = &mut next[destination as usize];
                self.edges.items[*at as usize] = offset as u32 + source;
                let place = *at as usize * w;
                self.edge_features[place..place + w].copy_from_slice(&graph.edge_features[k * w..(k + 1) * w]);
                *at += 1;
            }
        }
        self.sizes.push(n);
        self.globals.extend_from_slice(graph.globals);
        if self_loops {
            (offset..offset + n).for_each(|node| self.close(node));
        }
        Ok(())
    }

    /// Fills the last place of a node with its self-loop, whose features are the mean of the other edges into it.
    fn close(&mut self, node: usize) {
        let range = self.edges.range(node);
        let (last, w) = (range.end - 1, self.edge_width);
        self.edges.items[last] = node as u32;
        let others = range.len() - 1;
        for c in 0..w {
            let total: f32 = (range.start..last).map(|k| self.edge_features[k * w + c]).sum();
            self.edge_features[last * w + c] = total / others.max(1) as f32;
        }
    }

    fn turn_round(&mut self) {
        let n = self.len();
        let mut offsets = vec![0u32; n + 1];
        for &source in &self.edges.items {
            offsets[source as usize + 1] += 1;
        }
        for i in 0..n {
            offsets[i + 1] += offsets[i];
        }
        let mut next = offsets.clone();
        let mut items = vec![0; self.edges.items.len()];
        self.reverse_places = vec![0; items.len()];
        for node in 0..n {
            for place in self.edges.range(node) {
                let at = &mut next[self.edges.items[place] as usize];
                items[*at as usize] = node as u32;
                self.reverse_places[*at as usize] = place as u32;
                *at += 1;
            }
        }
        self.reverse = Some(Lists { offsets, items });
    }
}
