//! The columns that timm publishes.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};

/// What is compared, and by how much the published numbers, two digits after the point, are rounded at most.
const COLUMNS: [&str; 3] = ["GMACs", "M activations", "M parameters"];
const ROUNDING: f64 = 0.005;
/// Largest relative difference that counts as agreement.
const TOLERANCE: f64 = 0.01;

/// GMACs, M activations and M parameters by name of the graph's file.
pub struct Published(BTreeMap<String, [f64; 3]>);

impl Published {
    /// Reads `benchmark-infer-*.csv.gz`; of two measurements of a model the one with the later PyTorch counts, as early
    /// ones left fused attention out.
    pub fn read(folder: &Path) -> Result<Self> {
        let entries = folder.read_dir().with_context(|| folder.display().to_string())?;
        let mut files: Vec<_> = entries.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
        let version = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name.split('-').find(|part| part.starts_with("pt")).map(str::to_owned), name)
        };
        files.retain(|path| version(path).1.starts_with("benchmark-infer"));
        files.sort_by_key(|path| version(path));
        let mut found = BTreeMap::new();
        for file in files {
            let bytes = tachograph_import::open(&file)?;
            let text = std::str::from_utf8(&bytes).with_context(|| file.display().to_string())?;
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
                let [Some(gmacs), Some(macts), Some(params)] = [number(gmacs), number(macts), number(params)] else {
                    continue;
                };
                let name = name.split('.').next().unwrap_or_default();
                found.insert(format!("{name}__{size}"), [gmacs, macts, params]);
            }
        }
        Ok(Self(found))
    }

    /// Columns of one file.
    pub fn get(&self, name: &str) -> Option<[f64; 3]> {
        self.0.get(name).copied()
    }

    /// Prints the share within 1 %, and what is outside.
    pub fn compare(&self, counts: &[(String, [f64; 3])]) {
        for (i, what) in COLUMNS.iter().enumerate() {
            let pairs: Vec<_> =
                counts.iter().filter_map(|(name, ours)| Some((name, ours[i], self.0.get(name)?[i]))).collect();
            let outside: Vec<_> = pairs.iter().filter(|(_, a, b)| (a - b).abs() > TOLERANCE * b + ROUNDING).collect();
            let share = 100.0 * (1.0 - outside.len() as f64 / pairs.len().max(1) as f64);
            eprintln!("{what}: {share:.2} % of {} models within 1 %", pairs.len());
            for (name, ours, theirs) in outside {
                eprintln!("  {name}: {ours:.3}, published {theirs} ({:+.1} %)", 100.0 * (ours / theirs - 1.0));
            }
        }
    }
}
