//! Canonical hash: equal for graphs that compute the same, whatever their names and the order of their nodes.
//!
//! Vertices are the live nodes, the weights and the inputs they read. A vertex starts from its label (operator,
//! attributes, constants, shapes) and is refined forward, with the colours of its operands in order, and backward,
//! with the colours and operand positions of its users. The forward pass is NNLQP's node hash (Liu et al., ICPP
//! 2022); the backward pass tells a shared subexpression from two equal ones.

use std::{collections::HashMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{Attr, BoundGraph, Error, Fact, Held, Node, TensorId, Value};

type Colour = [u8; 32];

/// Rounds of one forward and one backward pass.
const ROUNDS: usize = 2;

/// SHA-256 over a graph's structure; prints and serialises as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalHash(Colour);

impl BoundGraph {
    /// Hash of what runs: live nodes with their attributes, constants and shapes, the weights and inputs they read,
    /// and how they are wired. Independent of names, of the order of nodes, and of the order of inputs and outputs.
    /// Floating-point attributes count to the precision of ONNX, f32.
    pub fn canonical_hash(&self) -> CanonicalHash {
        BatchOptions::new(self).hash()
    }

    /// Exact comparison of what [`BoundGraph::canonical_hash`] hashes: a one-to-one map of nodes, weights and inputs
    /// that keeps labels and operand positions. Takes time linear in the graph unless many of its results are alike.
    ///
    /// A map that is found is checked in full, so `true` is always right. `false` is right unless interchangeable
    /// results share operands in a pattern that two rounds of refinement cannot tell apart.
    pub fn same_as(&self, other: &Self) -> bool {
        BatchOptions::new(self).matches(&BatchOptions::new(other))
    }
}

/// A use of vertex `vertex`: its result `from` is operand `to`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link {
    vertex: usize,
    from: u32,
    to: u32,
}

/// Vertices in topological order.
#[derive(Default)]
struct BatchOptions {
    labels: Vec<Vec<u8>>,
    operands: Vec<Vec<Link>>,
    users: Vec<Vec<Link>>,
    colours: Vec<Colour>,
}

impl BatchOptions {
    fn new(bound: &BoundGraph) -> Self {
        let mut s = Self::default();
        let mut defined: HashMap<TensorId, (usize, u32)> = HashMap::new();
        for &id in bound.live() {
            let node = bound.graph().node(id);
            let mut label = node_label(bound, node);
            let mut operands = Vec::new();
            for (to, tensor) in node.inputs.iter().enumerate() {
                let Some(tensor) = *tensor else {
                    label.push(b'_');
                    continue;
                };
                let fact = bound.fact(tensor);
                if fact.value.is_some() {
                    label.push(b'=');
                    write_fact(&mut label, fact);
                    continue;
                }
                label.push(b'*');
                let (vertex, from) = *defined.entry(tensor).or_insert_with(|| {
                    let mut leaf = vec![if bound.is_parameter(tensor) { b'w' } else { b'x' }];
                    write_fact(&mut leaf, fact);
                    (s.push(leaf, Vec::new()), 0)
                });
                operands.push(Link { vertex, from, to: to as u32 });
            }
            let vertex = s.push(label, operands);
            for (slot, tensor) in node.outputs.iter().enumerate() {
                if let Some(tensor) = tensor {
                    defined.insert(*tensor, (vertex, slot as u32));
                }
            }
        }
        s.refine();
        s
    }

    fn push(&mut self, label: Vec<u8>, operands: Vec<Link>) -> usize {
        let vertex = self.labels.len();
        for link in &operands {
            self.users[link.vertex].push(Link { vertex, ..*link });
        }
        self.colours.push(Sha256::digest(&label).into());
        self.labels.push(label);
        self.operands.push(operands);
        self.users.push(Vec::new());
        vertex
    }

    fn refine(&mut self) {
        for _ in 0..ROUNDS {
            for v in 0..self.labels.len() {
                self.colours[v] = self.mix(v, self.around(&self.operands[v]));
            }
            for v in (0..self.labels.len()).rev() {
                let mut users = self.around(&self.users[v]);
                users.sort_unstable();
                self.colours[v] = self.mix(v, users);
            }
        }
    }

    fn around(&self, links: &[Link]) -> Vec<(u32, u32, Colour)> {
        links.iter().map(|l| (l.to, l.from, self.colours[l.vertex])).collect()
    }

    fn mix(&self, v: usize, around: Vec<(u32, u32, Colour)>) -> Colour {
        let mut hasher = Sha256::new_with_prefix(self.colours[v]);
        for (to, from, colour) in around {
            hasher.update(to.to_le_bytes());
            hasher.update(from.to_le_bytes());
            hasher.update(colour);
        }
        hasher.finalize().into()
    }

    fn sorted_colours(&self) -> Vec<Colour> {
        let mut colours = self.colours.clone();
        colours.sort_unstable();
        colours
    }

    fn hash(&self) -> CanonicalHash {
        let mut hasher = Sha256::new_with_prefix(b"tachograph graph 1");
        self.sorted_colours().iter().for_each(|c| hasher.update(c));
        CanonicalHash(hasher.finalize().into())
    }

    fn sinks(&self) -> impl Iterator<Item = usize> {
        (0..self.labels.len()).filter(|&v| self.users[v].is_empty())
    }

