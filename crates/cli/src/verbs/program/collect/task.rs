//! A group, its file, and what makes more programs of it.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_program::{Cpu, Machine, Measurer, Point, Schedule, Space, Target, Workload};
use tachograph_tune::{
    Collected, CollectedHead, CollectedProgram, Domain, History, Situation, Strategy, Trial,
    live::{Known, Timed, space},
    models::{Trees, TreesOptions},
    strategies::{Evolution, EvolutionOptions},
};

use crate::here::Here;

/// Programs that are measured together, all of one kind.
const ROUND: usize = 16;

/// Ansor's evolution in small batches, without random points of its own.
const BRED: EvolutionOptions =
    EvolutionOptions { population: 512, batch: ROUND, random: 0.0, warm_up: ROUND, ..EvolutionOptions::ANSOR };

/// What takes so many times as long as the best, and longer than so many milliseconds, is timed by two runs: models are to tell what
/// is fast, and that something is far from it needs no exact time.
const PATIENCE: (f64, f64) = (5.0, 2.0);

/// A group, its file, and what breeds its programs.
pub struct Task {
    path: PathBuf,
    pub set: Collected,
    domain: Domain,
    history: History,
    breed: Evolution,
    /// Points are of templates: what is untuned comes first, and nothing is bred.
    templates: bool,
}

impl Task {
    /// What its file has; else nothing yet.
    pub fn open(
        out: &Path,
        workload: Workload,
        networks: Vec<String>,
        (here, compiler): (&Here, &str),
        templates: bool,
    ) -> Result<Option<Self>> {
        let path = out.join(format!("{}.jsonl.gz", &workload.hash().to_string()[..16]));
        let mut set = if path.exists() {
            Collected::read(&path)?
        } else {
            let space = match templates {
                true => Space::templates(&workload, Machine::of(Target::native()))?,
                false => space(&workload)?,
            };
            if space.sketches.is_empty() {
                return Ok(None);
            }
            let (version, device, compiler) = (Collected::VERSION, here.name.clone(), compiler.to_owned());
            let head = CollectedHead { version, workload, networks: Vec::new(), device, compiler, space };
            Collected { head, programs: Vec::new() }
        };
        ensure!(
            set.head.device == here.name && set.head.compiler == compiler,
            "{}: was measured on {} by {}; take another folder here",
            path.display(),
            set.head.device,
            set.head.compiler
        );
        ensure!(
            !templates || set.head.space == Space::templates(&set.head.workload, Machine::of(Target::native()))?,
            "{}: has programs that are not of templates alone; take another folder",
            path.display()
        );
        for network in networks {
            if !set.head.networks.contains(&network) {
                set.head.networks.push(network);
            }
        }
        let domain = Domain::new(set.head.space.clone());
        let mut history = History::default();
        set.programs.iter().for_each(|program| history.push(trial(program)));
        let breed = Evolution::new(BRED, Box::new(Trees::new(TreesOptions::ANSOR)));
        Ok(Some(Self { path, set, domain, history, breed, templates }))
    }

    /// Measures some more, up to so many in all; says how many.
    pub fn round(&mut self, most: usize, seed: u64, cpu: &mut Cpu) -> Result<usize> {
        let there = self.history.len();
        let n = ROUND.min(most.saturating_sub(there));
        // Of the task and of what is there, so that neither the order of tasks nor an interruption changes what is drawn.
        let name = self.set.head.workload.hash().to_string();
        let task = u64::from_str_radix(&name[..16], 16).unwrap_or_default();
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ task ^ (there as u64) << 32);
        let bred = self.set.programs.iter().filter(|program| program.evolved).count();
        let evolved = 2 * bred < there && !self.templates;
        let mut points: Vec<Point> = match evolved {
            true => {
                let mut points =
                    self.breed.ask(Situation { domain: &self.domain, history: &self.history }, n, &mut rng)?;
                points.retain(|point| !self.history.has(point));
                points
            }
            false => self.domain.sample_new(n, |point| self.history.has(point), &mut rng),
        };
        let untuned = self.domain.space().nth(0).filter(|_| self.templates && there == 0 && n > 0);
        points.truncate(n - usize::from(untuned.is_some()));
        points.retain(|point| Some(point) != untuned.as_ref());
        points.splice(0..0, untuned);
        if points.is_empty() {
            return Ok(0);
        }
        let anchor = self.anchor();
        let space = self.domain.space();
        let measured = points.iter().chain(anchor.as_ref().map(|(point, _)| point));
        let schedules = measured.map(|point| space.schedule(point)).collect::<Result<Vec<Schedule>, _>>()?;
        let (times, least) = PATIENCE;
        // Nothing is known of a first round but that compilers do not do worse than 10 GFLOP/s by accident alone.
        let best = self.history.best_ms().unwrap_or(self.set.head.workload.flops() as f64 / 10e6);
        cpu.be_patient((times * best).max(least));
        let records = cpu.measure(&self.set.head.workload, &schedules)?;
        let known: Vec<Known> = records.iter().map(Known::of).collect();
        // What a single run says of it, since that was slow, may be a pause of the machine and says nothing of the others.
        let again =
            known.get(points.len()).and_then(|anchor| anchor.outcome.as_ref().ok()).filter(|now| now.spread > 0.0);
        let drift = again.zip(anchor).map_or(1.0, |(now, (_, ms))| now.ms / ms);
        let measured = points.len();
        for (point, known) in points.into_iter().zip(known) {
            // The beginning says why; compilers say much.
            let outcome = known.outcome.map_err(|why| why.chars().take(160).collect());
            // What one run said was said at another moment.
            let drift = if outcome.as_ref().is_ok_and(|timed| timed.spread > 0.0) { drift } else { 1.0 };
            let outcome = outcome.map(|timed| Timed { ms: timed.ms / drift, ..timed });
            let program = CollectedProgram { point, outcome, drift, evolved };
            self.history.push(trial(&program));
            self.set.programs.push(program);
        }
        self.set.write(&self.path)?;
        Ok(measured)
    }

    /// The fastest program of the first round, which is measured again with all others: a machine may be slower an hour later.
    fn anchor(&self) -> Option<(Point, f64)> {
        let first = self.set.programs.iter().take(ROUND);
        let timed = first.filter_map(|program| Some((&program.point, program.outcome.as_ref().ok()?.ms)));
        timed.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(point, ms)| (point.clone(), ms))
    }
}

fn trial(program: &CollectedProgram) -> Trial {
    Trial { point: program.point.clone(), outcome: program.outcome.clone().map(|timed| timed.ms) }
}
