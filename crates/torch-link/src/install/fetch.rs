//! Gets an install from PyPI, or adopts one that is there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::check::{Depth, check};
use super::error::{At, InstallError, Result, whole};
use super::layout::Install;
use super::tools;

/// Makes `install` complete: takes it as it is, verifies it, or fetches it, whichever is the least.
///
/// Two runs at once take turns. What a killed run left behind is removed; the wheels that it had downloaded whole
/// are in pip's own cache and are not downloaded again.
///
/// # Errors
/// Where the system refuses, pip fails or what it fetched is not intact.
pub fn ensure(install: &Install) -> Result<()> {
    ensure_with(install, pip)
}

fn ensure_with(install: &Install, fetch: impl FnOnce(&Install, &Path) -> Result<()>) -> Result<()> {
    let parent = install.dir.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).at("make", parent)?;
    let _lock = lock(&install.dir.with_added_extension("lock"))?;
    sweep(install)?;
    match state(install) {
        Ok(()) => {}
        Err(reason) => {
            if install.dir.exists() {
                eprintln!("{} is broken ({}); fetching it anew", install.dir.display(), whole(&reason));
            }
            replace(install, fetch)?;
        }
    }
    install.link()
}

/// Whether what is there can stay. An install without its marker is verified in full and then marked.
fn state(install: &Install) -> Result<()> {
    if install.marker().exists() {
        return check(install, Depth::Sizes).map(drop);
    }
    fs::metadata(&install.dir).at("read", &install.dir)?;
    eprintln!("verifying {}", install.dir.display());
    let files = check(install, Depth::Hashes)?;
    mark(install, files)
}

fn replace(install: &Install, fetch: impl FnOnce(&Install, &Path) -> Result<()>) -> Result<()> {
    let fresh = Install::at(scratch(install, "fetch"), install.variant);
    let temporary = scratch(install, "tmp");
    fs::create_dir_all(&temporary).at("make", &temporary)?;
    fetch(&fresh, &temporary)?;
    let files = check(&fresh, Depth::Hashes).map_err(|error| InstallError::Fetched(error.into()))?;
    fresh.link()?;
    mark(&fresh, files)?;
    if install.dir.exists() {
        fs::rename(&install.dir, scratch(install, "old")).at("move away", &install.dir)?;
    }
    fs::rename(&fresh.dir, &install.dir).at("make", &install.dir)?;
    sweep(install)
}

fn pip(fresh: &Install, temporary: &Path) -> Result<()> {
    tools::pip()?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--only-binary=:all:"]);
    // Any Python will do to fetch with: nothing of these wheels is ever imported.
    pip.args(["--no-compile", "--python-version", "3.12", "--target"]).arg(&fresh.dir).args(fresh.variant.wheels());
    // pip unpacks here first, and moves within one file system then.
    eprintln!("+ python3 -m pip install {}", fresh.variant.wheels().join(" "));
    match pip.env("TMPDIR", temporary).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(InstallError::Program("pip could not fetch libtorch; run this again to resume".into())),
    }
}

fn mark(install: &Install, files: usize) -> Result<()> {
    let text = format!("{}: {files} files verified\n", install.version()?);
    fs::write(install.marker(), text).at("write", &install.marker())
}

/// A folder beside the install, of this process alone: an orphaned pip of a killed run writes elsewhere.
fn scratch(install: &Install, purpose: &str) -> PathBuf {
    install.dir.with_added_extension(format!("{purpose}-{}", std::process::id()))
}

/// Removes the scratch folders of runs that are over. The lock must be held.
fn sweep(install: &Install) -> Result<()> {
    let (Some(parent), Some(name)) = (install.dir.parent(), install.dir.file_name()) else { return Ok(()) };
    for item in fs::read_dir(parent).at("read", parent)? {
        let item = item.at("read", parent)?;
        let found = item.file_name().to_string_lossy().into_owned();
        let purpose = found.strip_prefix(&*name.to_string_lossy()).unwrap_or_default();
        if [".fetch-", ".tmp-", ".old-"].iter().any(|start| purpose.starts_with(start)) {
            // An orphaned pip may still be writing there; then a later run removes it.
            if let Err(error) = fs::remove_dir_all(item.path()) {
                eprintln!("{} stays for now: {error}", item.path().display());
            }
        }
    }
    Ok(())
}

