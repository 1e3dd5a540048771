//! Live tuning with a measurer that makes its times up: what users of tuners suffer from, a test each.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    time::Duration,
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_ir::DType::F32;
use tachograph_program::{
    Builder, Choice, Decision, Failure, Measurer, Outcome, Record, Schedule, Space, Step, Workload, features, operator,
};
use tachograph_tune::{
    Domain, Form, TUNERS, Tuner,
    live::{self, Elsewhere, Journal, Known, Memory, Plan, Task, Timed, nearest, tune, winner},
    models::entry,
    tuner,
};

/// x[m, k] · w[k, n], then max(0, ·).
fn product(m: u64, k: u64, n: u64) -> Workload {
    let mut b = Builder::new("dense");
    let (x, w) = (b.input("x", F32, &[m, k]).unwrap(), b.weight("w", F32, &[k, n]).unwrap());
    let y = operator::matmul(&mut b, x, w).unwrap();
    let y = operator::activation(&mut b, y, operator::Activation::Relu).unwrap();
    b.finish(&[y]).unwrap()
}

fn task(workload: Workload, tuner: &Tuner) -> Task {
    Task::cpu(workload, 1, tuner, None).unwrap()
}

/// A number of a text between 0 and 1.
fn number(text: &str) -> f64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

/// Notes what it is asked, and makes up times of 1 to 2 ms.
#[derive(Default)]
struct Fake {
    measured: Vec<Schedule>,
    calls: Vec<usize>,
    patience: Vec<f64>,
    /// Times of some.
    times: HashMap<Schedule, f64>,
    /// One in three crashes.
    crashes: bool,
}

impl Fake {
    fn outcome(&self, schedule: &Schedule) -> Outcome {
        let at = number(&schedule.to_string());
        let ms = match self.times.get(schedule) {
            Some(ms) => *ms,
            None if self.crashes && at < 0.33 => {
                return Outcome::Failed { reason: Failure::Crash, message: "signal: 11".into() };
            }
            None => 1.0 + at,
        };
        Outcome::Time { median: ms * 1e6, spread: 0.0, repeats: vec![ms * 1e6] }
    }
}

impl Measurer for Fake {
    fn measure(&mut self, workload: &Workload, schedules: &[Schedule]) -> tachograph_program::Result<Vec<Record>> {
        self.measured.extend_from_slice(schedules);
        self.calls.push(schedules.len());
        let record = |schedule: &Schedule| Record {
            version: Record::VERSION,
            workload: workload.hash(),
            name: workload.name().into(),
            schedule: schedule.clone(),
            outcome: self.outcome(schedule),
            device: "made up".into(),
            compiler: "none".into(),
            threads: 1,
            caches: "warm".into(),
        };
        Ok(schedules.iter().map(record).collect())
    }

    fn be_patient(&mut self, ms: f64) {
        self.patience.push(ms);
    }
}

