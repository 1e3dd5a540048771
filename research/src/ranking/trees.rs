//! What reads no graph: nothing at all, and boosted trees on a configuration beside the sums over its graph.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::sets::{Archive, Collection};
use tachograph_train::{GraphRanking, RankingOutcome, RankingReport};
use tachograph_tune::models::{Boosting, BoostingOptions, Objective, Packed};

/// Operators are below this.
const OPERATORS: usize = 128;
/// Places of a layout: −1 to 5.
const PLACES: usize = 7;

/// A graph as trees read it.
struct Rows {
    name: String,
    times: Vec<f64>,
    width: usize,
    /// Of one configuration after the other.
    values: Vec<f32>,
}

/// The order in which the compiler's own choice is first, and all others are equal.
pub fn untuned(data: &Path) -> Result<RankingOutcome> {
    let report = |part| {
        let own = |path: PathBuf| -> Result<_> {
            let times = Archive::open(&path)?.run_times()?;
            let scores: Vec<f64> = (0..times.len()).map(|i| f64::from(u8::from(i > 0))).collect();
            // An order of equal ones is none, so that only what the first takes means something.
            let ranking =
                GraphRanking { top_1: GraphRanking::new(&scores, &times).top_1, n: times.len(), ..Default::default() };
            Ok((name(&path), ranking))
        };
        let graphs = archives(data, part)?.into_iter().map(own).collect::<Result<BTreeMap<_, _>>>()?;
        Ok::<_, anyhow::Error>(RankingReport::new(graphs))
    };
    Ok(RankingOutcome { split: split(), epoch: 0, epochs: 0, validation: report("valid")?, test: report("test")? })
}

/// Trees with TenSet's settings whose order is learned within graphs.
pub fn trees(data: &Path, seed: u64) -> Result<RankingOutcome> {
    let [training, validation, test] = ["train", "valid", "test"]
        .map(|part| archives(data, part)?.iter().map(|path| rows(path)).collect::<Result<Vec<_>>>());
    let (training, options) = (training?, BoostingOptions::TENSET);
    let best = |graph: &Rows| graph.times.iter().copied().fold(f64::MAX, f64::min);
    let relevance: Vec<f64> =
        training.iter().flat_map(|graph| graph.times.iter().map(|time| best(graph) / time)).collect();
    let mut lists: Vec<Range<usize>> = Vec::new();
    for graph in &training {
        let from = lists.last().map_or(0, |list| list.end);
        lists.push(from..from + graph.times.len());
    }
    let objective = Objective::Lambda { relevance: &relevance, lists: &lists };
    let model = Boosting::fit(&pack(&training), &objective, &options, &mut ChaCha8Rng::seed_from_u64(seed))?;
    let report = |graphs: &[Rows]| {
        let one = |graph: &Rows| {
            let scores: Vec<f64> = model.predict(&pack([graph]))?.iter().map(|score| -score).collect();
            Ok::<_, anyhow::Error>((graph.name.clone(), GraphRanking::new(&scores, &graph.times)))
        };
        Ok::<_, anyhow::Error>(RankingReport::new(graphs.iter().map(one).collect::<Result<_, _>>()?))
    };
    let trees = options.trees as u32;
    Ok(RankingOutcome {
        split: split(),
        epoch: trees,
        epochs: trees,
        validation: report(&validation?)?,
        test: report(&test?)?,
    })
}

fn split() -> String {
    "folders".into()
}

fn pack<'a>(graphs: impl IntoIterator<Item = &'a Rows>) -> Packed {
    let mut packed = Packed::default();
    for graph in graphs {
        if packed.starts.is_empty() {
            packed = Packed::new(graph.width);
        }
        graph.values.chunks_exact(graph.width).for_each(|row| packed.push(row.iter().copied()));
    }
    packed
}

/// The archives of a part, by name.
fn archives(data: &Path, part: &str) -> Result<Vec<PathBuf>> {
    let folder = data.join(part);
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "npz"));
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A row for each configuration: sums of the numbers of nodes, how many nodes of each operator there are, and the tile, or
/// in which share of the nodes each place of a layout has each number.
fn rows(path: &Path) -> Result<Rows> {
    let mut archive = Archive::open(path)?;
    let mut shared: Vec<f32> = archive.node_features()?.columns().into_iter().map(|column| column.sum()).collect();
    let mut operators = [0f32; OPERATORS];
    archive.opcodes()?.iter().for_each(|&op| operators[usize::from(op) % OPERATORS] += 1.0);
    shared.extend(operators);
    let (layout, (nodes, columns)) = (archive.collection() == Collection::Layout, archive.configuration_shape());
    let times = archive.run_times()?;
    let mut values = Vec::new();
    archive.each_configuration(|_, numbers| {
        values.extend(&shared);
        match layout {
            false => values.extend(numbers.iter().map(|&x| x as f32)),
            true => {
                let mut shares = vec![0f32; columns * PLACES];
                for ((_, column), &number) in numbers.indexed_iter() {
                    let place = (number + 1.0).clamp(0.0, (PLACES - 1) as f64) as usize;
                    shares[column * PLACES + place] += 1.0 / nodes as f32;
                }
                values.extend(shares);
            }
        }
        true
    })?;
    let width = shared.len() + if layout { columns * PLACES } else { nodes.max(1) * columns };
    Ok(Rows { name: name(path), times, width, values })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use tachograph_datasets::sets::{Configurations, OperatorGraph, TimedGraph};

    use super::*;

    /// Two convolutions, whose layouts cost by the first place.
    fn write(folder: &Path, name: &str, factor: f64) {
        std::fs::create_dir_all(folder).unwrap();
        let graph = OperatorGraph {
            features: Array2::from_elem((3, 2), factor as f32),
            opcodes: vec![63, 26, 26],
            edges: vec![(0, 1), (1, 2)],
        };
        let places = |i: usize| [i % 5, i / 5 % 5].map(|place| place as f32 - 1.0);
        let runs: Vec<usize> = (1..25).collect();
        let time = |&i: &usize| 1e5 * factor * (2.0 + places(i).iter().map(|&p| f64::from(p) + 1.0).sum::<f64>());
        let timed = TimedGraph {
            graph,
            configurations: Configurations::Layout {
                nodes: vec![1, 2],
                columns: 1,
                values: runs.iter().flat_map(|&i| places(i)).collect(),
            },
            run_times: runs.iter().map(time).collect(),
            default_time: None,
            spreads: None,
        };
        timed.write(&folder.join(name)).unwrap();
    }

    #[test]
    fn trees_find_what_costs() {
        let data = tempfile::tempdir().unwrap();
        for (part, names) in [("train", vec!["a", "b", "c"]), ("valid", vec!["d"]), ("test", vec!["e"])] {
            for (i, name) in names.iter().enumerate() {
                write(&data.path().join(part), &format!("{name}.npz"), 1.0 + i as f64);
            }
        }
        let found = trees(data.path(), 0).unwrap();
        assert!(found.test.mean.opa.unwrap() > 0.9 && found.test.graphs.len() == 1, "{found:?}");
        assert_eq!(found.validation.mean.n, 24);
        // The first configuration is one of the two best.
        let untuned = untuned(data.path()).unwrap();
        assert_eq!((untuned.test.mean.top_1, untuned.test.mean.opa), (Some(0.0), None));
        assert!(trees(&data.path().join("nowhere"), 0).unwrap_err().to_string().contains("nowhere/train"));
    }
}
