//! The table that the competition on TpuGraphs asked for: `ID,TopConfigs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::Path,
};

use crate::{Error, Result};

/// Configurations named of a kernel.
const OF_TILES: usize = 5;

/// Folders that an id is made of, the last before the file.
const COLLECTIONS: [&[&str]; 5] = [
    &["tile", "xla"],
    &["layout", "xla", "default"],
    &["layout", "xla", "random"],
    &["layout", "nlp", "default"],
    &["layout", "nlp", "random"],
];

/// A graph's configurations, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// As [`submission_id`] makes it.
    pub id: String,
    /// Numbers of configurations, best first.
    pub order: Vec<usize>,
}

/// The id of a graph, such as `layout:xla:random:unet_3d.4x4.bf16`, from its path below a folder of the five collections.
/// `None` where the path names none of them.
pub fn submission_id(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let stem = path.file_stem()?.to_str()?;
    // The name of a kernel's archive ends with its fingerprint, by which a module of a record is named.
    let record = path.parent().filter(|file| file.extension().is_some_and(|end| end == "pb"));
    let stem = match record.and_then(|record| record.file_stem()?.to_str()) {
        Some(record) => format!("{record}_{stem}"),
        None => stem.into(),
    };
    let folders = parts.get(..parts.len().saturating_sub(1))?;
    let named = |names: &[&str]| folders.windows(names.len()).any(|window| *window == *names);
    let collection = COLLECTIONS.into_iter().find(|names| named(names))?;
    Some(format!("{}:{stem}", collection.join(":")))
}

/// Writes the table: the first five of a kernel, all of a layout.
///
/// # Errors
/// The file cannot be written.
pub fn write_submission(path: &Path, graphs: &[Ranked]) -> Result<()> {
    let mut text = String::from("ID,TopConfigs\n");
    for Ranked { id, order } in graphs {
        let count = if id.starts_with("tile:") { OF_TILES.min(order.len()) } else { order.len() };
        let order: Vec<String> = order.iter().take(count).map(usize::to_string).collect();
        text += &format!("{id},{}\n", order.join(";"));
    }
    let mut file = fs::File::create(path).map_err(Error::io(path))?;
    file.write_all(text.as_bytes()).map_err(Error::io(path))
}

/// Checks a table against the number of configurations of each graph: every graph is there once and nothing else is,
/// layouts are permutations, kernels have five configurations (all, where there are fewer), no two of them the same.
///
/// # Errors
/// Names the line and what is wrong with it.
pub fn check_submission(path: &Path, graphs: &BTreeMap<String, usize>) -> Result<()> {
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    let mut seen = BTreeSet::new();
    for (line, number) in text.lines().zip(1..) {
        let wrong = |message: String| Error::line(path, number, message);
        if number == 1 {
            if line != "ID,TopConfigs" {
                return Err(wrong(format!("`{line}` in place of `ID,TopConfigs`")));
            }
            continue;
        }
        let (id, order) = line.split_once(',').ok_or_else(|| wrong("no comma".into()))?;
        let &count = graphs.get(id).ok_or_else(|| wrong(format!("`{id}` is no graph of the set")))?;
        if !seen.insert(id.to_owned()) {
            return Err(wrong(format!("`{id}` is there twice")));
        }
        let order: Vec<usize> = order
            .split(';')
            .map(|n| n.parse().ok().filter(|&n| n < count).ok_or_else(|| wrong(format!("`{n}` is none of {count}"))))
            .collect::<Result<_>>()?;
        let expected = if id.starts_with("tile:") { OF_TILES.min(count) } else { count };
        let distinct = order.iter().collect::<BTreeSet<_>>().len();
        if order.len() != expected || distinct != expected {
            return Err(wrong(format!("{distinct} distinct of {} configurations, expected {expected}", order.len())));
        }
    }
    match graphs.keys().find(|id| !seen.contains(*id)) {
        Some(missing) => Err(Error::damaged(path, format!("`{missing}` is missing"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_from_paths() {
        let id = |path: &str| submission_id(Path::new(path));
        assert_eq!(id("npz/layout/nlp/random/test/abc.npz").unwrap(), "layout:nlp:random:abc");
        assert_eq!(id("npz/tile/xla/test/d.npz").unwrap(), "tile:xla:d");
        assert_eq!(id("pb/tile/xla/test/d.pb/0a1b").unwrap(), "tile:xla:d_0a1b");
        assert_eq!(id("elsewhere/abc.npz"), None);
    }

    #[test]
    fn what_is_written_passes_and_what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("submission.csv");
        let row = |id: &str, order: &[usize]| Ranked { id: id.into(), order: order.into() };
        let rows = [row("tile:xla:a", &[6, 5, 4, 3, 2, 1, 0]), row("layout:xla:random:b", &[2, 0, 1])];
        let counts = BTreeMap::from([("tile:xla:a".to_owned(), 7), ("layout:xla:random:b".to_owned(), 3)]);
        write_submission(&path, &rows).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "ID,TopConfigs\ntile:xla:a,6;5;4;3;2\nlayout:xla:random:b,2;0;1\n");
        check_submission(&path, &counts).unwrap();
        for (from, to, says) in [
            ("ID,", "Id,", ":1: `Id,TopConfigs` in place of"),
            ("6;5", "6;6", ":2: 4 distinct of 5 configurations, expected 5"),
            (";2\nl", "\nl", ":2: 4 distinct of 4 configurations, expected 5"),
            ("2;0;1", "2;0;3", ":3: `3` is none of 3"),
            ("random:b", "random:c", ":3: `layout:xla:random:c` is no graph of the set"),
            ("layout:xla:random:b,2;0;1\n", "", "`layout:xla:random:b` is missing"),
            ("layout:xla:random:b,2;0;1", "tile:xla:a,6;5;4;3;2", ":3: `tile:xla:a` is there twice"),
        ] {
            fs::write(&path, text.replace(from, to)).unwrap();
            let error = check_submission(&path, &counts).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
