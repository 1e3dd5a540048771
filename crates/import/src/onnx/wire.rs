//! Decoding with a bound on memory.

use bytes::{Buf, Bytes};
use prost::Message;

use super::proto::ModelProto;
use crate::{Error, Result};

/// Most fields and numbers that a file may consist of. Each costs at most some hundred bytes of memory, so a
/// file of billions of empty messages fails instead of exhausting it. The largest models known need a tenth.
const MAX_STEPS: usize = 1 << 24;

/// A buffer that counts reads and, past the limit, pretends to be empty. Slices share its memory.
struct Bounded {
    bytes: Bytes,
    steps: usize,
}

impl Buf for Bounded {
    fn remaining(&self) -> usize {
        if self.steps == 0 { 0 } else { self.bytes.len() }
    }

    fn chunk(&self) -> &[u8] {
        if self.steps == 0 { &[] } else { &self.bytes }
    }

    fn advance(&mut self, n: usize) {
        self.steps = self.steps.saturating_sub(1);
        self.bytes.advance(n);
    }

    fn copy_to_bytes(&mut self, n: usize) -> Bytes {
        self.bytes.copy_to_bytes(n)
    }
}

/// The model in these bytes. Bulk data stays where it is.
pub(super) fn decode(bytes: Bytes, file: &str) -> Result<ModelProto> {
    let length = bytes.len();
    let mut buffer = Bounded { bytes, steps: MAX_STEPS };
    let decoded = ModelProto::decode(&mut buffer);
    let fail = |message| Error::Decode { file: file.into(), offset: length - buffer.bytes.len(), length, message };
    if buffer.steps == 0 {
        return Err(fail(format!("more than {MAX_STEPS} fields")));
    }
    decoded.map_err(|source| fail(source.to_string()))
}
