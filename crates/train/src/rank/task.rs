//! The order of configurations, as a task of the engine.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::Mutex,
    time::Instant,
};

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_datasets::Part;
use tachograph_gnn::GraphBatch;
use tachograph_models::Ranking;
use tch::{Device, Tensor};

use super::{
    config::Sampling,
    ranker::scores,
    report::{GraphRanking, RankingReport},
    set::Archives,
};
use crate::{
    Error, Manifest, Result, RunConfig, TorchPredictor,
    error::torch,
    group::Group,
    known::Known,
    task::{Draw, Drawn, Ready, Task, Validation, draws},
};

/// Configurations of a graph in a step where the config does not say.
const RUNS: usize = 16;

/// What is remembered of the scores of segments: of a graph, of a configuration, of each segment.
type Memory = HashMap<(usize, usize), Vec<f32>>;

/// The order of configurations.
pub(crate) struct Ordering<'a> {
    pub config: &'a RunConfig,
    pub ranking: Ranking,
    pub archives: &'a Archives,
    pub manifest: Manifest,
    pub device: Device,
    pub group: &'static Group,
    pub memory: Mutex<Memory>,
}

impl Ordering<'_> {
    fn runs(&self) -> usize {
        if self.config.runs > 0 { self.config.runs } else { RUNS }
    }

    /// Configurations of a graph in a step.
    fn count(&self, graph: usize) -> usize {
        self.runs().min(self.archives.listed[graph].part(Part::Train).len())
    }

    /// Which configurations are this rank's, of so many of each graph, one after the other: those of whole graphs, where a
    /// network compares them.
    fn own(&self, counts: &[usize]) -> Range<usize> {
        let before = |graphs: usize| counts.iter().take(graphs).sum();
        match self.ranking.compares {
            true => {
                let graphs = self.group.part(counts.len());
                before(graphs.start)..before(graphs.end)
            }
            false => self.group.part(before(counts.len())),
        }
    }

    /// Some of a graph's configurations, without replacement.
    fn sample(&self, graph: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let listed = &self.archives.listed[graph];
        let count = self.count(graph);
        match self.config.ranking.sampling {
            Sampling::Uniform => {
                let mut members = listed.part(Part::Train).to_vec();
                let (drawn, _) = members.partial_shuffle(rng, count);
                drawn.to_vec()
            }
            Sampling::Fast => {
                let members = listed.fastest_first();
                let n = members.len() as f64;
                let key = |(rank, &i): (usize, &usize)| {
                    let uniform: f64 = rng.random_range(f64::MIN_POSITIVE..1.0);
                    ((n - rank as f64) / n - (-uniform.ln()).ln(), i)
                };
                let mut keys: Vec<(f64, usize)> = members.iter().enumerate().map(key).collect();
                keys.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
                keys.into_iter().take(count).map(|(_, i)| i).collect()
            }
        }
    }

    /// Orders of the configurations of a part, graph by graph.
    pub fn evaluate(&self, predictor: &TorchPredictor, part: Part) -> Result<RankingReport> {
        // Each rank scores its own, and all compare the whole.
        let members = || self.archives.members(part).map(|index| (index, self.archives.listed[index].part(part)));
        let own = self.own(&members().map(|(_, configurations)| configurations.len()).collect::<Vec<_>>());
        let mut scored = Vec::new();
        for (index, configurations) in members() {
            let (first, last) = (scored.len(), scored.len() + configurations.len());
            let [from, to] = [own.start, own.end].map(|end| end.clamp(first, last));
            scored.resize(last, 0.0);
            if from < to {
                let graph = self.archives.graph(index, &self.manifest.featurizer, &self.ranking)?;
                let wanted = &configurations[from - first..to - first];
                scored[from..to].copy_from_slice(&scores(predictor, &self.ranking, &graph, wanted)?);
            }
        }
        self.group.sum(&mut scored);
        let (mut graphs, mut scored) = (BTreeMap::new(), scored.as_slice());
        for (index, configurations) in members() {
            let listed = &self.archives.listed[index];
            let times: Vec<f64> = configurations.iter().map(|&i| listed.times[i]).collect();
            let (own, rest) = scored.split_at(times.len());
            graphs.insert(listed.name.clone(), GraphRanking::new(own, &times));
            scored = rest;
        }
        Ok(RankingReport::new(graphs))
    }

    fn memory(&self) -> Result<std::sync::MutexGuard<'_, Memory>> {
        self.memory.lock().map_err(|_| Error::Lists { message: "what was remembered of segments is lost".into() })
    }
}

