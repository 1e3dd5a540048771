//! The order of configurations, as a task of the engine.

use std::{
    collections::{BTreeMap, HashMap},
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
    pub memory: Mutex<Memory>,
}

impl Ordering<'_> {
    fn runs(&self) -> usize {
        if self.config.runs > 0 { self.config.runs } else { RUNS }
    }

    /// Some of a graph's configurations, without replacement.
    fn sample(&self, graph: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let listed = &self.archives.listed[graph];
        let mut members = listed.part(Part::Train).to_vec();
        let count = self.runs().min(members.len());
        match self.config.ranking.sampling {
            Sampling::Uniform => {
                let (drawn, _) = members.partial_shuffle(rng, count);
                drawn.to_vec()
            }
            Sampling::Fast => {
                members.sort_unstable_by(|&a, &b| listed.times[a].total_cmp(&listed.times[b]));
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
        let mut graphs = BTreeMap::new();
        for index in self.archives.members(part) {
            let (listed, graph) =
                (&self.archives.listed[index], self.archives.graph(index, &self.manifest.featurizer, &self.ranking)?);
            let members = listed.part(part);
            let scores = scores(predictor, &self.ranking, &graph, members)?;
            let times: Vec<f64> = members.iter().map(|&i| listed.times[i]).collect();
            graphs.insert(listed.name.clone(), GraphRanking::new(&scores, &times));
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
        let mut rng = ChaCha8Rng::seed_from_u64(draw.seed);
        let (mut parts, mut drawn, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for &index in &draw.members {
            let graph = self.archives.graph(index, &self.manifest.featurizer, &self.ranking)?;
            let configurations = self.sample(index, &mut rng);
            let values = graph.configurations(&configurations, &self.manifest.featurizer)?;
            let segments = graph.pieces.len();
            let segment = rng.random_range(0..segments.max(1));
            let block = graph.block(rng.random_range(0..graph.blocks()));
            let listed = &self.archives.listed[index];
            targets.extend(configurations.iter().map(|&i| (listed.times[i] / listed.unit) as f32));
            let values = graph.of_piece(segment, &values).into_owned();
            drawn.push(Drawn { graph: index, configurations, segment, segments, seed: rng.random() });
            parts.push((graph, values, block));
        }
        let views: Option<Vec<_>> = parts
            .iter()
            .zip(&drawn)
            .map(|((graph, values, block), drawn)| graph.view(drawn.segment, values, drawn.configurations.len(), block))
            .collect();
        let views = views.ok_or_else(|| Error::Lists { message: "a segment is not there".into() })?;
        let options = self.config.model.batch_options(true);
        let batch = GraphBatch::configured(&views, self.ranking.join, &options, self.device)?;
        let lengths: Vec<usize> = drawn.iter().map(|drawn| drawn.configurations.len()).collect();
        let known = Known::of_configurations(&targets, &lengths, self.device)?;
        Ok(Ready { members: draw.members, batch, known, drawn, seconds: start.elapsed().as_secs_f64() })
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
