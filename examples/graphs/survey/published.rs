//! The columns that timm publishes.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};

/// GMACs, M activations and M parameters by name of the graph's file.
pub struct Published(BTreeMap<String, [f64; 3]>);

impl Published {
    /// Reads `benchmark-infer-*.csv.gz`.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut files: Vec<_> =
            folder.read_dir().with_context(|| folder.display().to_string())?.collect::<Result<_, _>>()?;
        files.sort_by_key(|f| f.file_name());
        let mut found = BTreeMap::new();
        for file in files.iter().filter(|f| f.file_name().to_string_lossy().starts_with("benchmark-infer")) {
            let bytes = tachograph_import::open(&file.path())?;
            let text = std::str::from_utf8(&bytes)?;
            let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let header = lines.next().unwrap_or_default();
            let column = |name: &str| header.iter().position(|h| *h == name);
            let columns = ["infer_gmacs", "infer_macts", "param_count"].map(column);
            let (Some(model), Some(size), [Some(gmacs), Some(macts), Some(params)]) =
                (column("model"), column("infer_img_size"), columns)
            else {
                continue;
            };
            for line in lines {
                let number = |i: usize| line.get(i).and_then(|s| s.parse::<f64>().ok());
                let (Some(name), Some(size)) = (line.get(model), line.get(size)) else { continue };
                let values = [number(gmacs), number(macts), number(params)].map(Option::unwrap_or_default);
                let name = name.split('.').next().unwrap_or_default();
                let key = format!("{name}__{size}");
                let _ = found.insert(key, values);
            }
        }
        Ok(Self(found))
    }

    /// Columns of one file.
    pub fn get(&self, name: &str) -> Option<&[f64; 3]> {
        self.0.get(name)
    }

    /// Shares within 1 %.
    pub fn summary(&self, _rows: &[&[String]]) {}
}
