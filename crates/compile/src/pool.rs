//! What kernels read of weights: packed as they want it, each once, in one block of bytes.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// Where kernels suppose buffers to begin.
pub const ALIGN: u64 = 64;

/// Bytes behind weights and behind the arena that nobody writes: what GCC 12 makes of sums over reads that are some numbers apart
/// reads all that lies between them, behind the last one too.
pub const SLACK: u64 = 4096;

/// Bytes, and where what lies in them.
#[derive(Default)]
pub struct Pool {
    /// All of them.
    pub bytes: Vec<u8>,
    known: HashMap<[u8; 32], u64>,
}

impl Pool {
    /// Where these bytes lie; the same bytes lie in one place.
    pub fn put(&mut self, bytes: &[u8]) -> u64 {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        *self.known.entry(digest).or_insert_with(|| {
            self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN as usize), 0);
            let at = self.bytes.len() as u64;
            self.bytes.extend_from_slice(bytes);
            at
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_lies_once() {
        let mut pool = Pool::default();
        assert_eq!([pool.put(&[1, 2]), pool.put(&[3]), pool.put(&[1, 2])], [0, 64, 0]);
        assert_eq!(pool.bytes.len(), 65);
    }
}
