//! Graphs under many configurations.

use std::collections::HashMap;

use tachograph_batch::{BatchOptions, Edges, GraphRef, offsets};
use tch::{Device, Tensor};

use crate::{Adjacency, Error, GraphBatch, Result, error::torch};

const PLACE: &str = "configured graphs";

/// Ids of rows are carried as f32, which counts exactly up to here.
const MOST: usize = 1 << 24;

/// A graph, and the configurations under which it is compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConfiguredGraph<'a> {
    /// Features of its distinct nodes, row-major: (distinct, width).
    pub features: &'a [f32],
    /// Features per node.
    pub width: usize,
    /// Places of dimensions in the layouts of the distinct nodes, as they are; may be empty: (distinct, any width).
    pub layouts: &'a [f32],
    /// Codes of the distinct nodes' operators.
    pub opcodes: &'a [u8],
    /// Which of the distinct nodes each node is: (nodes).
    pub nodes: &'a [u32],
    /// Edges as (source, destination).
    pub edges: &'a [(u32, u32)],
    /// Nodes that have a configuration; none where one configuration is of the whole graph.
    pub configurable: &'a [u32],
    /// Number of configurations.
    pub count: usize,
    /// Configurations, row-major: (configurations, configurable nodes or 1, columns); none for the part of a graph that
    /// none is of.
    pub configurations: &'a [f32],
    /// Features per configuration of a node (or of the graph).
    pub columns: usize,
    /// Nodes that alone get gradients in this step, in order; empty: all.
    pub segment: &'a [u32],
}

/// Where a configuration meets the nodes that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Before the first layer: the batch has a copy of the graph for each configuration. Compressed, what no
    /// configuration within reach tells apart is one row.
    Early,
    /// After the last: the batch has each graph once.
    Late,
}

/// What a batch of configured graphs knows beside its rows. A *copy* is a graph under one of its configurations.
#[derive(Debug)]
pub struct Configured {
    /// Features of distinct nodes: (distinct nodes, width).
    pub features: Tensor,
    /// Places of dimensions in their layouts: (distinct nodes, any width); `None` where the graphs have none.
    pub layouts: Option<Tensor>,
    /// Codes of their operators: (distinct nodes), i64.
    pub opcodes: Tensor,
    /// Distinct configurations of a node or a graph: (distinct, columns). Row 0 is 0, for nodes that have none.
    pub configurations: Tensor,
    /// Which of `features` each row of the first layer is: (rows), i64.
    pub node: Tensor,
    /// Which of `configurations` each row of the first layer has: (rows), i64.
    pub configuration: Tensor,
    /// True for rows of the first layer that are configurable nodes: (rows). Joined late: of every graph.
    pub configurable: Tensor,
    /// Which of `configurations` each copy has as a whole; 0 where nodes have them: (copies), i64.
    pub of_copy: Tensor,
    /// Row of the read-out of each copy: (copies), i64.
    pub graph_of_copy: Tensor,
    /// Choices of each copy: its configurable nodes, or all nodes where one configuration is of the whole graph.
    pub choices: Adjacency,
    /// Row of the last layer of each choice, (choices), i64.
    pub choice_row: Tensor,
    /// Which of `configurations` each choice is, (choices), i64.
    pub choice_configuration: Tensor,
    /// Configurations and nodes of each graph.
    pub lists: Vec<(i64, i64)>,
    /// The part that gets gradients.
    pub segment: Option<Box<Segment>>,
}

/// The nodes of a step that get gradients, as a batch of their own, and which rows of the whole they are.
#[derive(Debug)]
pub struct Segment {
    /// The graph among these nodes alone, under the same configurations.
    pub batch: GraphBatch,
    /// Rows of the whole batch's last layer that they are, copy by copy.
    pub rows: Adjacency,
}

