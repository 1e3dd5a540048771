//! Fusion: which operators a compiler runs as one kernel.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::{BoundGraph, Error, Node, NodeId, Result, TensorId};

/// How an operator fuses with its neighbours. Operators tell it of themselves:
/// [`Operator::fuses`](crate::Operator::fuses).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fusion {
    /// Starts a kernel that others may join.
    Anchor,
    /// Arithmetic by element, or what comes to that: joins the kernel whose result it reads, or starts one.
    Follower,
    /// Runs as a kernel of its own.
    Alone,
}

impl Fusion {
    /// The entry of a [`FusionRule`] that stands for every operator that fuses so.
    fn entry(self) -> &'static str {
        match self {
            Self::Anchor => "@anchor",
            Self::Follower => "@follower",
            Self::Alone => "@alone",
        }
    }
}

/// What a compiler fuses: names of operators, or `@anchor`, `@follower` and `@alone`, each of which stands for all
/// operators that say so of themselves ([`Fusion`]). It is data, so that a device can have its own:
///
/// ```
/// use tachograph_ir::FusionRule;
/// let rule = FusionRule::from_toml(r#"
///     anchors = ["@anchor", "Softmax"]
///     followers = ["Relu", "Add"]
/// "#)?;
/// assert!(rule.anchors.contains("Softmax"));
/// # Ok::<(), tachograph_ir::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionRule {
    /// Operators that start a group which others may join.
    pub anchors: BTreeSet<String>,
    /// Element-wise operators that join the group whose result they read.
    pub followers: BTreeSet<String>,
}

impl FusionRule {
    /// Reads a rule.
    ///
    /// # Errors
    /// A text that is no TOML, or that lacks a list or has anything else; an entry with `@` that stands for nothing.
    pub fn from_toml(text: &str) -> Result<Self> {
        let format = |message: String| Error::Format { what: "fusion rule".into(), message };
        let rule: Self = toml::from_str(text).map_err(|error| format(error.to_string()))?;
        let known = [Fusion::Anchor, Fusion::Follower, Fusion::Alone].map(Fusion::entry);
        let mut entries = rule.anchors.iter().chain(&rule.followers);
        match entries.find(|entry| entry.starts_with('@') && !known.contains(&entry.as_str())) {
            Some(entry) => Err(format(format!("`{entry}` is none of {}", known.join(", ")))),
            None => Ok(rule),
        }
    }

    fn anchors(&self, node: &Node) -> bool {
        has(&self.anchors, node)
    }

    fn follows(&self, node: &Node) -> bool {
        has(&self.followers, node)
    }
}

fn has(entries: &BTreeSet<String>, node: &Node) -> bool {
    entries.contains(node.op.name()) || entries.contains(node.fuses().entry())
}

impl Default for FusionRule {
    /// The bundled rule: what operators say of themselves. Convolutions, matrix products, poolings and element-wise
    /// operators start groups, and element-wise operators and batch normalisation join them.
    fn default() -> Self {
        Self::from_toml(include_str!("../fusion/default.toml")).expect("the bundled rule parses: a test reads it")
    }
}

/// Nodes that run as one kernel: its anchor, then those that follow, in topological order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FusionGroup {
    /// The nodes; the first is the anchor, and only the result of the last is read outside of the group.
    pub nodes: Vec<NodeId>,
}

impl BoundGraph {
    /// Partitions the live nodes into kernels, in topological order.
    ///
    /// In order of the nodes, a follower joins the group that ends in the producer of one of its operands (the latest,
    /// if several do) if nothing else reads that operand, or if what else reads it ends in the follower too, by way of
    /// followers alone: so `x·sigmoid(x)` joins the convolution that made `x`. Every other node starts a group, which
    /// none can join unless the rule has its operator among the anchors. Operators of a training step are not fused.
    pub fn fuse(&self, rule: &FusionRule) -> Vec<FusionGroup> {
        let mut partition = Partition::new(self, rule);
        for &id in self.live() {
            partition.place(id);
        }
        partition.groups.sort_by_key(|group| group.nodes.last().copied());
        partition.groups
    }
}

