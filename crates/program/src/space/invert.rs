//! From a schedule back to the point that made it: so that a record, which holds the schedule alone, says something in
//! whatever space is searched later.

use super::{Choice, Decision, Open, Point, Sketch, Space};
use crate::{Schedule, Step};

impl Space {
    /// The point whose steps these are; the first of several. `None` where no point of this space has them.
    pub fn point(&self, schedule: &Schedule) -> Option<Point> {
        self.sketches.iter().enumerate().find_map(|(i, sketch)| {
            let choices = sketch.choices(schedule)?;
            Some(Point { sketch: i, choices })
        })
    }
}

impl Sketch {
    /// The choices that make these steps.
    fn choices(&self, schedule: &Schedule) -> Option<Vec<Choice>> {
        let reader = Reader { sketch: self, schedule };
        reader.read(&self.steps, &schedule.steps, &mut vec![None; self.decisions.len()])
    }
}

struct Reader<'a> {
    sketch: &'a Sketch,
    schedule: &'a Schedule,
}

impl Reader<'_> {
    /// Reads the open steps out of those that were taken. Which option of a category was taken is tried, one after the
    /// other.
    fn read(&self, open: &[Open], taken: &[Step], made: &mut Vec<Option<Choice>>) -> Option<Vec<Choice>> {
        let Some((first, open)) = open.split_first() else {
            return if taken.is_empty() { self.whole(made) } else { None };
        };
        match first {
            Open::Step(step) => (taken.first()? == step).then(|| self.read(open, &taken[1..], made))?,
            // What a layout says follows from tiles.
            Open::Pack { buffer, .. } => match taken.first()? {
                Step::Layout { buffer: other, .. } if other == buffer => self.read(open, &taken[1..], made),
                _ => None,
            },
            Open::FetchByWarps { stage, axis, word, words, .. } => match taken.first()? {
                Step::Split { stage: s, axis: a, factors } if s == stage && a == axis => {
                    let i = words.iter().position(|w| Some(w) == factors.get(2))?;
                    let steps = super::sketch::fetch_by_warps(stage, axis, *factors.first()?, words[i]).len();
                    self.with(*word, Choice::Category(i), open, taken.get(steps..)?, made)
                }
                _ => None,
            },
            Open::Prefetch { stage, buffer, axis, distance, distances, .. } => match taken.first() {
                Some(Step::Prefetch { stage: s, buffer: b, axis: a, ahead }) if (s, b, a) == (stage, buffer, axis) => {
                    let i = distances.iter().position(|d| d == ahead)?;
                    self.with(*distance, Choice::Category(i), open, &taken[1..], made)
                }
                // Not at all, or there are too few trips.
                _ => self.read(open, taken, made),
            },
            Open::Split { stage, axis, tile } => match self.sketch.decisions.get(*tile)? {
                Decision::Tile { parts: 0 | 1, .. } => self.read(open, taken, made),
                Decision::Tile { extent, .. } => match taken.first()? {
                    Step::Split { stage: s, axis: a, factors } if s == stage && a == axis => {
                        let inner = factors.iter().try_fold(1u64, |n, &f| n.checked_mul(f)).filter(|&n| n > 0)?;
                        let choice = Choice::Tile([&[extent / inner], factors.as_slice()].concat());
                        self.with(*tile, choice, open, &taken[1..], made)
                    }
                    _ => None,
                },
                _ => None,
            },
            Open::Factor { stage, axis, tile, outer } => match (self.sketch.decisions.get(*tile)?, taken.first()?) {
                (Decision::Tile { extent, .. }, Step::RFactor { stage: s, axis: a, factor, outer: o })
                    if (s, a, o) == (stage, axis, outer) && *factor > 0 =>
                {
                    let choice = Choice::Tile(vec![extent / factor, *factor]);
                    self.with(*tile, choice, open, &taken[1..], made)
                }
                _ => None,
            },
            Open::Either { category, options } => options.iter().enumerate().find_map(|(i, steps)| {
                let rest = taken.strip_prefix(steps.as_slice())?;
                self.with(*category, Choice::Category(i), open, rest, made)
            }),
            Open::Fetch { stage, axis, word, words, .. } => match taken.first()? {
                Step::Split { stage: s, axis: a, factors } if s == stage && a == axis => {
                    let i = words.iter().position(|w| Some(w) == factors.get(1))?;
                    let steps = super::sketch::fetch(stage, axis, *factors.first()?, words[i]).len();
                    self.with(*word, Choice::Category(i), open, taken.get(steps..)?, made)
                }
                _ => None,
            },
        }
    }

    /// Goes on with a choice, unless another one was made before.
    fn with(
        &self,
        decision: usize,
        choice: Choice,
        open: &[Open],
        taken: &[Step],
        made: &mut Vec<Option<Choice>>,
    ) -> Option<Vec<Choice>> {
        if !self.sketch.decisions.get(decision)?.allows(&choice) {
            return None;
        }
        let before = made.get(decision)?.clone();
        if before.as_ref().is_some_and(|before| *before != choice) {
            return None;
        }
        made[decision] = Some(choice);
        let found = self.read(open, taken, made);
        if found.is_none() {
            made[decision] = before;
        }
        found
    }

    /// All choices, with the first of each decision that no step told of; only if they make the same steps again.
    fn whole(&self, made: &[Option<Choice>]) -> Option<Vec<Choice>> {
        let or_first = |(decision, choice): (&Decision, &Option<Choice>)| choice.clone().or_else(|| decision.nth(0));
        let choices: Vec<Choice> = self.sketch.decisions.iter().zip(made).map(or_first).collect::<Option<_>>()?;
        (self.sketch.schedule(&choices) == *self.schedule).then_some(choices)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use tachograph_ir::DType::F32;

    use super::*;
    use crate::{Builder, CpuRules, GpuRules, Machine, MetaSchedule, Target, Workload, operator};

    fn workload() -> Workload {
        let mut b = Builder::new("conv_relu");
        let (x, w) = (b.input("x", F32, &[1, 16, 14, 14]).unwrap(), b.weight("w", F32, &[32, 16, 3, 3]).unwrap());
        let y = operator::conv(&mut b, x, w, &operator::Window::square(2, 1, 1)).unwrap();
        let y = operator::activation(&mut b, y, operator::Activation::Relu).unwrap();
        b.finish(&[y]).unwrap()
    }

    #[test]
    fn a_schedule_leads_back_to_a_point_that_makes_it() {
        let workload = workload();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
        let machine = Machine::of(Target { vector_bytes: 64 });
        let mut space = Space::templates(&workload, machine).unwrap();
        space.sketches.extend(Space::cpu(&workload, CpuRules::default()).unwrap().sketches);
        let ahead = CpuRules { prefetch: true, ..CpuRules::default() };
        space.sketches.extend(Space::cpu(&workload, ahead).unwrap().sketches);
        let gpu = Space::gpu(&workload, GpuRules::default()).unwrap();
        let mut b = Builder::new("sum");
        let x = b.input("x", F32, &[4, 4096]).unwrap();
        let sum = operator::reduce(&mut b, x, &[1], false, operator::Reduction::Sum).unwrap();
        let sum = b.finish(&[sum]).unwrap();
        // A long sum is factored by MetaSchedule's rules.
        let factored = Space::meta_schedule(&sum, MetaSchedule::Cpu(CpuRules::default())).unwrap();
        let meta = Space::meta_schedule(&workload, MetaSchedule::Cpu(CpuRules::default())).unwrap();
        for space in [space, gpu, meta, factored] {
            let mut same = 0;
            for _ in 0..300 {
                let point = space.sample(&mut rng).unwrap();
                let schedule = space.schedule(&point).unwrap();
                let found = space.point(&schedule).expect("a point of the space");
                assert_eq!(space.schedule(&found).unwrap(), schedule);
                same += usize::from(found == point);
            }
            assert!(same > 100, "{same} of 300");
        }
    }

    #[test]
    fn what_no_point_makes_is_none() {
        let space = Space::cpu(&workload(), CpuRules::default()).unwrap();
        let point = space.nth(space.count().unwrap() / 3).unwrap();
        let mut schedule = space.schedule(&point).unwrap();
        assert_eq!(space.point(&Schedule::new()), None);
        schedule.steps.pop();
        assert_eq!(space.point(&schedule), None);
    }
}