impl GraphBatch {
    /// The batch of graphs under their configurations. [`GraphBatch::nodes`] holds numbers of rows, (rows, 1);
    /// features are in `GraphBatch::configured`.
    ///
    /// # Errors
    /// As [`GraphBatch::build`]; configurations that are not so many numbers; a node that is not there.
    pub fn configured(
        graphs: &[ConfiguredGraph<'_>],
        join: Join,
        options: &BatchOptions,
        device: Device,
    ) -> Result<Self> {
        let mut rows = Rows::default();
        for graph in graphs {
            rows.push(graph, join)?;
        }
        let refs: Vec<GraphRef<'_>> = rows
            .copies
            .iter()
            .map(|(graph, nodes)| GraphRef { nodes, width: 1, edges: graphs[*graph].edges, ..GraphRef::default() })
            .collect();
        let mut batch = Self::build(&refs, options, device)?;
        let segment = if graphs.iter().all(|graph| graph.segment.is_empty()) {
            None
        } else {
            let parts: Vec<Part> = graphs.iter().map(Part::of).collect();
            let views: Vec<ConfiguredGraph<'_>> = parts.iter().zip(graphs).map(|(p, g)| p.view(g)).collect();
            Some(Box::new(Segment {
                batch: Self::configured(&views, join, options, device)?,
                rows: rows.segment(graphs, join, &batch, device)?,
            }))
        };
        batch.configured = Some(rows.finish(graphs, &batch, segment, device).map_err(torch(PLACE))?);
        Ok(batch)
    }
}

/// The subgraph of a segment.
struct Part {
    nodes: Vec<u32>,
    edges: Vec<(u32, u32)>,
    configurable: Vec<u32>,
    configurations: Vec<f32>,
}

impl Part {
    fn of(graph: &ConfiguredGraph<'_>) -> Self {
        let mut place = vec![u32::MAX; graph.nodes.len()];
        graph.segment.iter().zip(0..).for_each(|(&node, new)| place[node as usize] = new);
        let at = |node: u32| Some(place[node as usize]).filter(|&new| new != u32::MAX);
        let kept: Vec<usize> = (0..graph.configurable.len()).filter(|&i| at(graph.configurable[i]).is_some()).collect();
        let columns = graph.columns;
        let stride = graph.configurable.len().max(1) * columns;
        let configurations = match graph.configurable.is_empty() {
            true => graph.configurations.to_vec(),
            false => graph
                .configurations
                .chunks(stride.max(1))
                .flat_map(|row| kept.iter().flat_map(move |&i| &row[i * columns..(i + 1) * columns]))
                .copied()
                .collect(),
        };
        Self {
            nodes: graph.segment.iter().map(|&node| graph.nodes[node as usize]).collect(),
            edges: graph.edges.iter().filter_map(|&(s, d)| Some((at(s)?, at(d)?))).collect(),
            configurable: kept.iter().filter_map(|&i| at(graph.configurable[i])).collect(),
            configurations,
        }
    }