struct Partition<'a> {
    bound: &'a BoundGraph,
    rule: &'a FusionRule,
    /// Live readers of each result, one entry a use; outputs of the graph have the reader `None`.
    readers: HashMap<TensorId, Vec<Option<NodeId>>>,
    groups: Vec<FusionGroup>,
    /// Group of each placed node.
    placed: HashMap<NodeId, usize>,
}

impl<'a> Partition<'a> {
    fn new(bound: &'a BoundGraph, rule: &'a FusionRule) -> Self {
        let mut readers: HashMap<TensorId, Vec<Option<NodeId>>> = HashMap::new();
        for &id in bound.live() {
            for &operand in bound.graph().node(id).inputs.iter().flatten() {
                readers.entry(operand).or_default().push(Some(id));
            }
        }
        for &output in bound.graph().outputs() {
            readers.entry(output).or_default().push(None);
        }
        Self { bound, rule, readers, groups: Vec::new(), placed: HashMap::new() }
    }

    fn place(&mut self, id: NodeId) {
        if self.placed.contains_key(&id) {
            return;
        }
        let members = self.join(id);
        let group = match members {
            Some((group, _)) => group,
            None => {
                self.groups.push(FusionGroup { nodes: Vec::new() });
                self.groups.len() - 1
            }
        };
        for member in members.map_or(vec![id], |(_, members)| members) {
            self.groups[group].nodes.push(member);
            self.placed.insert(member, group);
        }
    }

    /// The group that `id` may join, and the nodes that join with it.
    fn join(&self, id: NodeId) -> Option<(usize, Vec<NodeId>)> {
        let operands = self.bound.graph().node(id).inputs.iter().flatten();
        let producers = operands.filter_map(|&t| Some((self.bound.graph().producer(t)?, t)));
        let mut ends: Vec<(NodeId, usize, TensorId)> = producers
            .filter_map(|(producer, t)| Some((producer, *self.placed.get(&producer)?, t)))
            .filter(|(producer, group, _)| self.open(*group, *producer))
            .collect();
        ends.sort_unstable();
        ends.into_iter().rev().find_map(|(_, group, t)| Some((group, self.closed(id, t)?)))
    }

    /// True for a group that ends in `last`, has one result, and may grow.
    fn open(&self, group: usize, last: NodeId) -> bool {
        let nodes = &self.groups[group].nodes;
        let graph = self.bound.graph();
        let anchored = nodes.first().is_some_and(|&first| self.rule.anchors(graph.node(first)));
        anchored && nodes.last() == Some(&last) && graph.node(last).outputs.iter().flatten().count() == 1
    }

    /// The nodes that must join together so that nothing outside of the group reads `operand`: `id` alone if it is
    /// the only reader, else `id` and what leads from it to the one other reader.
    fn closed(&self, id: NodeId, operand: TensorId) -> Option<Vec<NodeId>> {
        let mut readers = self.readers.get(&operand)?.iter().copied().collect::<Option<Vec<NodeId>>>()?;
        readers.sort_unstable();
        readers.dedup();
        readers.retain(|&reader| reader != id);
        let mut members = vec![id];
        if !self.follows(id) {
            return None;
        }
        let end = match readers[..] {
            [] => return Some(members),
            [end] => end,
            _ => return None,
        };
        while members.last() != Some(&end) {
            let &[Some(result)] = self.bound.graph().node(*members.last()?).outputs.as_slice() else { return None };
            let mut next = self.readers.get(&result)?.iter().copied().collect::<Option<Vec<NodeId>>>()?;
            next.dedup();
            let &[next] = next.as_slice() else { return None };
            if !self.follows(next) || self.placed.contains_key(&next) || !self.ready(next, &members) {
                return None;
            }
            members.push(next);
        }
        Some(members)
    }

    fn follows(&self, id: NodeId) -> bool {
        let node = self.bound.graph().node(id);
        node.phase == crate::Phase::Forward && self.rule.follows(node)
    }

