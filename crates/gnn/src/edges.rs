//! Operations on edge lists, before they become a batch.

/// Every edge in both directions, each once, sorted: `to_undirected` of PyTorch Geometric.
///
/// ```
/// assert_eq!(tachograph_gnn::undirected(&[(0, 1), (1, 0), (2, 2)]), [(0, 1), (1, 0), (2, 2)]);
/// ```
pub fn undirected(edges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut both: Vec<(u32, u32)> = edges.iter().flat_map(|&(s, d)| [(s, d), (d, s)]).collect();
    both.sort_unstable();
    both.dedup();
    both
}
