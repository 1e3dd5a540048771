//! What every crate that keeps files needs: files that are whole or not there, and checksums as text.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Extension of a file under way, beside the one that it will replace. After a crash one may be left; nothing reads it.
pub const BESIDE: &str = "tmp";

/// Writes beside `path` and renames, so that the file is always whole: the former one or the new one.
///
/// # Errors
/// The file cannot be written (what was begun is removed), or not be renamed.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let beside = path.with_extension(BESIDE);
    let written = File::create(&beside).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()
    });
    if let Err(error) = written {
        // Half a file is of no use and takes room on what may be a full disk.
        fs::remove_file(&beside).ok();
        return Err(error);
    }
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Makes a rename in the folder of `path` outlast a loss of power.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Whether a file that begins like this is compressed with gzip.
pub fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}

/// Bytes in lower-case hexadecimal, as checksums are written.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.json");
        replace(&path, |file| file.write_all(b"first")).unwrap();
        let failed = replace(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "full");
        assert_eq!(fs::read(&path).unwrap(), b"first");
        replace(&path, |file| file.write_all(b"second")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hex([0, 10, 255]), "000aff");
        assert!(is_gzip(&[0x1f, 0x8b, 8]) && !is_gzip(&[0x1f]) && !is_gzip(b"onnx"));
    }
}
