//! Makes libtorch known to a package: `.cargo/config.toml` and `build.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{At, InstallError, Result};
use super::{Source, Variant, check_own, ensure};

/// What a package's build script must at least be.
const BUILD: &str = "//! Tells this package's programs where libtorch is.

fn main() {
    tachograph_torch_link::link();
}
";

/// What [`init`] did.
#[derive(Debug)]
pub struct Project {
    /// The libtorch that the package is built with.
    pub source: Source,
    /// The files that were written; none where all was as it should be.
    pub written: Vec<PathBuf>,
}

/// Prepares the package in `dir`: installs libtorch where needed, sets `LIBTORCH` in `.cargo/config.toml`, and writes a
/// `build.rs` that calls [`link`](crate::link) where there is none.
///
/// With `LIBTORCH` or `LIBTORCH_USE_PYTORCH` in the environment, that libtorch is taken and nothing is installed.
///
/// # Errors
/// Where `dir` is no package, or has a build script or a setting that must be changed by hand; where libtorch cannot be
/// installed.
pub fn init(dir: &Path, variant: Variant) -> Result<Project> {
    if !dir.join("Cargo.toml").exists() {
        return refuse(&dir.join("Cargo.toml"), "not there: run this in the folder of a package");
    }
    let source = match Source::of_environment(None) {
        Some(source) => source,
        None => Source::Installed(ensure(variant)?),
    };
    let setting = match &source {
        Source::Own { dir, .. } => {
            check_own(dir)?;
            ("LIBTORCH", dir.display().to_string())
        }
        Source::Installed(install) => ("LIBTORCH", install.libtorch().display().to_string()),
        Source::Python | Source::Missing(_) => ("LIBTORCH_USE_PYTORCH", "1".to_owned()),
    };
    let (config, script) = (dir.join(".cargo/config.toml"), dir.join("build.rs"));
    let mut written = Vec::new();
    let before = if config.exists() { fs::read_to_string(&config).at("read", &config)? } else { String::new() };
    let after = with_setting(&before, setting.0, &setting.1)
        .or_else(|reason| refuse(&config, &format!("{reason}; set {} to {:?} there", setting.0, setting.1)))?;
    if after != before {
        fs::create_dir_all(dir.join(".cargo")).at("make", &dir.join(".cargo"))?;
        fs::write(&config, after).at("write", &config)?;
        written.push(config);
    }
    if !script.exists() {
        fs::write(&script, BUILD).at("write", &script)?;
        written.push(script);
    } else if !fs::read_to_string(&script).at("read", &script)?.contains("tachograph_torch_link::link") {
        return refuse(&script, "has no `tachograph_torch_link::link()`: call it in `main`");
    }
    Ok(Project { source, written })
}

/// The text of a configuration of cargo in which `[env]` sets `key` to `value`.
fn with_setting(config: &str, key: &str, value: &str) -> std::result::Result<String, String> {
    let line = format!("{key} = {value:?}");
    let sets = |line: &&str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    if let Some(before) = config.lines().find(sets) {
        let plain = before.split_once('=').is_some_and(|(_, value)| value.trim().starts_with('"'));
        return match plain {
            true => Ok(config.replace(before, &line)),
            false => Err(format!("it has `{before}`")),
        };
    }
    match config.lines().find(|line| line.trim() == "[env]") {
        Some(header) => Ok(config.replacen(header, &format!("{header}\n{line}"), 1)),
        None if config.is_empty() => Ok(format!("[env]\n{line}\n")),
        None => Ok(format!("{}\n\n[env]\n{line}\n", config.trim_end())),
    }
}

fn refuse<T>(file: &Path, reason: &str) -> Result<T> {
    Err(InstallError::Project { file: file.to_owned(), reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_added_changed_and_kept() {
        let fresh = with_setting("", "LIBTORCH", "/a").unwrap();
        assert_eq!(fresh, "[env]\nLIBTORCH = \"/a\"\n");
        assert_eq!(with_setting(&fresh, "LIBTORCH", "/a").unwrap(), fresh);
        assert_eq!(with_setting(&fresh, "LIBTORCH", "/b").unwrap(), "[env]\nLIBTORCH = \"/b\"\n");
        assert_eq!(
            with_setting("[env]\nX = \"1\"\n", "LIBTORCH", "/a").unwrap(),
            "[env]\nLIBTORCH = \"/a\"\nX = \"1\"\n"
        );
        assert_eq!(
            with_setting("[build]\njobs = 2\n", "LIBTORCH", "/a").unwrap(),
            "[build]\njobs = 2\n\n[env]\nLIBTORCH = \"/a\"\n"
        );
    }

    #[test]
    fn what_a_person_wrote_is_left_alone() {
        let config = "[env]\nLIBTORCH = { value = \"x\", relative = true }\n";
        assert!(with_setting(config, "LIBTORCH", "/a").unwrap_err().contains("relative"));
    }

    #[test]
    fn a_folder_without_a_package_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let message = init(dir.path(), Variant::Cpu).unwrap_err().to_string();
        assert!(message.contains("Cargo.toml: not there"), "{message}");
    }
}
