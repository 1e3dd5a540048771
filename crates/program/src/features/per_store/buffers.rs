//! The second group: how a store touches its buffers.

use super::access::{Access, Memory};
use super::{Dialect, slog};
use crate::Var;

/// Columns of one buffer.
pub(super) const COLUMNS: [&str; 18] = [
    "read",
    "written",
    "read and written",
    "bytes",
    "unique bytes",
    "lines",
    "unique lines",
    "reused in a loop",
    "reused in turn",
    "not reused",
    "reuse distance in iterations",
    "reuse distance in bytes",
    "reuse count",
    "bytes per reuse",
    "unique bytes per reuse",
    "lines per reuse",
    "unique lines per reuse",
    "stride",
];

/// Bytes of a line of a cache.
const LINE: f64 = 64.0;

/// What the stores so far have touched of a buffer inside of a loop.
pub(super) struct Touched {
    pub buffer: usize,
    /// Elements, of all stores together, of the first and of the one with the fewest.
    pub sum: i64,
    pub first: i64,
    pub min: i64,
    pub stores: u64,
}

/// By number of the loop.
pub(super) type Touches = Vec<Vec<Touched>>;

/// Notes what a store touches.
pub(super) fn note(touches: &mut Touches, loops: &[Around], accesses: &[Access<'_>]) {
    for (depth, around) in loops.iter().enumerate() {
        let Some(inside) = touches.get_mut(around.id) else { continue };
        for access in accesses {
            let n = access.elements.get(depth).copied().unwrap_or(0);
            match inside.iter_mut().find(|touched| touched.buffer == access.buffer) {
                Some(touched) => {
                    touched.sum = touched.sum.saturating_add(n);
                    touched.min = touched.min.min(n);
                    touched.stores += 1;
                }
                None => inside.push(Touched { buffer: access.buffer, sum: n, first: n, min: n, stores: 1 }),
            }
        }
    }
}

/// A loop around a store.
pub(super) struct Around {
    pub var: Var,
    /// Which of all loops.
    pub id: usize,
    pub extent: f64,
}

/// What there is to know about a store's surroundings.
pub(super) struct Context<'a> {
    pub dialect: Dialect,
    pub loops: &'a [Around],
    /// The product of their trips.
    pub trips: f64,
    pub touches: &'a Touches,
    pub memory: &'a [Memory],
}

#[derive(Clone, Copy, Default)]
struct Reuse {
    /// In a loop, in turn, or none.
    kind: [f64; 3],
    iterations: f64,
    bytes: f64,
    count: f64,
}

/// Eighteen numbers for each of the first five buffers: those with the most lines, then bytes, then by name.
pub(super) fn features(context: &Context<'_>, accesses: &[Access<'_>], row: &mut Vec<f64>) {
    let mut all: Vec<(f64, f64, &str, [f64; 18])> =
        accesses.iter().map(|access| context.access(access, accesses)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(b.2)));
    for i in 0..super::BUFFERS {
        row.extend(all.get(i).map_or([0.0; 18], |(.., features)| *features));
    }
}

