//! Canonical hash of workloads: equal for those that compute the same in the same stages, whatever the names.

use std::{collections::HashMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{BufferId, Error, Expr, Workload};

/// SHA-256 of a workload; prints and serialises as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadHash(pub(crate) [u8; 32]);

impl Workload {
    /// Hash of what is computed: buffers in the order in which stages read them, shapes, types, expressions. Names of
    /// the workload, of buffers and of axes do not count, nor do buffers that nothing reads, nor the order of stages
    /// that do not depend on each other.
    pub fn hash(&self) -> WorkloadHash {
        let mut memo: HashMap<BufferId, [u8; 32]> = HashMap::new();
        let mut given = 0u32;
        // Stages are in topological order, so what a stage reads is hashed before it.
        let mut order = Vec::new();
        self.outputs.iter().for_each(|&output| self.collect(output, &mut order));
        for id in order {
            let buffer = self.buffer(id);
            let mut hasher = Sha256::new();
            hasher.update(format!("{:?} {} {:?};", buffer.role, buffer.dtype, buffer.shape));
            match self.stage(id) {
                None => {
                    // Two inputs of one shape are different things: they count in the order in which they are met.
                    hasher.update(given.to_le_bytes());
                    given += 1;
                }
                Some(stage) => {
                    let extents: Vec<u64> = stage.axes().map(|axis| axis.extent).collect();
                    hasher.update(format!("{extents:?} {} {:?};", stage.spatial.len(), stage.reducer));
                    let mut renumber = |expr: Expr| match expr {
                        Expr::Load(read, index) => Expr::Load(local(&mut hasher, &memo, read), index),
                        Expr::Lookup { buffer, axis, position, index } => {
                            Expr::Lookup { buffer: local(&mut hasher, &memo, buffer), axis, position, index }
                        }
                        other => other,
                    };
                    let value = stage.value.map(&mut renumber, &Clone::clone);
                    hasher.update(format!("{value:?}"));
                }
            }
            memo.insert(id, hasher.finalize().into());
        }
        let mut hasher = Sha256::new();
        hasher.update(b"workload 1;");
        self.outputs.iter().filter_map(|output| memo.get(output)).for_each(|hash| hasher.update(hash));
        WorkloadHash(hasher.finalize().into())
    }

    /// What a buffer depends on, then itself, each once.
    fn collect(&self, id: BufferId, order: &mut Vec<BufferId>) {
        if order.contains(&id) {
            return;
        }
        if let Some(stage) = self.stage(id) {
            stage.value.reads().into_iter().for_each(|read| self.collect(read, order));
        }
        order.push(id);
    }
}

/// Writes what is read, and gives all reads one number: order and content are in the hash already.
fn local(hasher: &mut Sha256, memo: &HashMap<BufferId, [u8; 32]>, read: BufferId) -> BufferId {
    if let Some(hash) = memo.get(&read) {
        hasher.update(hash);
    }
    BufferId(0)
}

impl fmt::Display for WorkloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for WorkloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for WorkloadHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::Format { what: "hash", message: format!("`{text}` is not 64 hexadecimal digits") };
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(bad());
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for WorkloadHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WorkloadHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
