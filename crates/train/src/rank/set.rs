//! The graphs of a run: which there are, what of them is learned from, and those that are in memory.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use tachograph_datasets::{
    Part,
    sets::{Archive, Collection, TPUGRAPHS, TpuGraphs},
};
use tachograph_features::Featurizer;
use tachograph_ir::disk::hex;
use tachograph_models::{Kinds, Ranking};

use super::{
    config::{RankingConfig, RankingSplit},
    graph::{Raw, XlaGraph},
};
use crate::{
    Error, Result,
    error::{file, io, setting},
};

/// Layouts are learned in units of ten milliseconds, as TpuGraphs' baseline does.
const NANOSECONDS: f64 = 1e7;

/// A graph of the set.
#[derive(Debug)]
pub(crate) struct Listed {
    pub name: String,
    path: PathBuf,
    /// What is compared: ns, or multiples of the default's for tiles.
    pub times: Vec<f64>,
    /// What times are divided by to be learned.
    pub unit: f64,
    /// Parts of the graph, of which one is in a step.
    pub segments: usize,
    /// Configurations that are learned from, by time; made when it is first asked for.
    fastest: OnceLock<Vec<usize>>,
    /// Positions of the configurations of each part.
    parts: BTreeMap<Part, Vec<usize>>,
}

impl Listed {
    /// Configurations of a part.
    pub fn part(&self, part: Part) -> &[usize] {
        self.parts.get(&part).map_or(&[], Vec::as_slice)
    }

    /// Configurations that are learned from, the fastest first.
    pub fn fastest_first(&self) -> &[usize] {
        self.fastest.get_or_init(|| {
            let mut members = self.part(Part::Train).to_vec();
            members.sort_unstable_by(|&a, &b| self.times[a].total_cmp(&self.times[b]));
            members
        })
    }
}

/// The set.
#[derive(Debug)]
pub(crate) struct Archives {
    pub listed: Vec<Listed>,
    pub of_nodes: bool,
    /// Hash of the split.
    pub split: String,
    room: usize,
    kept: Mutex<BTreeMap<usize, Arc<XlaGraph>>>,
}

/// The archives that a path means: a file or a module in it, a folder, or the published set by name.
pub(crate) fn archives(data: &Path, root: Option<&Path>) -> Result<(Vec<PathBuf>, PathBuf)> {
    if data.is_file() || data.parent().is_some_and(Path::is_file) {
        let folder = data.parent().map(Path::to_path_buf).unwrap_or_default();
        return Ok((Archive::within(data)?, folder));
    }
    let (set, folder) = if data.is_dir() {
        (TpuGraphs::open_folder(data)?, data.to_path_buf())
    } else if data.to_str() == Some(TPUGRAPHS.name) {
        let root = root.map(Path::to_path_buf).or_else(|| std::env::var_os("TACHOGRAPH_DATA").map(PathBuf::from));
        let root =
            root.ok_or_else(|| setting("root", "the folder of published sets is not known: set TACHOGRAPH_DATA"))?;
        (TpuGraphs::open(&root)?, root.join(TPUGRAPHS.folder))
    } else {
        return Err(file(data, "is no archive, no folder of archives, and not `tpugraphs`"));
    };
    if set.files().is_empty() {
        return Err(file(data, "has no archives (.npz, .pb)"));
    }
    Ok((set.files().to_vec(), folder))
}

/// Run times that are compared: of tiles, multiples of the default's.
pub(crate) fn times(archive: &mut Archive, path: &Path) -> Result<Vec<f64>> {
    let mut times = archive.run_times()?;
    if let Some(normalizers) = archive.normalizers()? {
        times.iter_mut().zip(&normalizers).for_each(|(time, normalizer)| *time /= normalizer.max(1.0));
    }
    match times.iter().position(|time| !time.is_finite() || *time <= 0.0) {
        Some(place) => Err(file(path, format!("configuration {place} has no run time above 0"))),
        None => Ok(times),
    }
}

