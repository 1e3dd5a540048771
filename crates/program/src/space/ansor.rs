//! Sketches by Ansor's rules for processors ("Ansor", Zheng et al., OSDI 2020), from the last stage to the first:
//! inline what costs nothing, write tables of numbers out, factor long reductions, cache what is written, tile in the order SSRSRS, fuse what reads
//! a tile element by element.
//!
//! What Ansor draws at random when it completes a sketch are decisions here: lengths of tiles, where a stage that is
//! not tiled is computed, how many outer loops are shared among threads, how far inner loops are written out.
//! Beyond Ansor, weights that a tile reads are laid out beforehand in the order of its loops.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use super::{Decision, Open, Sketch, constant, draft::Draft, predicate};
use crate::{BufferId, Expr, Place, Result, Role, Scope, Step, Workload};

/// What the rules suppose of the machine, and limits of the annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuRules {
    /// Cores that share the work; with one nothing is shared.
    pub cores: u64,
    /// Longest innermost part of a tile.
    pub max_innermost: u64,
    /// Whether weights are laid out as tiles go over them.
    pub pack: bool,
    /// Whether the tile of a cached or fused stage is kept in registers where that is asked of the compiler.
    pub registers: bool,
    /// Most trips that are written out: Ansor goes up to 512, which a C compiler takes seconds for.
    pub max_unroll: u64,
    /// Whether it is a decision how far ahead weights that are laid out so are asked for.
    #[serde(default)]
    pub prefetch: bool,
}

impl Default for CpuRules {
    fn default() -> Self {
        Self { cores: 1, max_innermost: 64, pack: true, registers: true, max_unroll: 512, prefetch: false }
    }
}

/// Trips ahead that weights may be asked for.
const AHEAD: [u64; 5] = [0, 1, 2, 4, 8];

/// A sketch on the way: stages after `next` have been visited.
#[derive(Clone)]
pub(super) struct Partial {
    draft: Draft,
    pub next: usize,
    /// Stages with tiles.
    pub tiled: Vec<BufferId>,
}

impl Deref for Partial {
    type Target = Draft;

    fn deref(&self) -> &Draft {
        &self.draft
    }
}

impl DerefMut for Partial {
    fn deref_mut(&mut self) -> &mut Draft {
        &mut self.draft
    }
}

const SPATIAL: usize = 4;
const REDUCTION: usize = 2;
/// The levels, outermost first: which part of the spatial or of the reduction axes.
const LEVELS: [(bool, usize); 6] = [(true, 0), (true, 1), (false, 0), (true, 2), (false, 1), (true, 3)];

impl Partial {
    /// Nothing done yet.
    pub fn new(workload: &Workload) -> Self {
        Self { draft: Draft::new("", workload), next: workload.stages().len(), tiled: Vec::new() }
    }

    /// Tiles a stage.
    pub fn tile(&mut self, id: BufferId, rules: CpuRules) -> Result<()> {
        let stage = self.name(id);
        let Some(axes) = self.state.workload().stage(id).cloned() else { return Ok(()) };
        let mut tiles = Vec::new();
        for (i, axis) in axes.axes().enumerate() {
            let parts = if i < axes.spatial.len() { SPATIAL } else { REDUCTION };
            let tile = self.decide(Decision::Tile {
                extent: axis.extent.max(1),
                parts,
                max_innermost: Some(rules.max_innermost),
            });
            tiles.push(tile);
            // Names do not depend on the factors: ones stand for them until they are decided.
            let step = Step::Split { stage: stage.clone(), axis: axis.name.clone(), factors: vec![1; parts - 1] };
            self.try_on(&step)?;
            self.sketch.steps.push(Open::Split { stage: stage.clone(), axis: axis.name.clone(), tile });
        }
        let level = |(spatial, part): (bool, usize)| {
            let axes = if spatial { &axes.spatial } else { &axes.reduction };
            axes.iter().map(move |axis| format!("{}.{part}", axis.name))
        };
        let order = LEVELS.into_iter().flat_map(level).collect();
        self.take(Step::Reorder { stage: stage.clone(), order })?;
        if rules.pack {
            self.pack(id, &tiles, rules.prefetch);
        }
        self.tiled.push(id);
        Ok(())
    }

