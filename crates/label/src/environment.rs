//! A Python environment of a tool, in the user's cache directory.
//!
//! ```text
//! ~/.cache/tachograph/ethos-u-vela-5.2.0/       a virtual environment
//! ~/.cache/tachograph/ethos-u-vela-5.2.0/ready  written last: what pip says is in it
//! ~/.cache/tachograph/ethos-u-vela-5.2.0.lock   held while it is made
//! ```

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Error, Result, error::io};

/// An environment that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its Python.
    pub python: PathBuf,
}

impl Environment {
    /// The environment of `package` in `version`; it is made where it is not there, which takes the network and a minute.
    /// What a killed run left behind is removed first; two runs at once take turns.
    ///
    /// # Errors
    /// No cache directory; no `python3` with `venv`; pip fails.
    pub fn ensure(package: &str, version: &str) -> Result<Self> {
        Self::ensure_in(&cache()?, package, version, install)
    }

    fn ensure_in(
        cache: &Path,
        package: &str,
        version: &str,
        install: impl FnOnce(&Path, &str) -> Result<String>,
    ) -> Result<Self> {
        fs::create_dir_all(cache).map_err(io(cache))?;
        let dir = cache.join(format!("{package}-{version}"));
        let (ready, python) = (dir.join("ready"), dir.join("bin/python"));
        let path = cache.join(format!("{package}-{version}.lock"));
        let lock = File::create(&path).map_err(io(&path))?;
        lock.lock().map_err(io(&path))?;
        if !ready.exists() {
            if dir.exists() {
                fs::remove_dir_all(&dir).map_err(io(&dir))?;
            }
            let there = install(&dir, &format!("{package}=={version}"))?;
            fs::write(&ready, there).map_err(io(&ready))?;
        }
        Ok(Self { python })
    }
}

/// The project's folder in the user's cache.
fn cache() -> Result<PathBuf> {
    let stated = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let cache = match stated {
        Some(dir) => dir,
        None => env::home_dir().ok_or(Error::NoCache)?.join(".cache"),
    };
    Ok(cache.join("tachograph"))
}

/// Makes the environment in `dir`; what pip then says is in it.
fn install(dir: &Path, requirement: &str) -> Result<String> {
    let fail = |message: String| Error::Install { requirement: requirement.into(), message };
    let run = |program: &Path, args: &[&str]| -> Result<String> {
        let output = Command::new(program).args(args).output();
        let output = output.map_err(|e| fail(format!("{}: {e}", program.display())))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        let last = said.lines().rev().find(|line| line.contains("rror")).or(said.lines().next_back());
        Err(fail(format!("{} {}: {}", program.display(), args.join(" "), last.unwrap_or("failed").trim())))
    };
    let dir_text = dir.to_string_lossy();
    eprintln!("+ python3 -m venv {dir_text}; pip install {requirement}");
    run(Path::new("python3"), &["-m", "venv", &dir_text])?;
    let python = dir.join("bin/python");
    let pip = ["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--only-binary=:all:", requirement];
    run(&python, &pip)?;
    run(&python, &["-m", "pip", "freeze", "--disable-pip-version-check"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_again_after_a_failure() {
        let cache = tempfile::tempdir().unwrap();
        let fail = |dir: &Path, requirement: &str| {
            fs::create_dir(dir).unwrap();
            assert_eq!(requirement, "tool==1.2");
            Err(Error::Install { requirement: requirement.into(), message: "no network".into() })
        };
        let message = Environment::ensure_in(cache.path(), "tool", "1.2", fail).unwrap_err().to_string();
        assert_eq!(message, "installing tool==1.2: no network");
        // What was left is in the way of nothing.
        let make = |dir: &Path, _: &str| {
            fs::create_dir(dir).unwrap();
            Ok("tool==1.2\n".to_owned())
        };
        let made = Environment::ensure_in(cache.path(), "tool", "1.2", make).unwrap();
        assert_eq!(made.python, cache.path().join("tool-1.2/bin/python"));
        let never = |_: &Path, _: &str| panic!("is there already");
        assert_eq!(Environment::ensure_in(cache.path(), "tool", "1.2", never).unwrap(), made);
    }
}