impl Archives {
    /// Opens headers and run times, and divides.
    pub fn open(data: &Path, root: Option<&Path>, config: &RankingConfig, ranking: &Ranking) -> Result<Self> {
        if ranking.prune && ranking.segment > 0 {
            return Err(setting("model", "prunes graphs and reads them in segments: how many is not known beforehand"));
        }
        let (paths, folder) = archives(data, root)?;
        let lists = config.lists.as_deref().map(lists).transpose()?.unwrap_or_default();
        let (mut listed, mut kinds) = (Vec::new(), HashSet::new());
        for path in paths {
            let mut archive = Archive::open(&path)?;
            kinds.insert(archive.collection() == Collection::Layout);
            let name = path.strip_prefix(&folder).unwrap_or(&path).with_extension("").to_string_lossy().into_owned();
            let times = times(&mut archive, &path)?;
            let unit = match (archive.collection(), archive.normalizers()?) {
                (Collection::Layout, _) => NANOSECONDS,
                (Collection::Tile, Some(_)) => 1.0,
                (Collection::Tile, None) => times.iter().sum::<f64>() / times.len().max(1) as f64,
            };
            let segments = match ranking.segment {
                0 => 1,
                segment => archive.nodes().div_ceil(segment).max(1),
            };
            let (parts, fastest) = (BTreeMap::new(), OnceLock::new());
            listed.push(Listed { times, unit, segments, fastest, name, path, parts });
        }
        let [of_nodes] = kinds.iter().copied().collect::<Vec<_>>()[..] else {
            return Err(file(data, "has tiles and layouts: a network ranks one of them"));
        };
        let fits = match ranking.kinds {
            Kinds::Both => true,
            Kinds::Nodes => of_nodes,
            Kinds::Graph => !of_nodes,
        };
        if !fits {
            let what = if of_nodes { "layouts of nodes" } else { "tiles of graphs" };
            return Err(setting("model", format!("does not rank {what}, which {} has", data.display())));
        }
        divide(&mut listed, config)?;
        for graph in &mut listed {
            restrict(graph, config, &lists)?;
        }
        let split = fingerprint(&listed);
        let room = config.cache_mb << 20;
        let archives = Self { listed, of_nodes, split, room, kept: Mutex::default() };
        if archives.members(Part::Train).next().is_none() {
            let why = "nothing is to be learned from: no folder `train`, or too few graphs; see `ranking.split`";
            return Err(file(data, why));
        }
        Ok(archives)
    }

    /// Graphs with configurations of a part.
    pub fn members(&self, part: Part) -> impl Iterator<Item = usize> + '_ {
        let some = move |graph: &Listed| !graph.part(part).is_empty();
        self.listed.iter().enumerate().filter(move |(_, graph)| some(graph)).map(|(i, _)| i)
    }

    /// Scales of columns, from graphs and configurations that are learned from.
    pub fn fit(&self, ranking: &Ranking) -> Result<Featurizer> {
        // Scales need no more than this: the 80 GB are not read for them.
        const GRAPHS: usize = 500;
        const CONFIGURATIONS: usize = 64;
        let all: Vec<usize> = self.members(Part::Train).collect();
        let (mut nodes, mut configurations) = (Vec::new(), Vec::new());
        for &i in all.iter().step_by(all.len().div_ceil(GRAPHS).max(1)) {
            let graph = &self.listed[i];
            let mut raw = Raw::open(&graph.path)?;
            let part = graph.part(Part::Train);
            let some: Vec<usize> = part.iter().copied().step_by(part.len().div_ceil(CONFIGURATIONS).max(1)).collect();
            let columns = raw.archive().configuration_shape().1;
            let values = raw.archive().configurations_at(&some)?;
            let rows = (values.len() / columns.max(1), columns);
            configurations.push(ndarray::Array2::from_shape_vec(rows, values).map_err(|e| file(&graph.path, e))?);
            nodes.push(raw.features);
        }
        let nodes: Vec<_> = nodes.iter().map(|part| part.view()).collect();
        let configurations: Vec<_> = configurations.iter().map(|part| part.view()).collect();
        Ok(Featurizer::fit_archives(ranking.features, &nodes, &configurations, !self.of_nodes)?)
    }

    /// A graph, from memory where it is there. Where the room is used up, those that were there make room.
    pub fn graph(&self, index: usize, featurizer: &Featurizer, ranking: &Ranking) -> Result<Arc<XlaGraph>> {
        let kept = || self.kept.lock().map_err(|_| Error::Lists { message: "the graphs in memory are lost".into() });
        if let Some(graph) = kept()?.get(&index) {
            return Ok(graph.clone());
        }
        let listed = self.listed.get(index).ok_or_else(|| Error::Lists { message: format!("no graph {index}") })?;
        let graph = Arc::new(XlaGraph::new(&listed.path, featurizer, ranking, self.room / 2)?);
        let mut kept = kept()?;
        if kept.values().map(|graph| graph.bytes).sum::<usize>() + graph.bytes > self.room {
            kept.clear();
        }
        kept.insert(index, graph.clone());
        Ok(graph)
    }
}