impl Task for Ordering<'_> {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn plan(&self, epoch: u32) -> Vec<Draw> {
        let seed = self.config.seed.wrapping_mul(1_000_003).wrapping_add(epoch.into());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = Vec::new();
        for _ in 0..self.config.ranking.draws {
            let mut once: Vec<usize> = self.archives.members(Part::Train).collect();
            once.shuffle(&mut rng);
            order.extend(once);
        }
        draws(order.chunks(self.config.batch.max(1)).map(<[usize]>::to_vec).collect(), &mut rng)
    }

    fn make(&self, draw: Draw) -> Result<Ready> {
        let start = Instant::now();
        let counts: Vec<usize> = draw.members.iter().map(|&index| self.count(index)).collect();
        let own = self.own(&counts);
        let (mut parts, mut drawn, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for (place, &index) in draw.members.iter().enumerate() {
            // Of its own, so that what is drawn of a graph does not depend on the others, which may be other ranks'.
            let mut rng = ChaCha8Rng::seed_from_u64(draw.seed.wrapping_add(place as u64));
            let configurations = self.sample(index, &mut rng);
            let listed = &self.archives.listed[index];
            let segment = rng.random_range(0..listed.segments);
            let seed = rng.random();
            let first = targets.len();
            targets.extend(configurations.iter().map(|&i| (listed.times[i] / listed.unit) as f32));
            let [from, to] = [own.start, own.end].map(|end| end.clamp(first, targets.len()) - first);
            if from < to {
                let graph = self.archives.graph(index, &self.manifest.featurizer, &self.ranking)?;
                let values = graph.configurations(&configurations[from..to], &self.manifest.featurizer)?;
                let block = graph.block(rng.random_range(0..graph.blocks()));
                let values = graph.of_piece(segment, &values).into_owned();
                parts.push((graph, values, block, segment, to - from));
            }
            drawn.push(Drawn { graph: index, configurations, segment, segments: listed.segments, seed });
        }
        let views: Option<Vec<_>> = parts
            .iter()
            .map(|(graph, values, block, segment, count)| graph.view(*segment, values, *count, block))
            .collect();
        let views = views.ok_or_else(|| Error::Lists { message: "a segment is not there".into() })?;
        let options = self.config.model.batch_options(true);
        let batch = || GraphBatch::configured(&views, self.ranking.join, &options, self.device);
        let batch = (!views.is_empty()).then(batch).transpose()?;
        let known = Known::of_configurations(&targets, &counts, self.device)?;
        let (values, seconds) = (targets.len(), start.elapsed().as_secs_f64());
        Ok(Ready { members: draw.members, batch, own, values, known, drawn, seconds })
    }

    fn name(&self, member: usize) -> Option<&str> {
        self.archives.listed.get(member).map(|graph| graph.name.as_str())
    }

    /// The live segment, larger by the share of the others that is dropped, and what is remembered of the rest of these.
    fn prediction(&self, ready: &Ready, live: Tensor) -> Result<Tensor> {
        if ready.drawn.iter().all(|drawn| drawn.segments < 2) {
            return Ok(live);
        }
        let host = live.f_detach().and_then(|t| t.f_to_device(Device::Cpu)).map_err(torch("segments"))?;
        let mut values = Vec::<f32>::try_from(host).map_err(torch("segments"))?.into_iter();
        let (keep, mut memory) = (self.config.ranking.stale, self.memory()?);
        let (mut factors, mut rest) = (Vec::new(), Vec::new());
        for Drawn { graph, configurations, segment, segments, seed } in &ready.drawn {
            let mut rng = ChaCha8Rng::seed_from_u64(*seed);
            for &configuration in configurations {
                let scores = memory.entry((*graph, configuration)).or_insert_with(|| vec![0.0; *segments]);
                let others = scores.iter().enumerate().filter(|(s, _)| s != segment);
                rest.push(others.filter(|_| rng.random_bool(keep)).map(|(_, score)| score).sum::<f32>());
                factors.push((1.0 + (*segments as f64 - 1.0) * (1.0 - keep)) as f32);
                if let (Some(score), Some(value)) = (scores.get_mut(*segment), values.next()) {
                    *score = value;
                }
            }
        }
        let sum = || {
            let on_device = |values: &[f32]| Tensor::f_from_slice(values)?.f_to_device(live.device());
            live.f_mul(&on_device(&factors)?)?.f_add(&on_device(&rest)?)
        };
        sum().map_err(torch("segments"))
    }

    fn validate(&self, predictor: &TorchPredictor) -> Result<Validation> {
        let report = self.evaluate(predictor, Part::Validation)?;
        let chosen = report.mean.metric(self.config.metric);
        Ok(Validation { chosen, report: None, ranking: Some(report), predictions: vec![] })
    }

    fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut rows: BTreeMap<usize, Vec<(usize, Vec<f32>)>> = BTreeMap::new();
        for ((graph, configuration), scores) in self.memory()?.iter() {
            rows.entry(*graph).or_default().push((*configuration, scores.clone()));
        }
        let tensor = |mut rows: Vec<(usize, Vec<f32>)>| {
            rows.sort_unstable_by_key(|(configuration, _)| *configuration);
            let n = rows.len() as i64;
            // Numbers of configurations are below 2²⁴, up to which f32 counts.
            let flat: Vec<f32> =
                rows.into_iter().flat_map(|(i, scores)| [i as f32].into_iter().chain(scores)).collect();
            Tensor::f_from_slice(&flat)?.f_reshape([n, -1])
        };
        let named = |(graph, rows)| Ok((format!("{MEMORY}{graph}"), tensor(rows).map_err(torch("segments"))?));
        rows.into_iter().map(named).collect()
    }

    fn restore(&self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let mut memory = self.memory()?;
        for (name, tensor) in state {
            let Some(graph) = name.strip_prefix(MEMORY).and_then(|graph| graph.parse().ok()) else { continue };
            let width = tensor.size().get(1).copied().unwrap_or(1).max(1) as usize;
            let flat = Vec::<f32>::try_from(tensor.flatten(0, -1)).map_err(torch("segments"))?;
            for row in flat.chunks(width) {
                if let [configuration, scores @ ..] = row {
                    memory.insert((graph, *configuration as usize), scores.to_vec());
                }
            }
        }
        Ok(())
    }
}

/// Before the number of a graph, in the names of what is saved.
const MEMORY: &str = "segments of graph ";
