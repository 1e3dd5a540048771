//! Where a stage that is not tiled is computed: by itself, wherever it is read, or inside of a loop of its reader.

use super::super::{CpuRules, ansor::Partial, ansor::loop_names};
use crate::{BufferId, Kind, Place, Step};

/// A decision for every stage that is not tiled and that something reads, from the last to the first. Gives those stages,
/// and those with a loop that another may be computed in.
pub(super) fn decided(p: &mut Partial, rules: CpuRules) -> (Vec<BufferId>, Vec<BufferId>) {
    let order: Vec<BufferId> = p.state.workload().stages().iter().rev().map(|stage| stage.buffer).collect();
    let (mut located, mut hosts, mut vanishing) = (Vec::new(), Vec::new(), Vec::new());
    for id in order {
        let workload = p.state.workload();
        let at_root = p.state.loops(id).is_some_and(|loops| loops.place == Place::Root);
        let readers = workload.readers(id);
        if !at_root || p.tiled.contains(&id) || workload.is_constant(id) || workload.outputs().contains(&id) {
            continue;
        }
        // What follows the tiles of another has their loops.
        if p.tiled
            .iter()
            .any(|&tiled| matches!(p.state.loops(tiled).map(|l| l.place), Some(Place::At(to, _)) if to == id))
        {
            continue;
        }
        let mut options = vec![("root".to_owned(), root(p, id, rules))];
        let inline = Step::Inline { stage: p.name(id) };
        if p.state.clone().apply(&inline).is_ok() {
            options.push(("inline".into(), vec![inline]));
            vanishing.push(id);
        }
        if let &[reader] = readers.as_slice()
            && !vanishing.contains(&reader)
        {
            let places = places(p, id, reader);
            hosts.extend(places.iter().map(|(host, ..)| *host));
            options.extend(places.into_iter().map(|(_, words, steps)| (words, steps)));
        }
        let name = p.name(id);
        p.either(format!("place of {name}"), options);
        located.push(id);
    }
    (located, hosts)
}

/// The innermost loop in vectors, where it is one of the result.
pub(super) fn vector(p: &Partial, id: BufferId) -> Option<Step> {
    let loops = p.state.loops(id)?;
    let &[_, .., last] = loops.leaves.as_slice() else { return None };
    let node = &loops.nodes[last];
    let fits = node.kind == Kind::Spatial && node.mark == crate::Mark::Serial;
    fits.then(|| Step::Vectorize { stage: p.name(id), axis: node.name.clone() })
}

/// By loops of its own: the first is shared among cores.
fn root(p: &Partial, id: BufferId, rules: CpuRules) -> Vec<Step> {
    let Some(loops) = p.state.loops(id) else { return Vec::new() };
    let outer = loops
        .leaves
        .first()
        .filter(|&&leaf| rules.cores > 1 && loops.leaves.len() > 1 && loops.nodes[leaf].kind == Kind::Spatial);
    let shared = outer.map(|&leaf| Step::Parallel { stage: p.name(id), axis: loops.nodes[leaf].name.clone() });
    shared.into_iter().chain(vector(p, id)).collect()
}

/// Inside of the reader's loops before the first of a reduction. Of tiles, the first level is one loop in the end, so that
/// the last of its loops is the first that has a place.
fn places(p: &Partial, id: BufferId, reader: BufferId) -> Vec<(BufferId, String, Vec<Step>)> {
    let stage = p.name(id);
    let outer = match p.state.loops(reader).map(|loops| loops.place) {
        Some(Place::At(outer, _)) => Some(outer),
        _ => None,
    };
    let mut found = Vec::new();
    for target in outer.into_iter().chain([reader]) {
        let Some(loops) = p.state.loops(target) else { continue };
        // The innermost loop is one of vectors where it is of the result.
        let spatial = loops.leaves.iter().take_while(|&&leaf| loops.nodes[leaf].kind == Kind::Spatial).count();
        let leading = if spatial == loops.leaves.len() && spatial > 1 { spatial - 1 } else { spatial };
        let names = loop_names(loops);
        let first = first_place(p, target);
        for axis in names.get(first..leading).unwrap_or_default() {
            let step = Step::ComputeAt { stage: stage.clone(), target: p.name(target), axis: axis.clone() };
            if p.state.clone().apply(&step).is_ok() {
                let steps = std::iter::once(step).chain(vector(p, id)).collect();
                found.push((target, format!("{} {axis}", p.name(target)), steps));
            }
        }
    }
    found
}

/// The first loop of a stage in which another may be computed; those before it may become one.
pub(super) fn first_place(p: &Partial, id: BufferId) -> usize {
    let follows =
        |tiled: &BufferId| matches!(p.state.loops(*tiled).map(|l| l.place), Some(Place::At(to, _)) if to == id);
    let own = p.state.loops(id).is_some_and(|loops| loops.place == Place::Root) && p.tiled.contains(&id);
    let rank = p.state.workload().stage(id).map_or(0, |stage| stage.spatial.len());
    if own || p.tiled.iter().any(follows) { rank.saturating_sub(1) } else { 0 }
}