    fn view<'a>(&'a self, graph: &ConfiguredGraph<'a>) -> ConfiguredGraph<'a> {
        ConfiguredGraph {
            nodes: &self.nodes,
            edges: &self.edges,
            configurable: &self.configurable,
            configurations: &self.configurations,
            // What is of the whole graph is of its part.
            segment: &[],
            ..*graph
        }
    }
}

/// What is collected graph by graph.
#[derive(Default)]
struct Rows {
    features: Vec<f32>,
    layouts: Vec<f32>,
    opcodes: Vec<i64>,
    /// Distinct configurations after row 0.
    configurations: Vec<f32>,
    known: HashMap<Vec<u32>, u32>,
    /// Distinct node and configuration of each id.
    pairs: Vec<(u32, u32, bool)>,
    of_pair: HashMap<(u32, u32), u32>,
    /// The graph of each copy, and the id of each of its nodes.
    copies: Vec<(usize, Vec<f32>)>,
    of_copy: Vec<i64>,
    graph_of_copy: Vec<i64>,
    choices: Vec<usize>,
    /// Position among the nodes of the batch, and configuration.
    chosen: Vec<(usize, u32)>,
    nodes: usize,
    lists: Vec<(i64, i64)>,
}

fn refuse(message: String) -> Error {
    Error::Shape { layer: PLACE, message }
}

impl Rows {
    fn push(&mut self, graph: &ConfiguredGraph<'_>, join: Join) -> Result<()> {
        let (n, distinct, columns) = (graph.nodes.len(), graph.opcodes.len(), graph.columns);
        let of_nodes = !graph.configurable.is_empty();
        let stride = graph.configurable.len().max(1) * columns;
        if graph.features.len() != distinct * graph.width || graph.width == 0 || columns == 0 {
            let numbers = graph.features.len();
            return Err(refuse(format!("{numbers} numbers for {distinct} nodes of {} and {columns}", graph.width)));
        }
        let wrong = |what: &str, at: Option<&u32>, of: usize| match at {
            Some(&node) if node as usize >= of => Err(refuse(format!("{what} {node} of {of}"))),
            _ => Ok(()),
        };
        wrong("distinct node", graph.nodes.iter().max(), distinct)?;
        wrong("configurable node", graph.configurable.iter().max(), n)?;
        wrong("node of a segment", graph.segment.iter().max(), n)?;
        let (count, numbers) = (graph.count, graph.configurations.len());
        if count == 0 || numbers != count * stride && (of_nodes || numbers > 0) {
            return Err(refuse(format!("{numbers} numbers for {count} configurations of {stride}")));
        }
        let (index, first) = (self.lists.len(), self.pairs.len() as u32);
        let base = self.opcodes.len() as u32;
        self.features.extend_from_slice(graph.features);
        self.layouts.extend_from_slice(graph.layouts);
        self.opcodes.extend(graph.opcodes.iter().map(|&code| i64::from(code)));
        self.pairs.extend((0..distinct as u32).map(|node| (base + node, 0, false)));
        let plain: Vec<f32> = graph.nodes.iter().map(|&node| (first + node) as f32).collect();
        let (rows_before, copies_before) = (self.nodes, self.copies.len());
        for c in 0..count {
            let row = graph.configurations.get(c * stride..(c + 1) * stride).unwrap_or_default();
            let copy_start = rows_before + if join == Join::Early { c * n } else { 0 };
            let ids: Vec<u32> = row.chunks(columns).map(|values| self.configuration(values)).collect();
            self.of_copy.push(if of_nodes { 0 } else { i64::from(ids.first().copied().unwrap_or(0)) });
            self.graph_of_copy.push((copies_before + if join == Join::Early { c } else { 0 }) as i64);
            let (configurable, chosen_before) = (graph.configurable.iter().zip(&ids), self.chosen.len());
            if of_nodes {
                self.chosen.extend(configurable.clone().map(|(&node, &id)| (copy_start + node as usize, id)));
            } else if let Some(&id) = ids.first() {
                self.chosen.extend((0..n).map(|node| (copy_start + node, id)));
            }
            self.choices.push(self.chosen.len() - chosen_before);
            if join == Join::Early {
                let mut nodes = plain.clone();
                if of_nodes {
                    configurable.for_each(|(&node, &id)| {
                        nodes[node as usize] = self.pair(base + graph.nodes[node as usize], id, true);
                    });
                } else {
                    let id = ids.first().copied().unwrap_or(0);
                    for (place, &node) in nodes.iter_mut().zip(graph.nodes) {
                        *place = self.pair(base + node, id, false);
                    }
                }
                self.copies.push((index, nodes));
            }
        }
        if join == Join::Late {
            let mut nodes = plain;
            for &node in graph.configurable {
                nodes[node as usize] = self.pair(base + graph.nodes[node as usize], 0, true);
            }
            self.copies.push((index, nodes));
        }
        self.nodes += n * if join == Join::Early { count } else { 1 };
        self.lists.push((count as i64, n as i64));
        if self.pairs.len() > MOST {
            return Err(refuse(format!("more than {MOST} distinct rows in a batch")));
        }
        Ok(())
    }

    fn configuration(&mut self, values: &[f32]) -> u32 {
        let next = self.known.len() as u32 + 1;
        let id = *self.known.entry(values.iter().map(|v| v.to_bits()).collect()).or_insert(next);
        if id == next {
            self.configurations.extend_from_slice(values);
        }
        id
    }

    /// The id of a distinct node with a configuration.
    fn pair(&mut self, node: u32, configuration: u32, configurable: bool) -> f32 {
        let next = self.pairs.len() as u32;
        // Joined late, a configurable node has configuration 0 and is still told from others.
        let id = *self.of_pair.entry((node, configuration)).or_insert(next);
        if id == next {
            self.pairs.push((node, configuration, configurable));
        }
        id as f32
    }

