//! A collection of archives: which part of it a network is in, since families are held out as a whole, and how it is written.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tachograph_datasets::sets::TimedGraph;

/// Where archives go.
#[derive(clap::Args)]
pub struct Folders {
    /// Folder of the collection; archives are in `train`, `valid` and `test` below it.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Families whose networks validate, with commas; a family is what a name begins with, up to the first that is no letter.
    #[arg(long, value_name = "FAMILY", value_delimiter = ',')]
    valid: Vec<String>,
    /// Families whose networks test.
    #[arg(long, value_name = "FAMILY", value_delimiter = ',')]
    test: Vec<String>,
    /// Compress the archives: many times smaller, and read by a training as a whole.
    #[arg(long)]
    compress: bool,
}

/// The letters that a name begins with, small.
pub fn family(name: &str) -> String {
    name.chars().take_while(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

impl Folders {
    /// The folder for what is of these networks: what is of one that tests is for no other.
    ///
    /// # Errors
    /// A family that both validates and tests; the folder cannot be made.
    pub fn of<'a>(&self, networks: impl IntoIterator<Item = &'a str>) -> Result<PathBuf> {
        if let Some(both) = self.valid.iter().find(|name| self.test.contains(name)) {
            bail!("--valid {both}: the family is also in --test");
        }
        let families: Vec<String> = networks.into_iter().map(family).collect();
        let any = |held: &[String]| families.iter().any(|own| held.iter().any(|name| family(name) == *own));
        let part = match () {
            () if any(&self.test) => "test",
            () if any(&self.valid) => "valid",
            () => "train",
        };
        let folder = self.out.join(part);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder)
    }

    /// Writes an archive.
    ///
    /// # Errors
    /// As [`TimedGraph::write`].
    pub fn write(&self, archive: &TimedGraph, path: &Path) -> Result<()> {
        match self.compress {
            true => archive.write_compressed(path)?,
            false => archive.write(path)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_held_out() {
        let out = tempfile::tempdir().unwrap();
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (valid, test) = (list(&["vgg"]), list(&["resnet", "mobilenet-v2"]));
        let folders = Folders { out: out.path().into(), valid, test, compress: false };
        let part = |names: &[&str]| {
            let folder = folders.of(names.iter().copied()).unwrap();
            folder.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!([part(&["resnet18"]), part(&["vgg-11"]), part(&["alexnet"])], ["test", "valid", "train"]);
        // Both of its versions, and what others have, too.
        assert_eq!([part(&["mobilenet_v3.onnx"]), part(&["alexnet", "vgg", "ResNet"])], ["test", "test"]);
        let both = Folders { valid: list(&["resnet"]), ..folders };
        assert!(both.of(["alexnet"]).unwrap_err().to_string().contains("also in --test"));
    }
}