    /// Lays out the weights of a tiled stage whose every axis is one of its axes, and asks for them ahead of time.
    fn pack(&mut self, id: BufferId, tiles: &[usize], prefetch: bool) {
        let workload = self.state.workload();
        let Some(stage) = workload.stage(id) else { return };
        let (mut seen, mut packs) = (Vec::new(), Vec::new());
        let mut visit = |expr: &Expr| {
            let Expr::Load(buffer, index) = expr else { return };
            let vars: Option<Vec<u32>> = index.iter().map(crate::Index::as_var).collect();
            let fits = workload.buffer(*buffer).role == Role::Weight && workload.readers(*buffer) == [id];
            if let Some(vars) = vars.filter(|vars| fits && vars.len() > 1)
                && !seen.contains(buffer)
            {
                seen.push(*buffer);
                let mut parts = Vec::new();
                for (spatial, part) in LEVELS {
                    for (axis, &var) in vars.iter().enumerate() {
                        if ((var as usize) < stage.spatial.len()) == spatial {
                            parts.push((axis, tiles[var as usize], part));
                        }
                    }
                }
                packs.push(Open::Pack { buffer: workload.buffer(*buffer).name.clone(), parts });
            }
        };
        stage.value.visit(&mut visit, &mut |_| {});
        let name = self.name(id);
        let inner = innermost_reduction(self.state.workload().stage(id));
        for pack in packs {
            let Open::Pack { buffer, .. } = &pack else { continue };
            let buffer = buffer.clone();
            self.sketch.steps.push(pack);
            let Some((axis, at)) = inner.clone().filter(|_| prefetch) else { continue };
            let options = AHEAD.iter().map(u64::to_string).collect();
            let distance = self.decide(Decision::Category { name: format!("prefetch {buffer}"), options });
            let (stage, axis, part) = (name.clone(), format!("{axis}.1"), 1);
            let distances = AHEAD.to_vec();
            let step = Open::Prefetch { stage, buffer, axis, tile: tiles[at], part, distance, distances };
            self.sketch.steps.push(step);
        }
    }

    /// The consumer follows the first `levels` spatial levels, and the stage is computed there.
    pub fn fuse(&mut self, id: BufferId, consumer: BufferId, levels: usize, rules: CpuRules) -> Result<()> {
        let (stage, target) = (self.name(consumer), self.name(id));
        let Some(last) = self.state.workload().stage(id).and_then(|s| s.spatial.last()).map(|axis| axis.name.clone())
        else {
            return Ok(());
        };
        let axis = format!("{last}.{}", levels - 1);
        self.take(Step::ReverseComputeAt { stage, target: target.clone(), axis })?;
        if rules.registers {
            self.take(Step::Scope { buffer: target, scope: Scope::Register })?;
        }
        Ok(())
    }

    /// The sketch, which has a name even where nothing was done.
    pub fn named(mut self) -> Sketch {
        if self.sketch.name.is_empty() {
            self.sketch.name.push_str("plain");
        }
        self.draft.sketch
    }

    pub fn noted(mut self, note: String, next: usize) -> Self {
        if !self.sketch.name.is_empty() {
            self.sketch.name.push_str(", ");
        }
        self.sketch.name.push_str(&note);
        self.next = next;
        self
    }
}

/// The innermost axis that is reduced, and its place among all.
fn innermost_reduction(stage: Option<&crate::Stage>) -> Option<(String, usize)> {
    let stage = stage?;
    let axis = stage.reduction.last()?;
    Some((axis.name.clone(), stage.spatial.len() + stage.reduction.len() - 1))
}

/// Every sketch that the rules derive.
pub(super) fn sketches(workload: &Workload, rules: CpuRules) -> Result<Vec<Sketch>> {
    derived(workload, &|partial| derive(partial, rules), &|partial| annotated(partial, rules))
}

/// Visits the stages from the last to the first, with all that the rules make of each.
pub(super) fn derived(
    workload: &Workload,
    derive: &dyn Fn(Partial) -> Result<Vec<Partial>>,
    annotated: &dyn Fn(Partial) -> Result<Sketch>,
) -> Result<Vec<Sketch>> {
    let (mut open, mut done) = (vec![Partial::new(workload)], Vec::new());
    while let Some(partial) = open.pop() {
        if partial.next == 0 {
            done.push(annotated(partial)?);
        } else {
            open.extend(derive(partial)?);
        }
    }
    // Depth first from the last alternative: the plainest sketch comes out first.
    Ok(done)
}

