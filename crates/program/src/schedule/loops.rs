//! The loops of one stage: its axes, what they were split and fused into, their order and their marks.

use serde::{Deserialize, Serialize};

use crate::{BufferId, Stage};

/// What an axis is to its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Of the result.
    Spatial,
    /// Summed up, or otherwise reduced.
    Reduction,
}

/// How a loop is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// One trip after the other.
    #[default]
    Serial,
    /// Trips shared among threads.
    Parallel,
    /// All trips at once, in the lanes of vectors.
    Vector,
    /// Written out.
    Unroll,
    /// Shared out among what a GPU has.
    Bind(super::Binding),
}

/// An axis, or what became of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoopNode {
    /// Unique within the stage.
    pub name: String,
    /// What it is to the stage.
    pub kind: Kind,
    /// How it is run, if it is a loop.
    pub mark: Mark,
}

/// What a node became.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Parts, outermost first. All but the first have a given extent, or what there is to share out if that is less.
    Split {
        /// What was split.
        parent: usize,
        /// What became of it.
        parts: Vec<usize>,
        /// Extents of all parts but the first.
        factors: Vec<u64>,
    },
    /// One node.
    Fuse {
        /// What was fused, outermost first.
        parents: Vec<usize>,
        /// What became of them.
        fused: usize,
    },
}

/// Where a stage is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// By loops of its own.
    Root,
    /// As much as is needed there, at the beginning of each trip of another stage's loop.
    At(BufferId, usize),
}

/// The loops of one stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Loops {
    /// Axes of the stage, in order, then what became of them.
    pub nodes: Vec<LoopNode>,
    /// How, in the order of the steps.
    pub relations: Vec<Relation>,
    /// The loops, outermost first.
    pub leaves: Vec<usize>,
    /// Where the stage is computed.
    pub place: Place,
    /// Inner loops are unrolled as long as their trips together are no more.
    pub unroll: u64,
}

impl Loops {
    /// One loop for each axis, in order.
    pub fn new(stage: &Stage) -> Self {
        let node = |(i, axis): (usize, &crate::Axis)| {
            let kind = if i < stage.spatial.len() { Kind::Spatial } else { Kind::Reduction };
            LoopNode { name: axis.name.clone(), kind, mark: Mark::Serial }
        };
        let nodes: Vec<LoopNode> = stage.axes().enumerate().map(node).collect();
        let leaves = (0..nodes.len()).collect();
        Self { nodes, relations: Vec::new(), leaves, place: Place::Root, unroll: 0 }
    }

    /// True as long as no step has touched them.
    pub fn is_pristine(&self) -> bool {
        self.relations.is_empty()
            && self.place == Place::Root
            && self.leaves.iter().enumerate().all(|(i, &leaf)| i == leaf)
            && self.nodes.iter().all(|node| node.mark == Mark::Serial)
    }

    /// The loop of this name: its position among the loops.
    pub fn position(&self, name: &str) -> Result<usize, String> {
        let found = self.leaves.iter().position(|&leaf| self.nodes[leaf].name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.leaves.iter().map(|&leaf| self.nodes[leaf].name.as_str()).collect();
            format!("there is no loop `{name}` among {}", names.join(", "))
        })
    }

    fn node(&mut self, name: String, kind: Kind) -> Result<usize, String> {
        if self.nodes.iter().any(|node| node.name == name) {
            return Err(format!("the name `{name}` is taken"));
        }
        self.nodes.push(LoopNode { name, kind, mark: Mark::Serial });
        Ok(self.nodes.len() - 1)
    }

    /// Splits a node that is a loop, without a mark.
    pub(crate) fn split(&mut self, position: usize, factors: &[u64]) -> Result<Vec<usize>, String> {
        let parent = self.leaves[position];
        let LoopNode { name, kind, mark } = self.nodes[parent].clone();
        if factors.is_empty() || factors.contains(&0) || factors.iter().any(|&f| f > 1 << 40) {
            return Err(format!("factors {factors:?}"));
        }
        if mark != Mark::Serial {
            return Err(format!("`{name}` is marked {mark:?} already"));
        }
        let parts: Vec<usize> =
            (0..=factors.len()).map(|i| self.node(format!("{name}.{i}"), kind)).collect::<Result<_, _>>()?;
        self.relations.push(Relation::Split { parent, parts: parts.clone(), factors: factors.to_vec() });
        self.leaves.splice(position..=position, parts.iter().copied());
        Ok(parts)
    }

    /// Fuses loops that follow one another.
    pub(crate) fn fuse(&mut self, first: usize, count: usize) -> Result<usize, String> {
        let parents: Vec<usize> = self.leaves.iter().skip(first).take(count).copied().collect();
        let Some(&outer) = parents.first() else { return Err("nothing to fuse".into()) };
        let nodes = || parents.iter().map(|&node| &self.nodes[node]);
        let kind = self.nodes[outer].kind;
        if nodes().any(|node| node.kind != kind) {
            return Err("axes of the result and of the reduction do not fuse".into());
        }
        if nodes().any(|node| node.mark != Mark::Serial) {
            return Err("a loop is marked already".into());
        }
        let name = nodes().map(|node| node.name.as_str()).collect::<Vec<_>>().join("*");
        let fused = self.node(name, kind)?;
        self.relations.push(Relation::Fuse { parents, fused });
        self.leaves.splice(first..first + count, [fused]);
        Ok(fused)
    }

    /// Puts loops in this order, in the places that they have together.
    pub(crate) fn reorder(&mut self, order: &[String]) -> Result<(), String> {
        let positions: Vec<usize> = order.iter().map(|name| self.position(name)).collect::<Result<_, _>>()?;
        let mut places = positions.clone();
        places.sort_unstable();
        places.dedup();
        if places.len() != positions.len() {
            return Err("a loop is named twice".into());
        }
        let moved: Vec<usize> = positions.iter().map(|&position| self.leaves[position]).collect();
        places.into_iter().zip(moved).for_each(|(place, leaf)| self.leaves[place] = leaf);
        Ok(())
    }

    /// Extents of all nodes, given those of the axes; a split shares out what there is from the innermost part.
    pub(crate) fn extents(&self, axes: &[u64]) -> Vec<u64> {
        let mut extents = axes.to_vec();
        extents.resize(self.nodes.len(), 1);
        for relation in &self.relations {
            match relation {
                Relation::Split { parent, parts, factors } => {
                    let mut rest = extents[*parent];
                    for (&part, &factor) in parts[1..].iter().zip(factors).rev() {
                        extents[part] = factor.min(rest.max(1));
                        rest = rest.div_ceil(extents[part]);
                    }
                    extents[parts[0]] = rest;
                }
                Relation::Fuse { parents, fused } => {
                    extents[*fused] = parents.iter().fold(1, |n: u64, &parent| n.saturating_mul(extents[parent]));
                }
            }
        }
        extents
    }
}