/// `{graph: [configuration, …]}`.
fn lists(path: &Path) -> Result<BTreeMap<String, Vec<usize>>> {
    let text = fs::read_to_string(path).map_err(io(path))?;
    serde_json::from_str(&text).map_err(|e| file(path, e))
}

fn divide(listed: &mut [Listed], config: &RankingConfig) -> Result<()> {
    let parts_of = |n: usize, rng: &mut ChaCha8Rng| -> Vec<Part> {
        let held = n.div_ceil(10).min(n / 3);
        let mut parts: Vec<Part> = std::iter::repeat_n(Part::Test, held)
            .chain(std::iter::repeat_n(Part::Validation, held))
            .chain(std::iter::repeat_n(Part::Train, n - 2 * held))
            .collect();
        parts.shuffle(rng);
        parts
    };
    let whole = |graph: &mut Listed, part: Part| {
        graph.parts.insert(part, (0..graph.times.len()).collect());
    };
    match config.split {
        RankingSplit::Published => {
            for graph in listed {
                let folders = graph.path.iter().filter_map(|part| part.to_str());
                let words: Vec<&str> = folders.flat_map(|part| part.split("__")).collect();
                let named = [("train", Part::Train), ("valid", Part::Validation), ("test", Part::Test)];
                let found = words.iter().rev().find_map(|word| named.iter().find(|(name, _)| name == word));
                let (_, part) = found.ok_or_else(|| {
                    file(&graph.path, "is below no folder `train`, `valid` or `test`: `ranking.split` has other ways")
                })?;
                whole(graph, *part);
            }
        }
        RankingSplit::Graphs { seed } => {
            let parts = parts_of(listed.len(), &mut ChaCha8Rng::seed_from_u64(seed));
            listed.iter_mut().zip(parts).for_each(|(graph, part)| whole(graph, part));
        }
        RankingSplit::Configurations { seed } => {
            for (graph, place) in listed.iter_mut().zip(0..) {
                let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(place));
                for (i, part) in parts_of(graph.times.len(), &mut rng).into_iter().enumerate() {
                    graph.parts.entry(part).or_default().push(i);
                }
            }
        }
    }
    Ok(())
}

/// Leaves what validates, tests and is learned from as the config says.
fn restrict(graph: &mut Listed, config: &RankingConfig, lists: &BTreeMap<String, Vec<usize>>) -> Result<()> {
    let stem = graph.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for part in [Part::Validation, Part::Test] {
        let Some(members) = graph.parts.get_mut(&part) else { continue };
        if let Some(list) = lists.get(&stem).filter(|_| config.split == RankingSplit::Published) {
            if let Some(wrong) = list.iter().find(|&&i| i >= graph.times.len()) {
                return Err(file(&graph.path, format!("configuration {wrong} of the list is not there")));
            }
            members.clone_from(list);
        } else if part == Part::Validation && config.validate > 0 && members.len() > config.validate {
            members.shuffle(&mut rng);
            members.truncate(config.validate);
            members.sort_unstable();
        }
    }
    let times = &graph.times;
    let Some(members) = graph.parts.get_mut(&Part::Train) else { return Ok(()) };
    if config.deduplicate {
        let mut archive = Archive::open(&graph.path)?;
        let (mut seen, mut first) = (HashSet::new(), vec![false; times.len()]);
        archive.each_configuration(|i, values| {
            let mut hash = Sha256::new();
            values.iter().for_each(|v| hash.update(v.to_le_bytes()));
            let digest: [u8; 32] = hash.finalize().into();
            first[i] = seen.insert(digest);
            true
        })?;
        members.retain(|&i| first[i]);
    }
    let most = config.max_configurations;
    if most > 0 && members.len() > most {
        members.sort_unstable_by(|&a, &b| times[a].total_cmp(&times[b]));
        let third = most / 3;
        let mut middle = members.drain(third..members.len() - third).collect::<Vec<_>>();
        middle.shuffle(&mut rng);
        members.extend(middle.into_iter().take(most - 2 * third));
        members.sort_unstable();
    }
    Ok(())
}

/// The first 16 hexadecimal digits of SHA-256 over names and the configurations of each part.
fn fingerprint(listed: &[Listed]) -> String {
    let mut hash = Sha256::new();
    for graph in listed {
        hash.update(&graph.name);
        for part in [Part::Train, Part::Validation, Part::Test] {
            hash.update((graph.part(part).len() as u64).to_le_bytes());
            graph.part(part).iter().for_each(|&i| hash.update((i as u64).to_le_bytes()));
        }
        graph.times.iter().for_each(|time| hash.update(time.to_le_bytes()));
    }
    hex(&hash.finalize()[..8])
}
