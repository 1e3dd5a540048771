//! What a store touches: its buffers, each with all its indices.

use std::collections::HashMap;

use super::super::{
    form::{self, Node},
    walk::{Read, Site, reads},
};
use super::Dialect;
use crate::{Expr, Index, Nest, Range, Var};

/// What features need of a buffer: worked out once for a nest.
pub(super) struct Memory {
    pub name: String,
    pub extents: Vec<i64>,
    pub strides: Vec<i64>,
    /// Bytes of an element.
    pub bytes: i64,
}

impl Memory {
    /// Every buffer by its number.
    pub fn all(nest: &Nest) -> Vec<Self> {
        let memory = |buffer: &crate::NestBuffer| {
            let extents: Vec<i64> = buffer.extents().iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX)).collect();
            Self::new(&buffer.name, extents, buffer.dtype.bits().div_ceil(8) as i64)
        };
        nest.buffers.iter().map(memory).collect()
    }

    pub fn new(name: &str, extents: Vec<i64>, bytes: i64) -> Self {
        let mut strides = vec![1i64; extents.len()];
        for dim in (1..extents.len()).rev() {
            strides[dim - 1] = strides[dim].saturating_mul(extents[dim]);
        }
        // Ties are broken by name; TVM knows no dots in one.
        Self { name: name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"), extents, strides, bytes }
    }
}

/// Along one dimension.
enum Along<'a> {
    Index(&'a Index),
    /// Anywhere, depending on data that is found by these variables.
    Anywhere(Vec<Var>),
}

/// A buffer that a store touches.
pub(super) struct Access<'a> {
    pub buffer: usize,
    pub read: bool,
    pub written: bool,
    /// Indices, each with its nodes for every dimension.
    indices: Vec<Vec<(Along<'a>, Vec<Node>)>>,
    /// Extents of what is touched while all loops run.
    pub shape: Vec<i64>,
    /// Elements that are touched while the loop at this depth, and those inside of it, run.
    pub elements: Vec<i64>,
}

impl<'a> Access<'a> {
    fn add(&mut self, index: impl Iterator<Item = Along<'a>>) {
        let with_nodes = |along: Along<'a>| {
            let mut nodes = Vec::new();
            match &along {
                Along::Index(index) => form::nodes(index, &mut nodes),
                Along::Anywhere(vars) => nodes.extend(vars.iter().map(|&var| Node::Var(var))),
            }
            (along, nodes)
        };
        self.indices.push(index.map(with_nodes).collect());
    }

    /// True if the variable occurs in an index.
    pub fn depends_on(&self, var: Var) -> bool {
        self.indices.iter().flatten().any(|(_, nodes)| nodes.contains(&Node::Var(var)))
    }

    /// The least distance in elements that the variable moves an index by; 0 where it moves none.
    pub fn stride(&self, memory: &Memory, var: Var) -> i64 {
        let of = |index: &Vec<(Along<'_>, Vec<Node>)>| {
            let moved = index.iter().zip(&memory.strides).rev().find_map(|((_, nodes), &stride)| {
                let coefficient = form::coefficient(nodes, var);
                (coefficient != 0).then(|| coefficient.abs().saturating_mul(stride))
            });
            moved.into_iter().min()
        };
        self.indices.iter().filter_map(of).min().unwrap_or(0)
    }

    /// Sets what is touched by each loop: `range` has the values of variables by depth.
    pub fn touch(&mut self, memory: &Memory, depths: usize, dialect: Dialect, range: &dyn Fn(Var, usize) -> Range) {
        self.shape = vec![1; memory.extents.len()];
        self.elements = vec![0; depths];
        for depth in (0..depths).rev() {
            let ranges = |var: Var| range(var, depth);
            for (dim, &extent) in memory.extents.iter().enumerate() {
                let of = |index: &Vec<(Along<'_>, Vec<Node>)>| match index.get(dim).map(|(along, _)| along) {
                    Some(Along::Index(index)) if dialect == Dialect::MetaSchedule => form::stale_range(index, &ranges),
                    Some(Along::Index(index)) => index.range(&ranges),
                    _ => Range { min: 0, max: extent.saturating_sub(1) },
                };
                let both = |a: Range, b: Range| Range { min: a.min.min(b.min), max: a.max.max(b.max) };
                let all = self.indices.iter().map(of).reduce(both);
                self.shape[dim] = all.map_or(1, |r| r.max.saturating_sub(r.min).saturating_add(1));
            }
            self.elements[depth] = self.shape.iter().fold(1, |n: i64, &e| n.saturating_mul(e)).max(0);
        }
    }
}

/// The buffers of a store: the one that it writes first, then those that it reads. Tables of numbers are buffers, too,
/// which `tables` numbers behind all others.
pub(super) fn accesses<'a>(
    site: &'a Site<'_>,
    memory: &mut Vec<Memory>,
    tables: &mut HashMap<Vec<u64>, usize>,
) -> Vec<Access<'a>> {
    let new = |buffer: usize, read: bool| Access {
        buffer,
        read,
        written: !read,
        indices: Vec::new(),
        shape: Vec::new(),
        elements: Vec::new(),
    };
    let mut found = vec![new(site.buffer.index(), false)];
    found[0].add(site.index.iter().map(Along::Index));
    reads(&site.value, &mut |read| {
        let (buffer, index): (usize, Vec<Along<'a>>) = match read {
            Read::Buffer { buffer, index, looked_up } => {
                let along = |(dim, index): (usize, &'a Index)| match looked_up {
                    Some((axis, position)) if axis == dim => Along::Anywhere(variables(position)),
                    _ => Along::Index(index),
                };
                (buffer.index(), index.iter().enumerate().map(along).collect())
            }
            Read::Table { values, index } => {
                let key: Vec<u64> = values.iter().map(|x| x.to_bits()).collect();
                let next = memory.len();
                let buffer = *tables.entry(key).or_insert(next);
                if buffer == next {
                    memory.push(Memory::new(&format!("table{next}"), vec![values.len() as i64], 4));
                }
                (buffer, vec![Along::Index(index)])
            }
        };
        match found.iter_mut().find(|access| access.buffer == buffer) {
            // Of a buffer that is written and read, the index of the store alone counts.
            Some(access) if access.written => access.read = true,
            Some(access) => access.add(index.into_iter()),
            None => {
                let mut access = new(buffer, true);
                access.add(index.into_iter());
                found.push(access);
            }
        }
    });
    found
}

fn variables(expr: &Expr) -> Vec<Var> {
    let mut found = Vec::new();
    expr.visit(&mut |_| {}, &mut |index| index.each_var(&mut |var| found.push(var)));
    found
}