/// What the rules make of the stage before `next`.
fn derive(partial: Partial, rules: CpuRules) -> Result<Vec<Partial>> {
    let i = partial.next - 1;
    let workload = partial.state.workload();
    let Some(stage) = workload.stages().get(i) else { return Ok(Vec::new()) };
    let id = stage.buffer;
    let name = partial.name(id);
    let mut found = Vec::new();
    if predicate::strictly_inlineable(workload, id) {
        let mut next = partial.clone();
        next.take(Step::Inline { stage: name.clone() })?;
        return Ok(vec![next.noted(format!("inline {name}"), i)]);
    }
    // What is made beforehand needs no speed.
    if workload.is_constant(id) {
        return Ok(vec![partial.noted(format!("prepare {name}"), i)]);
    }
    if let Some(next) = constant::simplified(&partial, id, rules.max_innermost)? {
        return Ok(vec![next.noted(format!("write tables of {name} out"), i)]);
    }
    let pristine = partial.state.loops(id).is_some_and(crate::Loops::is_pristine);
    let tiling = pristine && predicate::needs_tiling(workload, id);
    let consumer = predicate::elementwise_consumer(workload, id)
        .filter(|&reader| partial.state.loops(reader).is_some_and(crate::Loops::is_pristine));
    let cached = name.ends_with(".local");
    if pristine && !cached && !name.ends_with(".rf") && predicate::needs_rfactor(workload, id, rules.cores) {
        found.extend(factored(&partial, id, i)?);
    }
    if tiling && consumer.is_none() && !cached {
        let mut next = partial.clone();
        next.take(Step::CacheWrite { stage: name.clone() })?;
        // The new stage has taken this place, and its copy follows.
        found.push(next.noted(format!("cache {name}"), i + 1));
    }
    if tiling && let Some(consumer) = consumer {
        for levels in [1, 2] {
            let mut next = partial.clone();
            next.tile(id, rules)?;
            next.fuse(id, consumer, levels, rules)?;
            found.push(next.noted(format!("tile {name} and fuse {} at {levels}", partial.name(consumer)), i));
        }
        if cached {
            return Ok(found);
        }
    }
    if tiling {
        let mut next = partial.clone();
        next.tile(id, rules)?;
        found.push(next.noted(format!("tile {name}"), i));
        return Ok(found);
    }
    found.push(partial.noted(format!("keep {name}"), i));
    Ok(found)
}

/// The longest reduction axis in two: sums of parts of it first, and their sum.
fn factored(partial: &Partial, id: BufferId, i: usize) -> Result<Option<Partial>> {
    let workload = partial.state.workload();
    let Some(axis) = workload.stage(id).and_then(|s| s.reduction.iter().max_by_key(|axis| axis.extent)) else {
        return Ok(None);
    };
    let (name, axis, extent) = (partial.name(id), axis.name.clone(), axis.extent);
    let factors: Vec<u64> = (2..=64).filter(|&f| extent.is_multiple_of(f) && f < extent).collect();
    let Some(&first) = factors.first() else { return Ok(None) };
    let step = |factor| Step::RFactor { stage: name.clone(), axis: axis.clone(), factor, outer: false };
    let mut next = partial.clone();
    next.try_on(&step(first))?;
    let options = factors.into_iter().map(|factor| (factor.to_string(), vec![step(factor)])).collect();
    next.either(format!("factor of {name} {axis}"), options);
    // The partial sums go innermost, side by side in vectors.
    let partial_sums = format!("{name}.rf");
    let order: Vec<String> = {
        let rf = next.state.workload().find(&partial_sums);
        let stage = rf.and_then(|rf| next.state.workload().stage(rf));
        let axes = stage.map(|stage| (stage.spatial.clone(), stage.reduction.clone()));
        let Some((spatial, reduction)) = axes else { return Ok(None) };
        let (new, outer) = spatial.split_last().map_or((None, &[][..]), |(new, outer)| (Some(new), outer));
        outer.iter().chain(&reduction).chain(new).map(|axis| axis.name.clone()).collect()
    };
    let last = order.last().cloned().unwrap_or_default();
    next.take(Step::Reorder { stage: partial_sums.clone(), order })?;
    next.take(Step::Vectorize { stage: partial_sums, axis: last })?;
    Ok(Some(next.noted(format!("factor {name}"), i)))
}

/// Decisions of what Ansor annotates at random.
fn annotated(mut p: Partial, rules: CpuRules) -> Result<Sketch> {
    let order: Vec<BufferId> = p.state.workload().stages().iter().map(|stage| stage.buffer).collect();
    let mut located = Vec::new();
    for &id in &order {
        if locate(&mut p, id, rules) {
            located.push(id);
        }
    }
    for id in order.into_iter().filter(|id| !located.contains(id)) {
        let (name, tiled) = (p.name(id), p.tiled.contains(&id));
        let Some(loops) = p.state.loops(id).cloned() else { continue };
        if p.state.workload().is_constant(id) {
            continue;
        }
        if tiled {
            let option = |max: u64| (max.to_string(), vec![Step::AutoUnroll { stage: name.clone(), max }]);
            let steps = [0, 16, 64, 512].into_iter().filter(|&max| max <= rules.max_unroll);
            p.either(format!("unroll {name}"), steps.map(option).collect());
        }
        // The innermost loop in vectors, where there is one of the result.
        if let Some(&last) = loops.leaves.last()
            && loops.nodes[last].kind == crate::Kind::Spatial
            && loops.nodes[last].mark == crate::Mark::Serial
            && loops.leaves.len() > 1
        {
            p.take(Step::Vectorize { stage: name.clone(), axis: loops.nodes[last].name.clone() })?;
        }
        if rules.cores > 1 && loops.place == Place::Root {
            // What has a place is computed at the last loop of a level, and loops around that are not fused with it.
            let spatial = p.state.workload().stage(id).map_or(0, |stage| stage.spatial.len());
            share(&mut p, id, if located.is_empty() { 4 } else { spatial.clamp(1, 4) });
        }
    }
    Ok(p.named())
}

