//! Files as bytes: mapped, or decompressed within bounds.

use std::{fs::File, io::Read, path::Path};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tachograph_ir::disk::is_gzip;

use crate::{Error, Result};

/// Most bytes that a compressed file may hold: 2 GiB, the limit of protobuf itself.
pub const MAX_DECOMPRESSED: u64 = 2 << 30;

/// Contents of a file. Plain files are mapped, not read: pages that nobody looks at stay on the disk.
/// Files that start as gzip does are decompressed.
///
/// A mapped file must not be truncated by another program while the bytes are in use.
///
/// # Errors
/// A file that cannot be read, broken compression, or more than [`MAX_DECOMPRESSED`] bytes.
pub fn open(path: &Path) -> Result<Bytes> {
    let io = |source| Error::Io { path: path.into(), source };
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.len() == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: the mapping is private to this process and only read; that nobody truncates the file
    // meanwhile is the caller's duty, stated above.
    let bytes = Bytes::from_owner(unsafe { memmap2::Mmap::map(&file) }.map_err(io)?);
    if is_gzip(&bytes) { decompress(path, &bytes, MAX_DECOMPRESSED) } else { Ok(bytes) }
}

fn decompress(path: &Path, compressed: &[u8], limit: u64) -> Result<Bytes> {
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(compressed).take(limit + 1);
    decoder.read_to_end(&mut plain).map_err(|source| Error::Io { path: path.into(), source })?;
    if plain.len() as u64 > limit {
        return Err(Error::TooLarge { path: path.into(), limit });
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&[0; 100_000]);
        assert_eq!(decompress("bomb".as_ref(), &bomb, 100_000).unwrap().len(), 100_000);
        let error = decompress("bomb".as_ref(), &bomb, 99_999).unwrap_err();
        assert_eq!(error.to_string(), "bomb: more than 99999 bytes after decompression");
    }

    #[test]
    fn a_truncated_archive_is_named() {
        let half = gzip(&[7; 1000]);
        let error = decompress("half.onnx.gz".as_ref(), &half[..half.len() / 2], 1000).unwrap_err();
        assert!(error.to_string().starts_with("half.onnx.gz: "), "{error}");
    }
}