fn run(tasks: &[Task], by: &Tuner, fake: &mut Fake, journal: &mut dyn Journal, trials: usize) -> Vec<Vec<Known>> {
    let plan = Plan { trials: Some(trials), ..Plan::default() };
    tune(tasks, by, fake, journal, &plan, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn distinct<'a>(schedules: impl IntoIterator<Item = &'a Schedule>) -> usize {
    schedules.into_iter().collect::<HashSet<_>>().len()
}

#[test]
fn every_tuner_measures_so_many_and_none_twice() {
    for by in TUNERS.iter().filter(|by| by.is_there()) {
        let tasks = [task(product(32, 48, 64), by), task(product(16, 16, 16), by)];
        let (mut fake, mut journal) = (Fake { crashes: true, ..Fake::default() }, Memory::default());
        let known = run(&tasks, by, &mut fake, &mut journal, 40);
        // Templates have few points for shapes as small as these.
        let points: u128 = tasks.iter().filter_map(|task| task.domain.space().count()).sum();
        let trials = 40.min(points as usize);
        assert!(trials == 40 || (by.space == "templates" && trials >= 16), "{}: {points} points", by.name);
        assert_eq!(known.iter().map(Vec::len).sum::<usize>(), trials, "{}", by.name);
        // Both have their turn, however the scheduler divides the rest.
        assert!(known.iter().all(|known| known.len() > 1), "{}", by.name);
        assert!(known.iter().flatten().any(|known| known.outcome == Err("Crash: signal: 11".into())), "{}", by.name);
        // Each schedule is measured once for each task at most; the untuned ones first.
        for (task, known) in tasks.iter().zip(&known) {
            let schedules: Vec<&Schedule> = known.iter().map(|known| &known.schedule).collect();
            assert_eq!((distinct(schedules.clone()), schedules[0]), (known.len(), &task.untuned), "{}", by.name);
        }
        assert_eq!(fake.measured.len(), trials, "{}", by.name);
        // The same again from the same journal: all is known, nothing is measured.
        let again = run(&tasks, by, &mut fake, &mut journal, 40);
        assert_eq!((fake.measured.len(), &again), (trials, &known), "{}", by.name);
    }
}

#[test]
fn the_same_seed_and_records_give_the_same_winner() {
    for by in TUNERS.iter().filter(|by| by.is_there()) {
        let tasks = [task(product(32, 48, 64), by)];
        let once = || {
            let mut fake = Fake::default();
            let known = run(&tasks, by, &mut fake, &mut Memory::default(), 14);
            (winner(&tasks[0].untuned, &known[0]).unwrap().schedule.clone(), fake.measured)
        };
        assert_eq!(once(), once(), "{}", by.name);
    }
}

/// A run is ended after so many trials, between two measurements.
#[test]
fn a_run_that_was_ended_goes_on_without_losing_or_repeating() {
    for end in [1, 2, 13, 17, 39] {
        let by = tuner("ansor").unwrap();
        let tasks = [task(product(32, 48, 64), by), task(product(16, 32, 16), by)];
        let (mut fake, mut journal) = (Fake::default(), Memory::default());
        let plan = Plan { trials: Some(40), ..Plan::default() };
        let mut left = end;
        let stop = &mut |_: live::Trialled<'_>| {
            left -= 1;
            if left <= 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        tune(&tasks, by, &mut fake, &mut journal, &plan, stop).unwrap();
        let before = fake.measured.len();
        assert!(before >= end as usize && before < end as usize + 16);
        run(&tasks, by, &mut fake, &mut journal, 40);
        assert_eq!(fake.measured.len(), 40);
        let kept: usize = tasks.iter().map(|task| journal.known(&task.workload).unwrap().len()).sum();
        assert_eq!(kept, 40);
    }
}

#[test]
fn the_untuned_one_is_raced_first_and_never_lost_to() {
    let by = tuner("random").unwrap();
    let tasks = [task(product(32, 48, 64), by)];
    let untuned = &tasks[0].untuned;
    // Faster than all others; slower than all others.
    for (ms, taken) in [(0.5, true), (3.0, false)] {
        let mut fake = Fake { times: HashMap::from([(untuned.clone(), ms)]), ..Fake::default() };
        let known = run(&tasks, by, &mut fake, &mut Memory::default(), 20);
        assert_eq!(fake.measured[0], *untuned);
        let found = winner(untuned, &known[0]).unwrap();
        assert_eq!(found.schedule == untuned, taken);
        assert!(found.timed.ms <= ms);
    }
}

#[test]
fn two_tuners_on_one_store_share_their_measurements_and_agree() {
    let (a, b) = (tuner("tachograph").unwrap(), tuner("metaschedule").unwrap());
    let (mut fake, mut journal) = (Fake::default(), Memory::default());
    let workload = product(32, 48, 64);
    run(&[task(workload.clone(), a)], a, &mut fake, &mut journal, 30);
    run(&[task(workload.clone(), b)], b, &mut fake, &mut journal, 50);
    assert_eq!((fake.measured.len(), distinct(&fake.measured)), (50, 50));
    // Asked again, both say the same without measuring.
    let untuned = live::untuned(&workload).unwrap();
    let mut answer = |by: &Tuner| {
        let known = run(&[task(workload.clone(), by)], by, &mut fake, &mut journal, 0);
        winner(&untuned, &known[0]).unwrap().schedule.clone()
    };
    assert_eq!(answer(a), answer(b));
    assert_eq!(fake.measured.len(), 50);
}

/// A journal to which another tuner adds its measurements when the first are kept.
struct Shared {
    inner: Memory,
    other: Vec<Record>,
}

impl Journal for Shared {
    fn known(&mut self, workload: &Workload) -> Result<Vec<Known>, String> {
        self.inner.known(workload)
    }
    fn keep(&mut self, workload: &Workload, records: &[Record]) -> Result<(), String> {
        self.inner.keep(workload, records)?;
        let other = std::mem::take(&mut self.other);
        self.inner.keep(workload, &other)
    }
    fn like(&mut self, workload: &Workload) -> Result<Vec<live::Like>, String> {
        self.inner.like(workload)
    }
}

#[test]
fn what_another_measures_meanwhile_is_not_measured_again() {
    let by = tuner("exhaustive").unwrap();
    let tasks = [task(product(8, 8, 8), by)];
    let space = tasks[0].domain.space();
    let theirs: Vec<Schedule> = (0..6).map(|n| space.schedule(&space.nth(n).unwrap()).unwrap()).collect();
    let other = Fake::default().measure(&tasks[0].workload, &theirs).unwrap();
    let (mut fake, mut journal) = (Fake::default(), Shared { inner: Memory::default(), other });
    run(&tasks, by, &mut fake, &mut journal, 20);
    assert!(fake.measured.len() > 10);
    assert_eq!(fake.measured.iter().skip(1).filter(|schedule| theirs.contains(schedule)).count(), 0);
}

#[test]
fn adding_a_choice_to_a_space_times_nothing_again() {
    let by = tuner("exhaustive").unwrap();
    let workload = product(8, 8, 8);
    let whole = live::space(&workload).unwrap();
    // Without its last sketch, and the last option of each category.
    let mut less = whole.clone();
    less.sketches.truncate(whole.sketches.len().max(2) - 1);
    for decision in less.sketches.iter_mut().flat_map(|sketch| &mut sketch.decisions) {
        if let Decision::Category { options, .. } = decision {
            options.truncate(options.len().max(2) - 1);
        }
    }
    let untuned = live::untuned(&workload).unwrap();
    let (mut fake, mut journal) = (Fake::default(), Memory::default());
    let with = |space: Space| [Task::new(workload.clone(), 1, space, untuned.clone(), by).unwrap()];
    run(&with(less), by, &mut fake, &mut journal, 200);
    run(&with(whole), by, &mut fake, &mut journal, 300);
    assert_eq!((fake.measured.len(), distinct(&fake.measured)), (300, 300));
}

#[test]
fn a_small_space_ends_early_and_crashes_are_records() {
    let by = tuner("random").unwrap();
    let workload = product(8, 4, 8);
    let mut space = live::space(&workload).unwrap();
    space.sketches.retain(|sketch| sketch.name == "blocked");
    let count = space.count().unwrap();
    assert!((2..2000).contains(&count), "{count}");
    let schedules: HashSet<Schedule> = (0..count).map(|n| space.schedule(&space.nth(n).unwrap()).unwrap()).collect();
    let tasks = [Task::new(workload, 1, space, Schedule::new(), by).unwrap()];
    let (mut fake, mut journal) = (Fake { crashes: true, ..Fake::default() }, Memory::default());
    let plan = Plan { trials: Some(100_000), time: Some(Duration::from_secs(300)), ..Plan::default() };
    let known = tune(&tasks, by, &mut fake, &mut journal, &plan, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(known[0].len(), schedules.len() + 1);
}

#[test]
fn buffers_have_a_budget() {
    let by = tuner("random").unwrap();
    let tasks = [task(product(64, 64, 64), by)];
    let most = |memory_bytes| {
        let mut fake = Fake::default();
        let plan = Plan { trials: Some(80), memory_bytes, ..Plan::default() };
        tune(&tasks, by, &mut fake, &mut Memory::default(), &plan, &mut |_| ControlFlow::Continue(())).unwrap();
        (fake.calls.into_iter().max().unwrap(), fake.patience)
    };
    // Three matrices of 16 KiB twice, and two stages.
    let (calls, patience) = most(2 << 30);
    assert_eq!((calls, most(4 * 128 * 1024).0, most(1).0), (16, 4, 1));
    // Nothing is known when the untuned one runs; then what is short is timed well, however bad.
    assert_eq!((patience[0], patience[1]), (0.0, 20.0));
}

#[test]
fn a_new_shape_is_answered_from_the_nearest() {
    let by = tuner("tachograph").unwrap();
    let (mut fake, mut journal) = (Fake::default(), Memory::default());
    for m in [16, 64] {
        run(&[task(product(m, 64, 64), by)], by, &mut fake, &mut journal, 25);
    }
    let new = task(product(32, 64, 64), by);
    let likes = journal.like(&new.workload).unwrap();
    assert_eq!(likes.len(), 2);
    let found = nearest(&new, &likes, 3).unwrap();
    assert!(!found.is_empty());
    for near in &found {
        near.schedule.lower(&new.workload).unwrap();
        assert!(new.domain.space().point(&near.schedule).is_some());
        // Half or twice the arithmetic of shapes that take 1 to 2 ms.
        assert!(near.about_ms > 0.5 && near.about_ms < 4.0, "{near:?}");
    }
    // The second shape was tried with what was best of the first, so that a loss is known.
    assert!(found[0].loss.is_some_and(|(loss, pairs)| loss >= 0.0 && pairs > 0), "{:?}", found[0]);
    // A single shape tells of no loss; another operator is no answer.
    assert!(nearest(&new, &likes[..1], 3).unwrap()[0].loss.is_none());
    let mut b = Builder::new("other");
    let x = b.input("x", F32, &[8, 8]).unwrap();
    let y = operator::activation(&mut b, x, operator::Activation::Relu).unwrap();
    assert!(journal.like(&b.finish(&[y]).unwrap()).unwrap().is_empty());
}

#[test]
fn a_schedule_moves_to_another_shape_with_its_choices() {
    let by = tuner("random").unwrap();
    let workload = product(16, 64, 64);
    let own = task(workload.clone(), by);
    let space = own.domain.space();
    let point = space.nth(space.count().unwrap() - 1).unwrap();
    let known = Known { schedule: space.schedule(&point).unwrap(), outcome: Ok(Timed { ms: 1.0, spread: 0.0 }) };
    let likes = [live::Like { workload, known: vec![known.clone()] }];
    // In its own shape it is what it was.
    let same = nearest(&own, &likes, 1).unwrap();
    assert_eq!((&same[0].schedule, same[0].distance, same[0].about_ms), (&known.schedule, 0.0, 1.0));
    // Four times the arithmetic; inner tiles stay.
    let wide = task(product(32, 64, 128), by);
    let found = nearest(&wide, &likes, 1).unwrap();
    let moved = wide.domain.space().point(&found[0].schedule).unwrap();
    assert!((found[0].about_ms - 4.0).abs() < 0.1, "{}", found[0].about_ms);
    let inner = |point: &tachograph_program::Point| {
        let tile = |choice: &Choice| match choice {
            Choice::Tile(factors) => Some(factors[1..].to_vec()),
            _ => None,
        };
        point.choices.iter().filter_map(tile).collect::<Vec<_>>()
    };
    assert_eq!(inner(&moved), inner(&point));
}

/// A made-up time that says something of the loops: innermost parts of splits are best at eight.
fn structural(schedule: &Schedule) -> f64 {
    let inner = |step: &Step| match step {
        Step::Split { factors, .. } => factors.last().map(|&factor| ((factor as f64).log2() - 3.0).abs()),
        _ => None,
    };
    let away: Vec<f64> = schedule.steps.iter().filter_map(inner).collect();
    1.0 + away.iter().sum::<f64>() / away.len().max(1) as f64
}

/// So many random schedules of a workload with those times.
fn measured(workload: &Workload, n: usize, seed: u64) -> live::Like {
    let space = live::space(workload).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let schedules: HashSet<Schedule> =
        (0..n).map(|_| space.schedule(&space.sample(&mut rng).unwrap()).unwrap()).collect();
    let known = |schedule: Schedule| {
        let ms = structural(&schedule);
        Known { schedule, outcome: Ok(Timed { ms, spread: 0.0 }) }
    };
    let mut known: Vec<Known> = schedules.into_iter().map(known).collect();
    known.sort_by_key(|known| known.schedule.to_string());
    live::Like { workload: workload.clone(), known }
}

#[test]
fn what_was_measured_elsewhere_is_where_a_tuner_starts() {
    let workload = product(32, 48, 64);
    let same = measured(&workload, 80, 1);
    let shapes = [measured(&product(64, 48, 64), 80, 2), measured(&product(32, 96, 64), 80, 3)];
    let mean =
        |known: &[Known]| known.iter().map(|known| structural(&known.schedule)).sum::<f64>() / known.len() as f64;
    let best = same.known.iter().map(|known| structural(&known.schedule)).fold(f64::INFINITY, f64::min);
    for name in ["tachograph", "source-order"] {
        let by = tuner(name).unwrap();
        let first = |likes: &[live::Like], trials: usize| {
            let likes: Vec<Elsewhere> = likes.iter().map(|like| Elsewhere::known("a device", like).unwrap()).collect();
            let mut task = task(workload.clone(), by);
            let records = likes.iter().map(|like| like.source().trials.len()).sum::<usize>();
            assert_eq!(task.start_from(&likes), records);
            let mut fake = Fake::default();
            // The untuned one comes first in any case.
            run(&[task], by, &mut fake, &mut Memory::default(), 1 + trials).remove(0).split_off(1)
        };
        // The same workload on another device: its best is what is measured first, where nothing but its order is used.
        let near = first(std::slice::from_ref(&same), 8);
        assert!(name != "source-order" || structural(&near[0].schedule) == best);
        // And other shapes: what their choices are here is better than chance.
        for found in [near, first(&shapes, 8)] {
            assert!(mean(&found) < 0.95 * mean(&same.known), "{name}: {} and {}", mean(&found), mean(&same.known));
        }
    }
}

#[test]
fn only_the_same_operators_are_a_start_and_not_every_tuner_has_one() {
    let mut b = Builder::new("other");
    let x = b.input("x", F32, &[32, 48]).unwrap();
    let y = operator::activation(&mut b, x, operator::Activation::Relu).unwrap();
    let other = b.finish(&[y]).unwrap();
    let shapes: Vec<live::Like> = (1..8).map(|m| measured(&product(16 * m, 48, 64), 6, m)).collect();
    let mut failed = measured(&product(32, 48, 64), 6, 9);
    failed.known.iter_mut().for_each(|known| known.outcome = Err("Crash: signal: 11".into()));
    let by = tuner("random").unwrap();
    let mut task = task(product(32, 48, 64), by);
    let of = |like: &live::Like| Elsewhere::known("a device", like).unwrap();
    assert_eq!(task.start_from(&[of(&measured(&other, 5, 0)), of(&failed)]), 0);
    assert!(task.sources.is_empty());
    // Of many shapes the nearest four: 32 itself, 16 and 64, and 48.
    let likes: Vec<Elsewhere> = shapes.iter().map(of).collect();
    assert!(task.start_from(&likes) > 4);
    let names: Vec<u64> = task.sources.iter().map(|source| source.trials.len() as u64).collect();
    assert_eq!((names.len(), task.sources[0].trials.len()), (4, likes[1].source().trials.len()));
    let (mut fake, plan) = (Fake::default(), Plan { trials: Some(4), ..Plan::default() });
    let refused = tune(&[task], by, &mut fake, &mut Memory::default(), &plan, &mut |_| ControlFlow::Continue(()));
    assert!(refused.unwrap_err().to_string().contains("random makes nothing"));
    assert!(fake.measured.is_empty());
}

#[test]
fn a_formula_drafts_before_anything_is_measured() {
    let workload = product(64, 64, 64);
    let chance: Vec<Schedule> = measured(&workload, 60, 4).known.into_iter().map(|known| known.schedule).collect();
    // The draft alone, and the draft that nothing has verified yet, are what Pruner's formula likes; ours begins with what that of
    // the C likes.
    for (features, names) in [("pruner", &["pruner", "pruner-formula"][..]), ("code", &["tachograph"])] {
        let set = features::named(features).unwrap();
        let domain = Domain::new(live::space(&workload).unwrap()).of_programs(workload.clone(), set, Form::Sums);
        let formula = entry(&format!("{features}-formula")).unwrap().make(Some(features), None).unwrap();
        // The median of what the formula says of their speed.
        let liked = |schedules: &[Schedule]| {
            let points = schedules.iter().filter_map(|schedule| domain.reading(&domain.space().point(schedule)?));
            let mut found: Vec<f64> =
                formula.predict(&points.collect::<Vec<_>>()).unwrap().iter().map(|found| found.mean).collect();
            found.sort_by(f64::total_cmp);
            found[found.len() / 2]
        };
        for name in names {
            let by = tuner(name).unwrap();
            let mut fake = Fake::default();
            run(&[task(workload.clone(), by)], by, &mut fake, &mut Memory::default(), 33);
            let found = liked(&fake.measured[1..]);
            assert!(found > 1.5 * liked(&chance), "{name}: {found}, by chance {}", liked(&chance));
        }
    }
}
