//! What a set is, and finding one by its name.

use std::path::{Path, PathBuf};

use crate::{CsvSet, DataSet, Error, Result, SETS, Source, store::META};

/// Environment variable that names the folder of published sets.
pub const DATA: &str = "TACHOGRAPH_DATA";

/// What a set is and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name here.
    pub name: &'static str,
    /// What was measured, in a line.
    pub what: &'static str,
    /// Where to get it.
    pub from: &'static str,
    /// Under which licence.
    pub licence: &'static str,
    /// Its folder below the root of all sets.
    pub folder: &'static str,
    /// What the names of its files begin with, where several sets share a folder; else empty.
    pub files: &'static str,
    /// Opens it below the root of all sets.
    pub open: fn(&Path) -> Result<Box<dyn Source>>,
}

/// The folder that holds published sets: `path`, or else what `TACHOGRAPH_DATA` names.
///
/// # Errors
/// Neither is given.
pub fn data_root(path: Option<&Path>) -> Result<PathBuf> {
    let named = || std::env::var_os(DATA).filter(|path| !path.is_empty()).map(PathBuf::from);
    path.map(PathBuf::from).or_else(named).ok_or(Error::NoRoot)
}

/// The published set of this name.
///
/// # Errors
/// There is none; the message lists those that there are.
pub fn find(name: &str) -> Result<&'static About> {
    SETS.iter().find(|about| about.name == name).copied().ok_or_else(|| Error::UnknownSet(name.into()))
}

/// Opens a set: a folder in this project's own format, a table (`.csv`, `.tsv`, `.gz` or not) beside model files, or a published
/// set by name, below `root` or else the folder that `TACHOGRAPH_DATA` names.
///
/// # Errors
/// No such set, none of a published set's files, or nobody says where those lie; the message says what to do.
pub fn open(data: &Path, root: Option<&Path>) -> Result<Box<dyn Source>> {
    let name = data.display().to_string();
    if data.is_dir() {
        if !data.join(META).exists() {
            return Err(Error::damaged(data, format!("is a folder without {META}, so no set that `collect` finished")));
        }
        Ok(Box::new(DataSet::open(data)?))
    } else if [".csv", ".tsv", ".csv.gz", ".tsv.gz"].iter().any(|end| name.ends_with(end)) {
        Ok(Box::new(CsvSet::open(data)?))
    } else if data.is_file() {
        Err(Error::damaged(
            data,
            "a file, but no table by its name: save it as a table of text that ends in .csv or .tsv",
        ))
    } else {
        (find(&name)?.open)(&data_root(root)?)
    }
}

impl About {
    /// Path of one of the set's files, or its folder (for an empty `file`), which must exist.
    pub(crate) fn path(&'static self, root: &Path, file: &str) -> Result<PathBuf> {
        let folder = root.join(self.folder);
        let path = if file.is_empty() { folder } else { folder.join(file) };
        if path.exists() { Ok(path) } else { Err(Error::Missing { about: self, path }) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_set_is_found_by_a_name_of_its_own_and_says_where_to_get_it() {
        let names: HashSet<_> = SETS.iter().map(|about| about.name).collect();
        assert_eq!(names.len(), SETS.len());
        for about in SETS {
            assert!(std::ptr::eq(find(about.name).unwrap(), *about));
            // `open` of the set itself reports, so that a copied entry with another set's `open` fails.
            let error = open(about.name.as_ref(), Some("nowhere".as_ref())).err().unwrap().to_string();
            let says = [about.name, about.from, about.folder, DATA];
            assert!(says.iter().all(|part| error.contains(part)), "{}: {error}", about.name);
            assert!([about.what, about.from, about.licence, about.folder].iter().all(|text| !text.is_empty()));
        }
    }

    #[test]
    fn what_is_not_there_is_said_in_one_line() {
        let error = open("imagenet".as_ref(), None).err().unwrap().to_string();
        assert!(error.contains("`imagenet`") && SETS.iter().all(|about| error.contains(about.name)), "{error}");
        let error = Error::NoRoot.to_string();
        assert!(error.contains(DATA) && !error.contains('\n'), "{error}");
        assert_eq!(data_root(Some("mine".as_ref())).unwrap(), Path::new("mine"));
    }
}
