//! Whether an install is what its wheels say it is.
//!
//! Each wheel leaves a `RECORD`: a line `path,sha256=…,size` for every file. Of those, programs and torch-sys use
//! `torch/lib`, `torch/include` and `nvidia`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use super::error::{At, InstallError, Result, damaged};
use super::layout::Install;

/// How much is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Sizes: some milliseconds.
    Sizes,
    /// Sizes and SHA-256: some seconds.
    Hashes,
}

/// What a wheel says of a file.
struct Entry {
    sha256: String,
    size: u64,
}

/// Compares an install with its wheels' records. Returns the number of files compared.
///
/// # Errors
/// Another version, a library that no record names, or the first file that is missing, cut or changed.
pub fn check(install: &Install, depth: Depth) -> Result<usize> {
    install.version()?;
    let entries = records(&install.dir)?;
    let torch = install.variant.links().iter().map(|name| format!("torch/lib/{name}"));
    let nvidia = install.variant.nvidia().iter().map(|name| format!("nvidia/{name}"));
    for library in torch.chain(nvidia) {
        match entries.get(&library) {
            None => return damaged(&install.dir, format!("no wheel with {library}")),
            Some(entry) if entry.size == 0 => return damaged(&install.dir, format!("{library} is empty in its wheel")),
            Some(_) => {}
        }
    }
    for (path, entry) in &entries {
        compare(&install.dir.join(path), entry, depth)?;
    }
    Ok(entries.len())
}

fn compare(file: &Path, entry: &Entry, depth: Depth) -> Result<()> {
    let size = fs::metadata(file).at("read", file)?.len();
    if size != entry.size {
        return damaged(file, format!("{size} bytes, expected {}", entry.size));
    }
    if depth == Depth::Hashes {
        let mut hasher = Sha256::new();
        File::open(file).and_then(|mut file| io::copy(&mut file, &mut hasher)).at("read", file)?;
        if Base64UrlUnpadded::encode_string(&hasher.finalize()) != entry.sha256 {
            return damaged(file, "its SHA-256 is not the one that its wheel states");
        }
    }
    Ok(())
}

/// The records of all wheels in `dir`, by path.
fn records(dir: &Path) -> Result<BTreeMap<String, Entry>> {
    let mut entries = BTreeMap::new();
    for item in fs::read_dir(dir).at("read", dir)? {
        let wheel = item.at("read", dir)?.path();
        if wheel.extension().is_none_or(|extension| extension != "dist-info") {
            continue;
        }
        let file = wheel.join("RECORD");
        let text = fs::read_to_string(&file).at("read", &file)?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| used(line)) {
            let reason = || format!("line {}: expected path,sha256=…,size", number + 1);
            let damaged = || InstallError::Damaged { path: file.clone(), reason: reason() };
            let (path, entry) = parse(line).ok_or_else(damaged)?;
            entries.insert(path, entry);
        }
    }
    Ok(entries)
}

fn used(line: &str) -> bool {
    let sources = ["torch/lib/", "torch/include/", "nvidia/"];
    sources.iter().any(|start| line.trim_start_matches('"').starts_with(start)) && !line.contains("__pycache__")
}

fn parse(line: &str) -> Option<(String, Entry)> {
    let mut fields = line.rsplitn(3, ',');
    let size = fields.next()?.parse().ok()?;
    let sha256 = fields.next()?.strip_prefix("sha256=")?.to_owned();
    Some((fields.next()?.trim_matches('"').to_owned(), Entry { sha256, size }))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::install::Variant;

    /// A tiny CPU install whose records are true.
    pub fn fake(dir: &Path) -> Install {
        let install = Install::at(dir.into(), Variant::Cpu);
        let mut torch: Vec<String> = Variant::Cpu.links().iter().map(|name| format!("torch/lib/{name}")).collect();
        torch.push("torch/include/torch/torch.h".into());
        let nvidia: Vec<String> = Variant::Cpu.nvidia().iter().map(|name| format!("nvidia/{name}")).collect();
        for (wheel, files) in [("torch-2.11.0", torch), ("nvidia_cuda-13.0", nvidia)] {
            let mut record = format!("../../bin/torchrun,sha256=x,1\n{wheel}.dist-info/RECORD,,\n");
            for path in files {
                let text = format!("contents of {path}");
                fs::create_dir_all(dir.join(&path).parent().unwrap()).unwrap();
                fs::write(dir.join(&path), &text).unwrap();
                let sha256 = Base64UrlUnpadded::encode_string(&Sha256::digest(&text));
                record += &format!("{path},sha256={sha256},{}\n", text.len());
            }
            let info = dir.join(format!("{wheel}.dist-info"));
            fs::create_dir(&info).unwrap();
            fs::write(info.join("RECORD"), record).unwrap();
        }
        fs::write(dir.join("torch/version.py"), "__version__ = '2.11.0+cu130'\n").unwrap();
        install
    }

    fn broken(damage: impl FnOnce(&Path), depth: Depth) -> Result<usize> {
        let dir = tempfile::tempdir().unwrap();
        let install = fake(dir.path());
        damage(dir.path());
        check(&install, depth)
    }

    #[test]
    fn an_intact_install_passes() {
        assert_eq!(broken(|_| (), Depth::Sizes).unwrap(), 7);
        assert_eq!(broken(|_| (), Depth::Hashes).unwrap(), 7);
    }

    #[test]
    fn a_cut_library_is_seen_by_its_size() {
        let cut = |dir: &Path| fs::write(dir.join("torch/lib/libtorch_cpu.so"), "contents").unwrap();
        let message = broken(cut, Depth::Sizes).unwrap_err().to_string();
        assert!(message.ends_with("libtorch_cpu.so: 8 bytes, expected 37"), "{message}");
    }

    #[test]
    fn a_changed_byte_is_seen_by_its_hash() {
        let change = |dir: &Path| {
            let file = dir.join("nvidia/cu13/lib/libcudart.so.13");
            let text = fs::read_to_string(&file).unwrap().replace('c', "k");
            fs::write(file, text).unwrap();
        };
        assert!(broken(change, Depth::Sizes).is_ok());
        let message = broken(change, Depth::Hashes).unwrap_err().to_string();
        assert!(message.contains("libcudart.so.13: its SHA-256"), "{message}");
    }

    #[test]
    fn a_missing_header_is_named() {
        let remove = |dir: &Path| fs::remove_file(dir.join("torch/include/torch/torch.h")).unwrap();
        assert!(broken(remove, Depth::Sizes).unwrap_err().to_string().contains("torch.h"));
    }

    #[test]
    fn a_missing_wheel_is_named() {
        let remove = |dir: &Path| fs::remove_dir_all(dir.join("nvidia_cuda-13.0.dist-info")).unwrap();
        let message = broken(remove, Depth::Sizes).unwrap_err().to_string();
        assert!(message.contains("no wheel with nvidia/cu13/lib/libcudart.so.13"), "{message}");
    }

    #[test]
    fn an_unreadable_record_is_placed() {
        let spoil = |dir: &Path| fs::write(dir.join("torch-2.11.0.dist-info/RECORD"), "torch/lib/x,md5=1,2\n").unwrap();
        let message = broken(spoil, Depth::Sizes).unwrap_err().to_string();
        assert!(message.contains("RECORD: line 1"), "{message}");
    }

    #[test]
    fn a_path_with_a_comma_parses() {
        let (path, entry) = parse("\"nvidia/a,b\",sha256=abc,12").unwrap();
        assert_eq!((path.as_str(), entry.sha256.as_str(), entry.size), ("nvidia/a,b", "abc", 12));
    }
}
