//! Where an install lies and what is in it.
//!
//! ```text
//! libtorch-2.11.0-cpu/            in the cache directory
//!     torch/ nvidia/ *.dist-info/ the wheels, as pip unpacks them
//!     cpu/include -> torch/include
//!     cpu/lib/                    links to the libraries that programs are linked with
//!     verified                    written last: every file had the checksum that its wheel states
//! ```
//!
//! `libtorch_cpu.so` finds its CUDA runtime by `$ORIGIN/../../nvidia/cu13/lib`, where `$ORIGIN` is the folder of the
//! *link*; so the folder of links has the depth of `torch/lib`.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{At, InstallError, Result, damaged};

/// The libtorch that tch 0.24 binds.
pub const VERSION: &str = "2.11.0";

/// What an install holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The CPU alone.
    Cpu,
    /// CUDA too.
    Cuda,
}

impl Variant {
    /// The word in the names of folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// What pip is to install.
    pub fn wheels(self) -> &'static [&'static str] {
        match self {
            Self::Cpu => &["--no-deps", "torch==2.11.0", "nvidia-cuda-runtime==13.0.*", "nvidia-cuda-cupti==13.0.*"],
            Self::Cuda => &["torch==2.11.0"],
        }
    }

    /// The libraries of `torch/lib` that programs may be linked with or load. torch-sys links CUDA exactly where it
    /// sees `libtorch_cuda.so`.
    pub fn links(self) -> &'static [&'static str] {
        const ALL: [&str; 9] = [
            "libtorch_cpu.so",
            "libtorch.so",
            "libc10.so",
            "libgomp.so.1",
            "libtorch_cuda.so",
            "libc10_cuda.so",
            "libtorch_nvshmem.so",
            "libtorch_cuda_linalg.so",
            "libcaffe2_nvrtc.so",
        ];
        match self {
            Self::Cpu => &ALL[..4],
            Self::Cuda => &ALL,
        }
    }

    /// What the loader looks for in `nvidia/`: the needs of `libtorch_cpu.so`, and those of `libtorch_cuda.so`.
    pub fn nvidia(self) -> &'static [&'static str] {
        const ALL: [&str; 12] = [
            "cu13/lib/libcudart.so.13",
            "cu13/lib/libcupti.so.13",
            "cu13/lib/libcublas.so.13",
            "cu13/lib/libcublasLt.so.13",
            "cu13/lib/libcufft.so.12",
            "cu13/lib/libcufile.so.0",
            "cu13/lib/libcurand.so.10",
            "cu13/lib/libcusparse.so.12",
            "cudnn/lib/libcudnn.so.9",
            "cusparselt/lib/libcusparseLt.so.0",
            "nccl/lib/libnccl.so.2",
            "nvshmem/lib/libnvshmem_host.so.3",
        ];
        match self {
            Self::Cpu => &ALL[..2],
            Self::Cuda => &ALL,
        }
    }
}

/// An install, whether or not it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    /// The folder of the wheels.
    pub dir: PathBuf,
    /// What it should hold.
    pub variant: Variant,
}

impl Install {
    /// The install of `variant` in the user's cache directory.
    ///
    /// # Errors
    /// Where the environment names no such directory.
    pub fn of(variant: Variant) -> Result<Self> {
        let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|dir| Path::new(dir).is_absolute()) {
            Some(dir) => PathBuf::from(dir),
            None => std::env::home_dir().ok_or(InstallError::NoCache)?.join(".cache"),
        };
        Ok(Self::at(cache.join("tachograph").join(format!("libtorch-{VERSION}-{}", variant.name())), variant))
    }

    /// The install of `variant` in `dir`.
    pub fn at(dir: PathBuf, variant: Variant) -> Self {
        Self { dir, variant }
    }

    /// What `LIBTORCH` should be: the folder of `lib` and `include`.
    pub fn libtorch(&self) -> PathBuf {
        self.dir.join(self.variant.name())
    }

    /// The file that says that everything was verified.
    pub fn marker(&self) -> PathBuf {
        self.dir.join("verified")
    }

    /// The version that torch states, such as `2.11.0+cu130`.
    ///
    /// # Errors
    /// Where it states none or another than [`VERSION`].
    pub fn version(&self) -> Result<String> {
        let file = self.dir.join("torch/version.py");
        let text = fs::read_to_string(&file).at("read", &file)?;
        match stated(&text) {
            Some(version) if version.split('+').next() == Some(VERSION) => Ok(version.to_owned()),
            found => damaged(&file, format!("version {}, expected {VERSION}", found.unwrap_or("unknown"))),
        }
    }

    /// Makes the links, where they are not right yet.
    pub(super) fn link(&self) -> Result<()> {
        let lib = self.libtorch().join("lib");
        fs::create_dir_all(&lib).at("make", &lib)?;
        point(&self.libtorch().join("include"), Path::new("../torch/include"))?;
        for name in self.variant.links() {
            point(&lib.join(name), &Path::new("../../torch/lib").join(name))?;
        }
        Ok(())
    }
}

/// The version in the text of torch's `version.py`.
pub(super) fn stated(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("__version__ = ")).map(|version| version.trim_matches('\''))
}

/// Makes the link `link` point to `target` in one step.
///
/// # Errors
/// When something that is no link is in the way, or the system refuses.
pub fn point(link: &Path, target: &Path) -> Result<()> {
    match fs::symlink_metadata(link) {
        Ok(found) if !found.is_symlink() => return damaged(link, "is not a link; move it away"),
        Ok(_) if fs::read_link(link).is_ok_and(|before| before == target) => return Ok(()),
        _ => {}
    }
    let fresh = link.with_added_extension(format!("new-{}", std::process::id()));
    symlink(target, &fresh).and_then(|()| fs::rename(&fresh, link)).at("make the link", link)
}

#[cfg(unix)]
use std::os::unix::fs::symlink;

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_moved() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        for target in ["a", "a", "b"] {
            point(&link, Path::new(target)).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_link_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let message = point(dir.path(), Path::new("a")).unwrap_err().to_string();
        assert!(message.contains("is not a link"), "{message}");
    }

    #[test]
    fn another_version_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let install = Install::at(dir.path().into(), Variant::Cpu);
        fs::create_dir(dir.path().join("torch")).unwrap();
        let file = dir.path().join("torch/version.py");
        fs::write(&file, "__version__ = '2.11.0+cu130'\n").unwrap();
        assert_eq!(install.version().unwrap(), "2.11.0+cu130");
        fs::write(&file, "__version__ = '2.11.1'\n").unwrap();
        assert!(install.version().unwrap_err().to_string().contains("2.11.1, expected 2.11.0"));
    }
}