fn lock(file: &Path) -> Result<File> {
    let lock = File::create(file).at("lock", file)?;
    if lock.try_lock().is_err() {
        eprintln!("waiting for another run that holds {}", file.display());
        lock.lock().at("lock", file)?;
    }
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::fake;
    use super::*;
    use crate::install::Variant;

    fn no_fetch(_: &Install, _: &Path) -> Result<()> {
        Err(InstallError::Program("must not be fetched".into()))
    }

    fn fake_fetch(fresh: &Install, _: &Path) -> Result<()> {
        fs::create_dir(&fresh.dir).unwrap();
        fake(&fresh.dir);
        Ok(())
    }

    /// The names in the cache directory, but for the lock.
    fn left(cache: &Path) -> Vec<String> {
        let names = fs::read_dir(cache).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.ends_with(".lock")).collect()
    }

    #[test]
    fn fetches_once_and_leaves_nothing_else() {
        let cache = tempfile::tempdir().unwrap();
        let install = Install::at(cache.path().join("lt-2.11.0"), Variant::Cpu);
        ensure_with(&install, fake_fetch).unwrap();
        ensure_with(&install, no_fetch).unwrap();
        assert_eq!(left(cache.path()), ["lt-2.11.0"]);
        let library = install.libtorch().join("lib/libtorch_cpu.so");
        assert_eq!(fs::read_to_string(library).unwrap(), "contents of torch/lib/libtorch_cpu.so");
        assert!(!install.libtorch().join("lib/libtorch_cuda.so").exists());
    }

    #[test]
    fn adopts_an_intact_install_without_a_marker() {
        let cache = tempfile::tempdir().unwrap();
        let install = Install::at(cache.path().join("lt"), Variant::Cpu);
        fake_fetch(&install, cache.path()).unwrap();
        ensure_with(&install, no_fetch).unwrap();
        assert!(install.marker().exists());
    }

    #[test]
    fn a_cut_library_is_fetched_anew() {
        let cache = tempfile::tempdir().unwrap();
        let install = Install::at(cache.path().join("lt"), Variant::Cpu);
        ensure_with(&install, fake_fetch).unwrap();
        fs::write(install.dir.join("torch/lib/libtorch_cpu.so"), "").unwrap();
        ensure_with(&install, fake_fetch).unwrap();
        check(&install, Depth::Hashes).unwrap();
        assert_eq!(left(cache.path()), ["lt"]);
    }

    #[test]
    fn a_failed_fetch_changes_nothing_and_the_next_one_sweeps() {
        let cache = tempfile::tempdir().unwrap();
        let install = Install::at(cache.path().join("lt"), Variant::Cpu);
        let die = |fresh: &Install, _: &Path| {
            fs::create_dir(&fresh.dir).unwrap();
            no_fetch(fresh, &fresh.dir)
        };
        assert!(ensure_with(&install, die).is_err());
        assert!(!install.dir.exists());
        fs::create_dir(cache.path().join("lt.fetch-1")).unwrap();
        ensure_with(&install, fake_fetch).unwrap();
        assert_eq!(left(cache.path()), ["lt"]);
    }

    #[test]
    fn a_false_fetch_is_refused() {
        let cache = tempfile::tempdir().unwrap();
        let install = Install::at(cache.path().join("lt"), Variant::Cpu);
        let cut = |fresh: &Install, dir: &Path| {
            fake_fetch(fresh, dir)?;
            fs::write(fresh.dir.join("torch/lib/libc10.so"), "x").unwrap();
            Ok(())
        };
        let message = whole(&ensure_with(&install, cut).unwrap_err());
        assert!(message.contains("not intact") && message.contains("libc10.so: 1 bytes"), "{message}");
        assert!(!install.dir.exists());
    }
}
