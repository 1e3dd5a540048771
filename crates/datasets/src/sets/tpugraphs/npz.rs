//! NumPy's archives: arrays in a zip file. Sizes are those the file claims until the bytes are there, so every
//! product is checked and memory grows with what is read.

use std::{
    fs::File,
    io::{BufReader, Cursor, Read},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use memmap2::Mmap;
use zip::{CompressionMethod, ZipArchive, read::ZipFile, result::ZipError};

use crate::{Error, Result};

/// No array with more elements is read whole.
const MAX_ELEMENTS: u64 = 1 << 27;

/// Longest header of an array, in bytes.
const MAX_HEADER: usize = 1 << 16;

/// Type of elements, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    F32,
    F64,
    I32,
    I64,
    U8,
}

impl Element {
    fn parse(descr: &str) -> Option<Self> {
        Some(match descr {
            "<f4" => Self::F32,
            "<f8" => Self::F64,
            "<i4" => Self::I32,
            "<i8" => Self::I64,
            "|u1" => Self::U8,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// Appends the numbers in `bytes`, which are whole elements.
    fn decode(self, bytes: &[u8], into: &mut Vec<f64>) {
        match self {
            Self::U8 => into.extend(bytes.iter().map(|&b| f64::from(b))),
            Self::F32 => into.extend(bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b)))),
            Self::I32 => into.extend(bytes.as_chunks().0.iter().map(|&b| f64::from(i32::from_le_bytes(b)))),
            Self::F64 => into.extend(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b))),
            Self::I64 => into.extend(bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as f64)),
        }
    }
}

/// What an array is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    element: Element,
    /// First index fastest.
    pub fortran: bool,
    /// Extents.
    pub shape: Vec<u64>,
}

/// A file as memory, of which the system holds what is read and lets go of it when others need the room.
#[derive(Clone, Debug)]
pub struct Mapped(Arc<Mmap>);

impl Mapped {
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        // SAFETY: the mapping is private to this process and only read; that nobody truncates the file meanwhile is the
        // caller's duty, as for every mapped file.
        Ok(Self(Arc::new(unsafe { Mmap::map(&file) }.map_err(Error::io(path))?)))
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An archive. Only its directory is in memory.
#[derive(Debug)]
pub struct Npz {
    path: PathBuf,
    bytes: Mapped,
    archive: ZipArchive<Cursor<Mapped>>,
}

impl Npz {
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = Mapped::open(path)?;
        let archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(|e| Error::damaged(path, e.to_string()))?;
        Ok(Self { path: path.into(), bytes, archive })
    }

    /// The header of an array; `None` if the archive has no such array.
    pub fn header(&mut self, name: &str) -> Result<Option<Header>> {
        Ok(self.array(name)?.map(|array| array.header))
    }

    /// All elements of an array, in the order they are stored.
    pub fn values(&mut self, name: &str) -> Result<(Header, Vec<f64>)> {
        let path = self.path.clone();
        let refuse = |message: String| Error::damaged(&path, format!("array `{name}`: {message}"));
        let mut array = self.array(name)?.ok_or_else(|| refuse("not there".into()))?;
        let count = count(&array.header.shape).filter(|&n| n <= MAX_ELEMENTS);
        let too_large = || refuse(format!("{:?} is more than {MAX_ELEMENTS} elements", array.header.shape));
        let count = count.ok_or_else(too_large)?;
        let mut values = Vec::new();
        array.read(count as usize, &mut values)?;
        let header = array.header;
        Ok((header, values))
    }

    /// Where the elements of an array lie in the file, where they are not compressed.
    pub fn stored(&mut self, name: &str) -> Result<Option<Stored>> {
        let Some(Array { header, .. }) = self.array(name)? else { return Ok(None) };
        let (method, start, size) = {
            let file = self.archive.by_name(&format!("{name}.npy"));
            let file = file.map_err(|e| Error::damaged(&self.path, e.to_string()))?;
            (file.compression(), file.data_start(), file.size())
        };
        let (Some(start), true) = (start.map(|s| s as usize), method == CompressionMethod::Stored) else {
            return Ok(None);
        };
        // The header's length is in its first bytes, which were read above.
        let bytes = self.bytes.as_ref();
        let lead = bytes.get(start..start + 12).unwrap_or_default();
        let length = match lead {
            [_, _, _, _, _, _, 1, _, a, b, ..] => 10 + usize::from(u16::from_le_bytes([*a, *b])),
            [_, _, _, _, _, _, _, _, a, b, c, d] => 12 + u32::from_le_bytes([*a, *b, *c, *d]) as usize,
            _ => return Ok(None),
        };
        let range = start + length..start + size as usize;
        if range.start > range.end || range.end > bytes.len() {
            return Err(self.error(name, "cut short"));
        }
        Ok(Some(Stored { header, range, bytes: self.bytes.clone() }))
    }