impl Context<'_> {
    fn access(&self, access: &Access<'_>, all: &[Access<'_>]) -> (f64, f64, &str, [f64; 18]) {
        let memory = &self.memory[access.buffer];
        let size = memory.bytes as f64;
        // The innermost loop that moves the access, and by how much.
        let moving = self.loops.iter().enumerate().rev().find_map(|(depth, around)| {
            let stride = access.stride(memory, around.var);
            (stride != 0).then_some((depth, stride as f64))
        });
        let (depth, stride) = moving.map_or((None, 0.0), |(depth, stride)| (Some(depth), stride));
        let inner = &self.loops[depth.map_or(0, |depth| depth + 1)..];
        let innermost = if inner.is_empty() { stride } else { 0.0 };
        let still: f64 = match self.dialect {
            Dialect::MetaSchedule => inner.iter().map(|around| around.extent).product(),
            // Ansor multiplies by the extent of the innermost loop each time.
            Dialect::Ansor => self.loops.last().map_or(1.0, |last| last.extent.powi(inner.len() as i32)),
        };
        let whole = access.shape.iter().zip(&memory.extents).rev().find(|(touched, extent)| touched == extent);
        let ansor = self.dialect == Dialect::Ansor;
        let contiguous = whole.map_or(if ansor { size } else { 1.0 }, |(_, &extent)| extent as f64 * size);

        let bytes = size * self.trips;
        let (unique, lines, unique_lines) = match access.elements.first() {
            None => (if ansor { size } else { 1.0 }, 1.0, 1.0),
            Some(&elements) => {
                // Ansor looks up what the first of all stores has touched.
                let first = self.loops.first().and_then(|outermost| self.touched(outermost, access.buffer));
                let elements = first.filter(|_| ansor).map_or(elements, |touched| touched.first);
                let unique = elements as f64 * size;
                let lines = self.trips / still * (stride * size / LINE).min(1.0);
                (unique, lines.max(1.0), (unique / LINE.min(contiguous)).max(1.0))
            }
        };
        let reuse = self.reuse(access, all);
        let each = if reuse.count > 0.0 { reuse.count } else { 0.5 };
        let flag = |is: bool| f64::from(u8::from(is));
        let features = [
            flag(access.read && !access.written),
            flag(!access.read),
            flag(access.read && access.written),
            slog(bytes),
            slog(unique),
            slog(lines),
            slog(unique_lines),
            reuse.kind[0],
            reuse.kind[1],
            reuse.kind[2],
            slog(reuse.iterations),
            slog(reuse.bytes),
            slog(reuse.count),
            slog(bytes / each),
            slog(unique / each),
            slog(lines / each),
            slog(unique_lines / each),
            slog(innermost),
        ];
        (lines, bytes, &memory.name, features)
    }

    fn touched(&self, around: &Around, buffer: usize) -> Option<&Touched> {
        self.touches.get(around.id)?.iter().find(|touched| touched.buffer == buffer)
    }

    /// Bytes that the stores so far touch inside of a loop.
    fn bytes_inside(&self, around: &Around) -> f64 {
        let inside = self.touches.get(around.id);
        inside.into_iter().flatten().map(|t| t.sum as f64 * self.memory[t.buffer].bytes as f64).sum()
    }

    /// The innermost loop that reads the same again, or in which more than one store touches the buffer.
    fn reuse(&self, access: &Access<'_>, all: &[Access<'_>]) -> Reuse {
        for (depth, around) in self.loops.iter().enumerate().rev() {
            let inner = &self.loops[depth + 1..];
            if !access.depends_on(around.var) {
                let bytes = match inner.first() {
                    Some(next) => self.bytes_inside(next),
                    // One element of each; to Ansor of each access of all stores so far.
                    None if self.dialect == Dialect::Ansor => {
                        let inside = self.touches.get(around.id).into_iter().flatten();
                        inside.map(|t| t.stores as f64 * self.memory[t.buffer].bytes as f64).sum()
                    }
                    None => all.iter().map(|access| self.memory[access.buffer].bytes as f64).sum(),
                };
                let iterations = inner.iter().map(|around| around.extent).product();
                return Reuse { kind: [1.0, 0.0, 0.0], iterations, bytes, count: around.extent };
            }
            if let Some(touched) = self.touched(around, access.buffer).filter(|touched| touched.stores > 1) {
                return Reuse {
                    kind: [0.0, 1.0, 0.0],
                    iterations: touched.min as f64 / around.extent,
                    bytes: self.bytes_inside(around) / around.extent,
                    count: (touched.stores - 1) as f64,
                };
            }
        }
        Reuse { kind: [0.0, 0.0, 1.0], ..Reuse::default() }
    }
}