    /// True if what `id` reads is there once `members` have run.
    fn ready(&self, id: NodeId, members: &[NodeId]) -> bool {
        let graph = self.bound.graph();
        let producers = graph.node(id).inputs.iter().flatten().filter_map(|&t| graph.producer(t));
        let live = |p: &NodeId| self.bound.live().binary_search(p).is_ok();
        producers.filter(live).all(|p| self.placed.contains_key(&p) || members.contains(&p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attrs, Builder, DType};

    /// Operators of each group, joined by `+`.
    fn fused(bound: &BoundGraph, rule: &FusionRule) -> Vec<String> {
        let name = |&id: &NodeId| bound.graph().node(id).op.name().to_owned();
        bound.fuse(rule).iter().map(|group| group.nodes.iter().map(name).collect::<Vec<_>>().join("+")).collect()
    }

    fn network(build: impl FnOnce(&mut Builder, TensorId) -> Result<TensorId>) -> BoundGraph {
        let mut b = Builder::new("network");
        let x = b.input("x", DType::F32, vec![1.into(), 8.into(), 16.into(), 16.into()]);
        let y = build(&mut b, x).unwrap();
        b.finish(&[y]).unwrap().bind(&Default::default()).unwrap()
    }

    fn conv(b: &mut Builder, x: TensorId) -> Result<TensorId> {
        b.conv(x, 8, [3, 3], 1, 1, 1, true)
    }

    #[test]
    fn a_residual_joins_the_later_branch() {
        let block = network(|b, x| {
            let shortcut = conv(b, x)?;
            let y = conv(b, x)?;
            let y = b.op("Relu", &[y])?;
            let y = conv(b, y)?;
            let y = b.op("Add", &[y, shortcut])?;
            b.op("Relu", &[y])
        });
        assert_eq!(fused(&block, &FusionRule::default()), ["Conv", "Conv+Relu", "Conv+Add+Relu"]);
        let rule = FusionRule::from_toml("anchors = ['Conv']\nfollowers = ['Relu']").unwrap();
        assert_eq!(fused(&block, &rule), ["Conv", "Conv+Relu", "Conv", "Add", "Relu"]);
    }

    #[test]
    fn a_gate_joins_and_a_second_reader_prevents() {
        let gated = network(|b, x| {
            let x = conv(b, x)?;
            let gate = b.op("Sigmoid", &[x])?;
            let y = b.op("Mul", &[x, gate])?;
            conv(b, y)
        });
        assert_eq!(fused(&gated, &FusionRule::default()), ["Conv+Sigmoid+Mul", "Conv"]);
        let pooled = network(|b, x| {
            let x = conv(b, x)?;
            let gate = b.op("GlobalAveragePool", &[x])?;
            let gate = b.op("Sigmoid", &[gate])?;
            b.op("Mul", &[x, gate])
        });
        assert_eq!(fused(&pooled, &FusionRule::default()), ["Conv", "GlobalAveragePool+Sigmoid+Mul"]);
    }

    #[test]
    fn outputs_and_several_results_end_a_group() {
        let split = network(|b, x| {
            let x = conv(b, x)?;
            let parts = b.node(
                "Split",
                &[Some(x)],
                Attrs::from([("axis".into(), 1i64.into()), ("num_outputs".into(), 2i64.into())]),
                2,
            )?;
            let first = b.op("Relu", &[parts[0]])?;
            b.op("Add", &[first, parts[1]])
        });
        assert_eq!(fused(&split, &FusionRule::default()), ["Conv", "Split", "Relu+Add"]);
        let mut b = Builder::new("two outputs");
        let x = b.input("x", DType::F32, vec![1.into(), 8.into(), 4.into(), 4.into()]);
        let y = conv(&mut b, x).unwrap();
        let z = b.op("Relu", &[y]).unwrap();
        let bound = b.finish(&[z, y]).unwrap().bind(&Default::default()).unwrap();
        assert_eq!(fused(&bound, &FusionRule::default()), ["Conv", "Relu"]);
    }

    #[test]
    fn activations_follow_whatever_their_name() {
        for name in ["FastGelu", "QuickGelu", "Celu", "Softsign", "ThresholdedRelu"] {
            let activated = network(|b, x| {
                let x = conv(b, x)?;
                b.op(name, &[x])
            });
            assert_eq!(fused(&activated, &FusionRule::default()), [format!("Conv+{name}")]);
        }
    }

    #[test]
    fn bad_rules_are_refused() {
        let unknown = "anchors = ['@matrix']\nfollowers = []";
        for text in ["anchors = []", "anchors = ['Conv']\nfollowers = []\nlimit = 3", "followers", unknown] {
            assert!(FusionRule::from_toml(text).is_err(), "{text}");
        }
    }
}
