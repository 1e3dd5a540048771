//! Rates that are part of the library.

use std::collections::BTreeMap;

use nalgebra::DVector;

use super::Column;

const NCNN: &str = include_str!("ncnn.toml");

/// ln rates of ncnn's CPUs, by [`Column::all`].
pub fn cpu() -> DVector<f64> {
    read("cpu")
}

/// The same of its GPUs.
pub fn gpu() -> DVector<f64> {
    read("gpu")
}

fn read(machines: &str) -> DVector<f64> {
    // The file is part of the program, and a test reads it whole.
    let tables: BTreeMap<String, BTreeMap<String, f64>> = toml::from_str(NCNN).unwrap_or_default();
    let rate = |column: Column| tables.get(machines)?.get(&column.key()).copied();
    let columns = Column::all();
    DVector::from_iterator(columns.len(), columns.into_iter().map(|column| rate(column).unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_a_rate_for_every_column_and_no_other() {
        let tables: BTreeMap<String, BTreeMap<String, f64>> = toml::from_str(NCNN).unwrap();
        let keys: std::collections::BTreeSet<String> = Column::all().iter().map(Column::key).collect();
        assert_eq!(keys.len(), Column::all().len());
        for machines in ["cpu", "gpu"] {
            assert!(tables[machines].keys().eq(&keys), "{machines}");
        }
        assert_eq!((cpu()[0], gpu()[0]), (-0.66, 0.1));
        assert_eq!(cpu()[Column::all().len() - 1], tables["cpu"]["movement-activations"]);
    }
}