/// Where a stage that is not tiled, and read by one that is, is computed: inlined, by itself, or inside of a loop. False
/// where it is no such stage.
fn locate(p: &mut Partial, id: BufferId, rules: CpuRules) -> bool {
    let workload = p.state.workload();
    let readers = workload.readers(id);
    let &[reader] = readers.as_slice() else { return false };
    let untouched = p.state.loops(id).is_some_and(crate::Loops::is_pristine);
    if !untouched || workload.outputs().contains(&id) || workload.is_constant(id) || !p.tiled.contains(&reader) {
        return false;
    }
    // A fused reader has the outer loops.
    let mut targets = vec![reader];
    if let Some(Place::At(outer, _)) = p.state.loops(reader).map(|loops| loops.place) {
        targets.insert(0, outer);
    }
    let stage = p.name(id);
    let own: Vec<String> = p.state.loops(id).map(loop_names).unwrap_or_default();
    let vector = match own.as_slice() {
        [_, .., last] => Some(Step::Vectorize { stage: stage.clone(), axis: last.clone() }),
        _ => None,
    };
    let spatial = p.state.workload().stage(id).is_some_and(|stage| !stage.reduces());
    let vector = vector.filter(|_| spatial);
    let shared = own.first().filter(|_| rules.cores > 1 && own.len() > 1);
    let shared = shared.map(|axis| Step::Parallel { stage: stage.clone(), axis: axis.clone() });
    let mut options = vec![("root".to_owned(), shared.into_iter().chain(vector.clone()).collect::<Vec<_>>())];
    let inline = Step::Inline { stage: stage.clone() };
    if p.state.clone().apply(&inline).is_ok() {
        options.push(("inline".into(), vec![inline]));
    }
    for target in targets {
        let Some(loops) = p.state.loops(target) else { continue };
        // The last loop of each level: those before it hold the same.
        let names = loop_names(loops);
        let part = |name: &str| name.rsplit_once('.').map(|(_, part)| part.to_owned());
        for (i, axis) in names.iter().enumerate() {
            if i + 1 < names.len() && part(axis) != part(&names[i + 1]) {
                let step = Step::ComputeAt { stage: stage.clone(), target: p.name(target), axis: axis.clone() };
                if p.state.clone().apply(&step).is_ok() {
                    let steps = std::iter::once(step).chain(vector.clone()).collect();
                    options.push((format!("{} {axis}", p.name(target)), steps));
                }
            }
        }
    }
    p.either(format!("place of {stage}"), options);
    true
}

/// Names of the loops, outermost first.
pub(super) fn loop_names(loops: &crate::Loops) -> Vec<String> {
    loops.leaves.iter().map(|&leaf| loops.nodes[leaf].name.clone()).collect()
}

/// How many outer loops of the result are shared among threads, up to `most`.
pub(super) fn share(p: &mut Partial, id: BufferId, most: usize) {
    let (stage, Some(loops)) = (p.name(id), p.state.loops(id)) else { return };
    let outer: Vec<String> = loops
        .leaves
        .iter()
        .take_while(|&&leaf| {
            loops.nodes[leaf].kind == crate::Kind::Spatial && loops.nodes[leaf].mark == crate::Mark::Serial
        })
        .map(|&leaf| loops.nodes[leaf].name.clone())
        .collect();
    let mut options = vec![("none".to_owned(), Vec::new())];
    for count in 1..=outer.len().min(most) {
        let axes = outer[..count].to_vec();
        let axis = axes.join("*");
        let mut steps = Vec::new();
        if count > 1 {
            steps.push(Step::Fuse { stage: stage.clone(), axes });
        }
        steps.push(Step::Parallel { stage: stage.clone(), axis });
        let mut state = p.state.clone();
        if steps.iter().all(|step| state.apply(step).is_ok()) {
            options.push((count.to_string(), steps));
        }
    }
    p.either(format!("loops of {stage} shared"), options);
}
