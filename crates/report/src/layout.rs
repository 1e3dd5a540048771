//! Where the vertices of an acyclic graph are drawn: in layers from top to bottom.
//!
//! The layer of a vertex is the length of the longest path to it; a source stands directly above its first reader.
//! Within a layer, vertices lie below the mean of what they read, as far as their width lets them. An edge to the next
//! layer is drawn directly; longer ones leave on the left into a vertical lane, one lane for each vertex they come from.

use crate::{Error, Result};

/// Places of vertices, and lanes of edges that pass by a layer. Lengths are in widths of a vertex.
pub(crate) struct Layout {
    /// Layer of each vertex.
    pub layers: Vec<usize>,
    /// Horizontal centre of each vertex.
    pub centres: Vec<f64>,
    /// Lane of each vertex that has edges longer than a layer.
    pub lanes: Vec<Option<f64>>,
}

/// Horizontal distance of centres in a layer.
const STEP: f64 = 1.08;
/// Horizontal distance of lanes.
const LANE: f64 = 0.05;

/// Lays out `n` vertices.
pub(crate) fn layered(n: usize, edges: &[(usize, usize)]) -> Result<Layout> {
    let mut readers = vec![Vec::new(); n];
    let mut sources = vec![Vec::new(); n];
    for &(from, to) in edges {
        if from >= to || to >= n {
            return Err(Error::Edge { from, to, vertices: n });
        }
        readers[from].push(to);
        sources[to].push(from);
    }
    let layers = layers(&sources, &readers);
    let centres = centres(&layers, &sources);
    let lanes = lanes(&layers, &centres, &readers);
    Ok(Layout { layers, centres, lanes })
}

fn layers(sources: &[Vec<usize>], readers: &[Vec<usize>]) -> Vec<usize> {
    let mut layers: Vec<usize> = vec![0; sources.len()];
    for v in 0..sources.len() {
        layers[v] = sources[v].iter().map(|&u| layers[u] + 1).max().unwrap_or(0);
    }
    for v in (0..sources.len()).filter(|&v| sources[v].is_empty()) {
        let first = readers[v].iter().map(|&w| layers[w]).min().unwrap_or(0);
        layers[v] = first.saturating_sub(1);
    }
    layers
}

fn centres(layers: &[usize], sources: &[Vec<usize>]) -> Vec<f64> {
    let mut rows = vec![Vec::new(); layers.iter().max().map_or(0, |&last| last + 1)];
    for (v, &layer) in layers.iter().enumerate() {
        rows[layer].push(v);
    }
    let mut centres = vec![0.0; layers.len()];
    for row in rows {
        let mean = |v: usize| sources[v].iter().map(|&u| centres[u]).sum::<f64>() / sources[v].len().max(1) as f64;
        let mut wanted: Vec<(f64, usize)> = row.iter().map(|&v| (mean(v), v)).collect();
        wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (centre, (_, v)) in apart(&wanted).into_iter().zip(&wanted) {
            centres[*v] = centre;
        }
    }
    centres
}

/// The places nearest to those wanted (least squares) that are [`STEP`] apart: isotonic regression of what remains when
/// the steps are taken off, by pooling neighbours that are in each other's way.
fn apart(wanted: &[(f64, usize)]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (i, (x, _)) in wanted.iter().enumerate() {
        let (mut sum, mut count) = (x - STEP * i as f64, 1);
        while let Some(&(before, members)) = pools.last()
            && before / members as f64 > sum / count as f64
        {
            pools.pop();
            (sum, count) = (sum + before, count + members);
        }
        pools.push((sum, count));
    }
    let means = pools.iter().flat_map(|&(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    means.enumerate().map(|(i, mean)| mean + STEP * i as f64).collect()
}

/// The lane of a vertex keeps left of everything in the layers it passes, and clear of the lanes there.
fn lanes(layers: &[usize], centres: &[f64], readers: &[Vec<usize>]) -> Vec<Option<f64>> {
    let mut left = vec![0.0_f64; layers.iter().max().map_or(0, |&last| last + 1)];
    for (v, &layer) in layers.iter().enumerate() {
        left[layer] = left[layer].min(centres[v] - 0.5);
    }
    let mut used: Vec<(usize, usize, f64)> = Vec::new();
    let mut lanes = vec![None; layers.len()];
    for (v, &from) in layers.iter().enumerate() {
        let to = readers[v].iter().map(|&w| layers[w]).max().unwrap_or(from);
        if to <= from + 1 {
            continue;
        }
        let near = left[from..=to].iter().copied().fold(0.0, f64::min);
        let meets = |&&(start, end, _): &&(usize, usize, f64)| start <= to && from <= end;
        let taken: Vec<f64> = used.iter().filter(meets).map(|&(_, _, x)| x).collect();
        let free = |x: &f64| taken.iter().all(|other| (other - x).abs() > 0.9 * LANE);
        // One of the first places is free: each lane in use is in the way of two at most.
        let lane = (1..=2 * taken.len() + 1).map(|i| near - LANE * (i + 1) as f64).find(free);
        let lane = lane.unwrap_or(near - LANE);
        used.push((from, to, lane));
        lanes[v] = Some(lane);
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_stand_side_by_side_and_meet_below() {
        let layout = layered(5, &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]).unwrap();
        assert_eq!(layout.layers, [0, 1, 1, 2, 3]);
        assert_eq!(layout.centres, [0.0, -STEP / 2.0, STEP / 2.0, 0.0, 0.0]);
        assert_eq!(layout.lanes, [None; 5]);
    }

    #[test]
    fn long_edges_take_lanes_that_do_not_meet() {
        let layout = layered(6, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 3), (1, 4), (1, 5)]).unwrap();
        let lanes: Vec<f64> = layout.lanes.iter().flatten().copied().collect();
        assert_eq!(lanes.len(), 2);
        assert!(lanes.iter().all(|&x| x < -0.5) && (lanes[0] - lanes[1]).abs() > 0.9 * LANE, "{lanes:?}");
    }

    #[test]
    fn a_late_source_stands_above_its_reader() {
        assert_eq!(layered(4, &[(0, 1), (1, 3), (2, 3)]).unwrap().layers, [0, 1, 1, 2]);
    }

    #[test]
    fn edges_must_lead_forward() {
        assert!(layered(2, &[(1, 0)]).is_err() && layered(2, &[(0, 2)]).is_err());
        assert!(layered(0, &[]).unwrap().layers.is_empty());
    }

    #[test]
    fn nothing_overlaps_in_a_wide_layer() {
        let edges: Vec<_> = (1..40).map(|v| (0, v)).chain((40..80).map(|v| (v - 39, v))).collect();
        let layout = layered(80, &edges).unwrap();
        for layer in 1..3 {
            let mut row: Vec<f64> = (0..80).filter(|&v| layout.layers[v] == layer).map(|v| layout.centres[v]).collect();
            row.sort_by(f64::total_cmp);
            assert!(row.windows(2).all(|pair| pair[1] - pair[0] > STEP - 1e-9), "{row:?}");
        }
    }
}