    /// The rows of segments, from the last layer of the whole batch to copies.
    fn segment(
        &self,
        graphs: &[ConfiguredGraph<'_>],
        join: Join,
        batch: &GraphBatch,
        device: Device,
    ) -> Result<Adjacency> {
        let (mut positions, mut lengths, mut start) = (Vec::new(), Vec::new(), 0);
        for (graph, &(count, n)) in graphs.iter().zip(&self.lists) {
            for _ in 0..if join == Join::Early { count } else { 1 } {
                positions.extend(graph.segment.iter().map(|&node| start + i64::from(node)));
                lengths.push(graph.segment.len());
                start += n;
            }
        }
        let rows = batch.rows_of(&positions, device)?;
        let sources = Vec::<i64>::try_from(rows.to_device(Device::Cpu)).map_err(torch(PLACE))?;
        let edges = Edges { offsets: offsets(&lengths), sources, ..Edges::default() };
        Adjacency::new(&edges, batch.graph_of_row.columns() as usize, device)
    }

    fn finish(
        self,
        graphs: &[ConfiguredGraph<'_>],
        batch: &GraphBatch,
        segment: Option<Box<Segment>>,
        device: Device,
    ) -> Result<Configured, tch::TchError> {
        let long = |values: &[i64]| Tensor::f_from_slice(values)?.f_to_device(device);
        let width = graphs.first().map_or(0, |graph| graph.width) as i64;
        let columns = graphs.first().map_or(0, |graph| graph.columns);
        let ids = Vec::<f32>::try_from(batch.nodes.f_reshape([-1])?.f_to_device(Device::Cpu)?)?;
        let pairs: Vec<_> = ids.iter().map(|&id| self.pairs[id as usize]).collect();
        let node: Vec<i64> = pairs.iter().map(|&(node, ..)| i64::from(node)).collect();
        let configuration: Vec<i64> = pairs.iter().map(|&(_, id, _)| i64::from(id)).collect();
        let configurable: Vec<bool> = pairs.iter().map(|&(.., configurable)| configurable).collect();
        let zeros = vec![0.0; columns];
        let configurations = [&zeros[..], &self.configurations].concat();
        let positions: Vec<i64> = self.chosen.iter().map(|&(position, _)| position as i64).collect();
        let chosen: Vec<i64> = self.chosen.iter().map(|&(_, id)| i64::from(id)).collect();
        let choices =
            Edges { offsets: offsets(&self.choices), sources: (0..chosen.len() as i64).collect(), ..Edges::default() };
        let choice_row = batch.rows_of(&positions, device).map_err(|e| tch::TchError::Shape(e.to_string()))?;
        let shape = |e: Error| tch::TchError::Shape(e.to_string());
        Ok(Configured {
            features: Tensor::f_from_slice(&self.features)?.f_reshape([-1, width])?.f_to_device(device)?,
            layouts: (!self.layouts.is_empty())
                .then(|| {
                    let distinct = self.opcodes.len() as i64;
                    Tensor::f_from_slice(&self.layouts)?.f_reshape([distinct, -1])?.f_to_device(device)
                })
                .transpose()?,
            opcodes: long(&self.opcodes)?,
            configurations: Tensor::f_from_slice(&configurations)?
                .f_reshape([-1, columns as i64])?
                .f_to_device(device)?,
            node: long(&node)?,
            configuration: long(&configuration)?,
            configurable: Tensor::f_from_slice(&configurable)?.f_to_device(device)?,
            of_copy: long(&self.of_copy)?,
            graph_of_copy: long(&self.graph_of_copy)?,
            choices: Adjacency::new(&choices, chosen.len(), device).map_err(shape)?,
            choice_row,
            choice_configuration: long(&chosen)?,
            lists: self.lists,
            segment,
        })
    }
}

impl Configured {
    /// The same on another device.
    ///
    /// # Errors
    /// A device out of memory.
    pub fn to_device(&self, device: Device) -> Result<Self> {
        let put = |t: &Tensor| t.f_to_device(device).map_err(torch(PLACE));
        let segment = |s: &Segment| -> Result<_> {
            Ok(Box::new(Segment { batch: s.batch.to_device(device)?, rows: s.rows.to_device(device)? }))
        };
        Ok(Self {
            features: put(&self.features)?,
            layouts: self.layouts.as_ref().map(put).transpose()?,
            opcodes: put(&self.opcodes)?,
            configurations: put(&self.configurations)?,
            node: put(&self.node)?,
            configuration: put(&self.configuration)?,
            configurable: put(&self.configurable)?,
            of_copy: put(&self.of_copy)?,
            graph_of_copy: put(&self.graph_of_copy)?,
            choices: self.choices.to_device(device)?,
            choice_row: put(&self.choice_row)?,
            choice_configuration: put(&self.choice_configuration)?,
            lists: self.lists.clone(),
            segment: self.segment.as_deref().map(segment).transpose()?,
        })
    }

    /// The number of copies: rows of the prediction.
    pub fn len(&self) -> i64 {
        self.graph_of_copy.size().first().copied().unwrap_or(0)
    }

    /// True without copies.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows of the read-out as rows of copies: (read-outs, d) → (copies, d).
    ///
    /// # Errors
    /// `x` has too few rows.
    pub fn copies(&self, x: &Tensor) -> Result<Tensor> {
        x.f_index_select(0, &self.graph_of_copy).map_err(torch(PLACE))
    }
}
