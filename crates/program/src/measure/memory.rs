//! Memory that begins at a cache line, as generated code supposes of its arguments.

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Bytes that begin at a cache line and keep their address, wherever this is moved.
pub struct Memory {
    /// Where the lines begin: they are used by this address alone.
    base: *mut u8,
    bytes: usize,
    _lines: Vec<Line>,
}

// SAFETY: it owns its lines, as a vector does; what is done through addresses is up to who asks for them.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// So many bytes, all 0.
    pub fn new(bytes: u64) -> Self {
        let mut lines = vec![Line([0; 64]); (bytes as usize).div_ceil(64).max(1)];
        Self { base: lines.as_mut_ptr().cast(), bytes: bytes as usize, _lines: lines }
    }

    /// A copy of bytes.
    pub fn of(data: &[u8]) -> Self {
        let mut memory = Self::new(data.len() as u64);
        memory.bytes().copy_from_slice(data);
        memory
    }

    /// The address of a byte. Reading and writing through it is up to who asks.
    pub fn at(&self, offset: u64) -> *mut u8 {
        self.base.wrapping_add(offset as usize)
    }

    /// All bytes.
    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: a `Line` is 64 bytes without padding, there are as many lines as `bytes` needs, and nobody else has them.
        unsafe { std::slice::from_raw_parts_mut(self.base, self.bytes) }
    }
}