    /// Operand positions are ordered, so where a sink goes decides where everything above it goes:
    /// only sinks of one colour need to be tried against each other.
    fn matches(&self, other: &Self) -> bool {
        if self.sorted_colours() != other.sorted_colours() {
            return false;
        }
        let mut candidates: HashMap<Colour, Vec<usize>> = HashMap::new();
        other.sinks().for_each(|t| candidates.entry(other.colours[t]).or_default().push(t));
        let mut matching = Matching { to: vec![None; self.labels.len()], taken: vec![false; other.labels.len()] };
        for s in self.sinks() {
            let Some(alike) = candidates.get_mut(&self.colours[s]) else { return false };
            let Some(i) = alike.iter().position(|&t| matching.extend(self, other, s, t)) else { return false };
            alike.remove(i);
        }
        matching.to.iter().all(Option::is_some)
    }
}

/// A partial one-to-one map of vertices.
struct Matching {
    to: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Matching {
    /// Maps `s` to `t`, and with them all they depend on; changes nothing when that fails.
    fn extend(&mut self, a: &BatchOptions, b: &BatchOptions, s: usize, t: usize) -> bool {
        let mut added = Vec::new();
        let mut open = vec![(s, t)];
        while let Some((s, t)) = open.pop() {
            if self.to[s] == Some(t) {
                continue;
            }
            let (x, y) = (&a.operands[s], &b.operands[t]);
            let wired = x.len() == y.len() && x.iter().zip(y).all(|(x, y)| (x.from, x.to) == (y.from, y.to));
            if self.to[s].is_some() || self.taken[t] || !wired || a.labels[s] != b.labels[t] {
                for (s, t) in added {
                    self.to[s] = None;
                    self.taken[t] = false;
                }
                return false;
            }
            self.to[s] = Some(t);
            self.taken[t] = true;
            added.push((s, t));
            open.extend(x.iter().zip(y).map(|(x, y)| (x.vertex, y.vertex)));
        }
        true
    }
}

/// Everything about a node that is not a name and not an operand. Strings and lists are preceded by their lengths,
/// so that no two labels read alike.
fn node_label(bound: &BoundGraph, node: &Node) -> Vec<u8> {
    let mut label = vec![b'n', node.phase as u8];
    write_text(&mut label, &node.op.to_string());
    write_len(&mut label, node.attrs.len());
    for (name, attr) in &node.attrs {
        write_text(&mut label, name);
        write_attr(&mut label, attr);
    }
    write_len(&mut label, node.outputs.len());
    for tensor in &node.outputs {
        match tensor {
            None => label.push(b'_'),
            Some(tensor) => {
                label.push(if bound.graph().outputs().contains(tensor) { b'!' } else { b'.' });
                write_fact(&mut label, bound.fact(*tensor));
            }
        }
    }
    write_len(&mut label, node.inputs.len());
    label
}

fn write_len(out: &mut Vec<u8>, n: usize) {
    out.extend((n as u64).to_le_bytes());
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_len(out, text.len());
    out.extend(text.bytes());
}

fn write_ints(out: &mut Vec<u8>, tag: u8, v: &[i64]) {
    out.push(tag);
    write_len(out, v.len());
    out.extend(v.iter().flat_map(|x| x.to_le_bytes()));
}

fn write_floats(out: &mut Vec<u8>, tag: u8, v: &[f64]) {
    out.push(tag);
    write_len(out, v.len());
    out.extend(v.iter().flat_map(|&x| (x as f32).to_le_bytes()));
}

pub(crate) fn write_attr(out: &mut Vec<u8>, attr: &Attr) {
    match attr {
        Attr::Int(v) => write_ints(out, b'i', &[*v]),
        Attr::Ints(v) => write_ints(out, b'I', v),
        Attr::Float(v) => write_floats(out, b'f', &[*v]),
        Attr::Floats(v) => write_floats(out, b'F', v),
        Attr::Str(v) => {
            out.push(b's');
            write_text(out, v);
        }
        Attr::Strs(v) => {
            out.push(b'S');
            write_len(out, v.len());
            v.iter().for_each(|s| write_text(out, s));
        }
        Attr::Graph(body) => {
            out.push(b'g');
            out.extend(body.digest());
        }
        // Binding leaves none of these.
        Attr::Free { name, repeat } => {
            out.extend([b'h', *repeat]);
            write_text(out, name);
        }
    }
}

fn write_fact(out: &mut Vec<u8>, fact: &Fact) {
    match &fact.held {
        None => {}
        Some(Held::Sequence(items)) => {
            out.push(b'{');
            write_len(out, items.len());
            items.iter().for_each(|item| write_fact(out, item));
        }
        Some(Held::Alike(item)) => {
            out.push(b'~');
            write_fact(out, item);
        }
        Some(Held::Nothing) => out.push(b'0'),
    }
    write_text(out, &fact.dtype.to_string());
    match &fact.shape {
        None => out.push(b'?'),
        Some(shape) => {
            out.push(b'[');
            write_len(out, shape.len());
            out.extend(shape.iter().flat_map(|d| d.to_le_bytes()));
        }
    }
    match &fact.value {
        None => out.push(b'?'),
        Some(Value::Ints(v)) => write_ints(out, b'I', v),
        Some(Value::Floats(v)) => write_floats(out, b'F', v),
    }
}

impl fmt::Display for CanonicalHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CanonicalHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CanonicalHash {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        let refuse = || Error::Format { what: format!("hash `{s}`"), message: "not 64 hexadecimal digits".into() };
        if s.len() != 64 || !s.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        let mut colour = Colour::default();
        for (i, byte) in colour.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&s[2 * i..2 * i + 2], 16).map_err(|_| refuse())?;
        }
        Ok(Self(colour))
    }
}

impl Serialize for CanonicalHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CanonicalHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
