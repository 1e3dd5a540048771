//! Files as bytes: mapped, or decompressed within bounds.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tachograph_ir::disk::is_gzip;

use crate::{Error, Result};

/// Most bytes that a compressed file may hold: 2 GiB, the limit of protobuf itself.
pub const MAX_DECOMPRESSED: u64 = 2 << 30;

/// The name that stands for standard input.
const STDIN: &str = "-";

/// Contents of a file; of standard input for `-`. Plain files are mapped, not read: pages that nobody looks at stay on
/// the disk. What cannot be mapped (a pipe) is read. Bytes that start as gzip does are decompressed.
///
/// A mapped file must not be truncated by another program while the bytes are in use.
///
/// # Errors
/// A file that cannot be read, a folder, broken compression, or more than [`MAX_DECOMPRESSED`] bytes of it or of a pipe.
pub fn open(path: &Path) -> Result<Bytes> {
    let io = |source| Error::Io { path: path.into(), source };
    let bytes = if path.as_os_str() == STDIN {
        read(path, io::stdin(), MAX_DECOMPRESSED)?
    } else {
        let file = File::open(path).map_err(io)?;
        let about = file.metadata().map_err(io)?;
        match about.len() {
            _ if about.is_dir() => {
                let saved = path.join("saved_model.pb").exists();
                return Err(Error::Folder { path: path.into(), saved });
            }
            _ if !about.is_file() => read(path, file, MAX_DECOMPRESSED)?,
            0 => Bytes::new(),
            // SAFETY: the mapping is private to this process and only read; that nobody truncates the file
            // meanwhile is the caller's duty, stated above.
            _ => Bytes::from_owner(unsafe { memmap2::Mmap::map(&file) }.map_err(io)?),
        }
    };
    if is_gzip(&bytes) { decompress(path, &bytes, MAX_DECOMPRESSED) } else { Ok(bytes) }
}

/// A plain file, mapped, whatever its first bytes look like.
#[cfg(feature = "onnx")]
pub(crate) fn map(path: &Path) -> Result<Bytes> {
    let io = |source| Error::Io { path: path.into(), source };
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.len() == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: as in `open`.
    Ok(Bytes::from_owner(unsafe { memmap2::Mmap::map(&file) }.map_err(io)?))
}

fn decompress(path: &Path, compressed: &[u8], limit: u64) -> Result<Bytes> {
    read(path, MultiGzDecoder::new(compressed), limit).map_err(|error| match error {
        Error::Io { path, source } => {
            let message = match source.kind() {
                io::ErrorKind::UnexpectedEof => "the compressed file is cut short".into(),
                _ => format!("its compression is broken ({source})"),
            };
            Error::Damaged { file: path.display().to_string(), message }
        }
        error => error,
    })
}

fn read(path: &Path, from: impl Read, limit: u64) -> Result<Bytes> {
    let mut plain = Vec::new();
    from.take(limit + 1).read_to_end(&mut plain).map_err(|source| Error::Io { path: path.into(), source })?;
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
        let mut half = half;
        half.truncate(half.len() / 2);
        let says = |bytes: &[u8]| decompress("half.onnx.gz".as_ref(), bytes, 1000).unwrap_err().to_string();
        assert_eq!(says(&half), "half.onnx.gz: truncated or damaged: the compressed file is cut short");
        half[10] = 0xff;
        assert!(
            says(&half).starts_with("half.onnx.gz: truncated or damaged: its compression is broken ("),
            "{}",
            says(&half)
        );
    }
}
