//! Graph files: JSON for people, and a checksummed binary form for machines.
//!
//! The binary form is a header of 18 bytes (magic `TGIR`, format version u16, payload length u64, CRC-32 of the
//! payload; little-endian) and a payload: the graph's [`Parts`](crate::Parts) in bincode 2's standard encoding.

use std::path::Path;

use bincode::config::{Config, standard};

use crate::{Error, Graph, Result};

const MAGIC: [u8; 4] = *b"TGIR";
const VERSION: u16 = 1;
const HEADER: usize = 18;

impl Graph {
    /// JSON, indented.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(|e| format("graph as JSON", e))
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// Text that is not JSON of this form (the message gives line and column), or a graph that [`Graph::new`] refuses.
    pub fn from_json(text: &str) -> Result<Self> {
        parse_json("graph as JSON", text)
    }

    /// The binary form.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let payload = bincode::serde::encode_to_vec(self, standard()).map_err(|e| format("graph as bytes", e))?;
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(crc32fast::hash(&payload).to_le_bytes());
        bytes.extend(payload);
        Ok(bytes)
    }

    /// Reads the binary form. Memory stays proportional to the length of `bytes`.
    ///
    /// # Errors
    /// [`Error::WrongMagic`], [`Error::NewerFormat`], [`Error::Length`], [`Error::Checksum`], or a graph that
    /// [`Graph::new`] refuses.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        parse_bytes("graph as bytes", bytes)
    }

    /// Writes a file: JSON for the extension `.json`, binary for `.tgir`.
    ///
    /// # Errors
    /// Another extension, or a file that cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let contents = match path.extension().and_then(|e| e.to_str()) {
            Some("json") => self.to_json()?.into_bytes(),
            Some("tgir") => self.to_bytes()?,
            _ => return Err(format(path.display(), "the extension must be .json or .tgir")),
        };
        std::fs::write(path, contents).map_err(|source| Error::Io { path: path.into(), source })
    }

    /// Reads a file of either form, by its contents.
    ///
    /// # Errors
    /// As [`Graph::from_json`] and [`Graph::from_bytes`]; messages name the file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
        let what = path.display().to_string();
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.trim_start().starts_with('{') => parse_json(&what, text),
            _ => parse_bytes(&what, &bytes),
        }
    }
}

fn format(what: impl ToString, message: impl ToString) -> Error {
    Error::Format { what: what.to_string(), message: message.to_string() }
}

fn parse_json(what: &str, text: &str) -> Result<Graph> {
    serde_json::from_str(text).map_err(|e| format(what, e))
}

fn parse_bytes(what: &str, bytes: &[u8]) -> Result<Graph> {
    let what = || what.to_owned();
    let found = bytes.len() as u64;
    if !bytes.starts_with(&MAGIC) {
        let found = bytes.iter().copied().take(MAGIC.len()).collect();
        return Err(Error::WrongMagic { what: what(), format: "tachograph graph", found });
    }
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(Error::Length { what: what(), expected: HEADER as u64, found });
    };
    let [_, _, _, _, v0, v1, l0, l1, l2, l3, l4, l5, l6, l7, c0, c1, c2, c3] = *header;
    let version = u16::from_le_bytes([v0, v1]);
    if version > VERSION {
        return Err(Error::NewerFormat { what: what(), version, supported: VERSION });
    }
    let length = u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
    if length != payload.len() as u64 {
        return Err(Error::Length { what: what(), expected: length.saturating_add(HEADER as u64), found });
    }
    let (expected, actual) = (u32::from_le_bytes([c0, c1, c2, c3]), crc32fast::hash(payload));
    if expected != actual {
        return Err(Error::Checksum { what: what(), expected, found: actual });
    }
    decode(payload).map_err(|message| format(what(), message))
}

/// A length inside a crafted payload may claim any size, and bincode allocates strings before it reads them:
/// its limit, which counts decoded bytes, must fit the payload. One encoded byte decodes to at most eight.
fn decode(payload: &[u8]) -> Result<Graph, String> {
    const MIB: usize = 1 << 20;
    match payload.len() {
        n if n <= MIB => decode_with(payload, standard().with_limit::<{ 8 * MIB }>()),
        n if n <= 32 * MIB => decode_with(payload, standard().with_limit::<{ 256 * MIB }>()),
        n if n <= 256 * MIB => decode_with(payload, standard().with_limit::<{ 2048 * MIB }>()),
        n => Err(format!("{n} bytes are more than any graph needs")),
    }
}

fn decode_with<C: Config>(payload: &[u8], config: C) -> Result<Graph, String> {
    let (graph, read) = bincode::serde::decode_from_slice(payload, config).map_err(|e| e.to_string())?;
    if read == payload.len() { Ok(graph) } else { Err(format!("the graph ends at byte {read} of {}", payload.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, DType};

    fn graph() -> Graph {
        let mut b = Builder::new("tiny");
        let x = b.input("x", DType::F32, vec![1.into(), 3.into(), 8.into(), 8.into()]);
        let x = b.conv(x, 4, [3, 3], 1, 1, 1, true).unwrap();
        b.finish(&[x]).unwrap()
    }

    #[test]
    fn round_trips() {
        let graph = graph();
        assert_eq!(Graph::from_bytes(&graph.to_bytes().unwrap()).unwrap(), graph);
        assert_eq!(Graph::from_json(&graph.to_json().unwrap()).unwrap(), graph);
    }

    #[test]
    fn each_damage_has_its_error() {
        let bytes = graph().to_bytes().unwrap();
        let read = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = bytes.clone();
            change(&mut bytes);
            Graph::from_bytes(&bytes).unwrap_err()
        };
        assert!(matches!(read(&|b| b[0] = b'X'), Error::WrongMagic { .. }));
        assert!(matches!(read(&|b| b.clear()), Error::WrongMagic { .. }));
        assert!(matches!(read(&|b| b.truncate(10)), Error::Length { expected: 18, found: 10, .. }));
        assert!(matches!(read(&|b| b[4] = 9), Error::NewerFormat { version: 9, supported: VERSION, .. }));
        let (full, cut) = (bytes.len() as u64, bytes.len() as u64 - 1);
        let error = read(&|b| b.truncate(cut as usize));
        assert!(matches!(error, Error::Length { expected, found, .. } if (expected, found) == (full, cut)), "{error}");
        assert!(matches!(read(&|b| b.push(0)), Error::Length { .. }));
        assert!(matches!(read(&|b| b[HEADER + 3] ^= 4), Error::Checksum { .. }));
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        // A name of 2^60 bytes, with a valid checksum.
        let mut payload = vec![253];
        payload.extend((1u64 << 60).to_le_bytes());
        let mut bytes = graph().to_bytes().unwrap();
        bytes.truncate(6);
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(crc32fast::hash(&payload).to_le_bytes());
        bytes.extend(payload);
        assert!(matches!(Graph::from_bytes(&bytes), Err(Error::Format { .. })));
    }
}