    /// Opens an array for reading part by part.
    pub fn array(&mut self, name: &str) -> Result<Option<Array<'_>>> {
        let (path, label) = (self.path.clone(), format!("array `{name}`"));
        let file = match self.archive.by_name(&format!("{name}.npy")) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(Error::damaged(&path, format!("{label}: {error}"))),
        };
        let mut reader = BufReader::new(file);
        match header(&mut reader) {
            Ok(header) => Ok(Some(Array { header, reader, path, label })),
            Err(message) => Err(Error::damaged(&path, format!("{label}: {message}"))),
        }
    }

    pub fn error(&self, name: &str, message: impl std::fmt::Display) -> Error {
        Error::damaged(&self.path, format!("array `{name}`: {message}"))
    }
}

/// An array that lies in the file as it is.
pub struct Stored {
    header: Header,
    range: Range<usize>,
    bytes: Mapped,
}

impl Stored {
    /// Appends `count` elements from the one at `first`; false where the array ends before.
    pub fn read(&self, first: usize, count: usize, into: &mut Vec<f64>) -> bool {
        let size = self.header.element.size();
        let place = || {
            let from = self.range.start.checked_add(first.checked_mul(size)?)?;
            let to = from.checked_add(count.checked_mul(size)?)?;
            self.bytes.as_ref().get(from..to).filter(|_| to <= self.range.end)
        };
        place().map(|bytes| self.header.element.decode(bytes, into)).is_some()
    }
}

/// An array that is read part by part.
pub struct Array<'a> {
    /// What it is.
    pub header: Header,
    reader: BufReader<ZipFile<'a, Cursor<Mapped>>>,
    path: PathBuf,
    label: String,
}

impl Array<'_> {
    /// Passes over the next `count` elements.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        let bytes = (self.header.element.size() as u64).saturating_mul(count as u64);
        let failed = |error| Error::damaged(&self.path, format!("{}: {error}", self.label));
        std::io::copy(&mut self.reader.by_ref().take(bytes), &mut std::io::sink()).map_err(failed).map(drop)
    }

    /// Appends the next `count` elements.
    pub fn read(&mut self, count: usize, into: &mut Vec<f64>) -> Result<()> {
        let size = self.header.element.size();
        let mut buffer = vec![0; size * count.min(1 << 14)];
        let mut left = count;
        while left > 0 {
            let part = left.min(1 << 14);
            let bytes = &mut buffer[..size * part];
            let failed = |error| Error::damaged(&self.path, format!("{}: {error}, {left} elements short", self.label));
            self.reader.read_exact(bytes).map_err(failed)?;
            self.header.element.decode(bytes, into);
            left -= part;
        }
        Ok(())
    }
}

/// Number of elements.
pub fn count(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |n, &extent| n.checked_mul(extent))
}

/// Reads `\x93NUMPY`, the version, the length and a dictionary of three entries.
fn header(reader: &mut impl Read) -> Result<Header, String> {
    let mut take = |n: usize| {
        let mut bytes = vec![0; n];
        reader.read_exact(&mut bytes).map(|()| bytes).map_err(|e| e.to_string())
    };
    let start = take(8)?;
    if !start.starts_with(b"\x93NUMPY") {
        return Err("not an array of NumPy".into());
    }
    let bytes = take(if start[6] == 1 { 2 } else { 4 })?;
    let length = bytes.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte));
    if length > MAX_HEADER {
        return Err(format!("a header of {length} bytes"));
    }
    let text = String::from_utf8(take(length)?).map_err(|_| "the header is not text")?;
    let entry = |key: &str| Some(text.split_once(&format!("'{key}':"))?.1.trim_start());
    let element = entry("descr").and_then(|rest| rest.strip_prefix('\'')?.split_once('\''));
    let (descr, _) = element.ok_or_else(|| format!("no `descr` in {text}"))?;
    let element = Element::parse(descr).ok_or_else(|| format!("elements of type `{descr}` are not read"))?;
    let fortran = entry("fortran_order").ok_or_else(|| format!("no `fortran_order` in {text}"))?.starts_with("True");
    let shape = entry("shape").and_then(|rest| rest.strip_prefix('(')?.split_once(')'));
    let (shape, _) = shape.ok_or_else(|| format!("no `shape` in {text}"))?;
    let extents = shape.split(',').map(str::trim).filter(|extent| !extent.is_empty());
    let shape = extents.map(str::parse).collect::<Result<_, _>>().map_err(|_| format!("shape ({shape})"))?;
    Ok(Header { element, fortran, shape })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(dict: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((dict.len() as u16).to_le_bytes());
        bytes.extend(dict.as_bytes());
        bytes
    }

    #[test]
    fn headers() {
        let dict = "{'descr': '<i8', 'fortran_order': False, 'shape': (597, 2), }   \n";
        let read = header(&mut &npy(dict)[..]).unwrap();
        assert_eq!(read, Header { element: Element::I64, fortran: false, shape: vec![597, 2] });
        assert_eq!(header(&mut &npy(&dict.replace("(597, 2)", "(7,)"))[..]).unwrap().shape, [7]);
        assert!(header(&mut &npy(&dict.replace("(597, 2)", "()"))[..]).unwrap().shape.is_empty());
        for bad in ["", "{}", &dict.replace("<i8", "|O"), &dict.replace("597", "-1"), &dict.replace(')', "")] {
            assert!(header(&mut &npy(bad)[..]).is_err(), "{bad}");
        }
        assert!(header(&mut &b"PK"[..]).is_err());
        assert_eq!(count(&[1 << 40, 1 << 40]), None);
    }
}
