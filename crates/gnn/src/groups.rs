//! Groups of nodes within graphs.

use tachograph_batch::{Edges, GraphError, GraphRef};
use tch::Device;

use crate::{Adjacency, Error, Result};

/// Groups of nodes within the graphs of a batch, such as the kernels that a compiler makes of operators. A read-out
/// over `nodes` gives one row a group, and one over `graphs` takes these on to the graphs.
#[derive(Debug)]
pub struct Groups {
    /// From nodes to groups.
    pub nodes: Adjacency,
    /// From groups to graphs.
    pub graphs: Adjacency,
}

impl Groups {
    /// The groups of `graphs`, which have `sizes` nodes; `None` where no graph has any.
    ///
    /// # Errors
    /// A graph that names a group for some of its nodes only, or a group that it has too few nodes for.
    pub(crate) fn new(graphs: &[GraphRef<'_>], sizes: &[usize], device: Device) -> Result<Option<Self>> {
        if graphs.iter().all(|g| g.groups.is_empty()) {
            return Ok(None);
        }
        let (mut lists, mut counts, mut offset) = (Vec::<Vec<i64>>::new(), vec![0], 0);
        for (index, (graph, &n)) in graphs.iter().zip(sizes).enumerate() {
            let refuse = |message| Error::from(GraphError { index, message });
            if graph.groups.len() != n {
                return Err(refuse(format!("groups of {} nodes for {n} nodes", graph.groups.len())));
            }
            let first = lists.len();
            let count = graph.groups.iter().max().map_or(0, |&g| g as usize + 1);
            if count > n {
                return Err(refuse(format!("group {} among {n} nodes", count - 1)));
            }
            lists.resize(first + count, vec![]);
            for (&group, node) in graph.groups.iter().zip(offset..) {
                lists[first + group as usize].push(node);
            }
            offset += n as i64;
            counts.push(lists.len() as i64);
        }
        let offsets = std::iter::once(0).chain(lists.iter().scan(0, |end, list| {
            *end += list.len() as i64;
            Some(*end)
        }));
        let offsets: Vec<i64> = offsets.collect();
        let groups = lists.len();
        let nodes = Edges { offsets, sources: lists.concat(), ..Edges::default() };
        let members = Edges { offsets: counts, sources: (0..groups as i64).collect(), ..Edges::default() };
        Ok(Some(Self {
            nodes: Adjacency::new(&nodes, offset as usize, device)?,
            graphs: Adjacency::new(&members, groups, device)?,
        }))
    }

    /// The same on another device.
    ///
    /// # Errors
    /// A device out of memory.
    pub fn to_device(&self, device: Device) -> Result<Self> {
        Ok(Self { nodes: self.nodes.to_device(device)?, graphs: self.graphs.to_device(device)? })
    }
}
