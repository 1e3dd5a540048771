//! Sums of products with accumulators in registers: convolutions, depthwise ones too, and products, with a weight or of two
//! activations; and pooling, which is a depthwise convolution without weights.
//! As oneDNN and TVM's `NCHWc` templates do it: channels of activations in blocks of a vector, weights laid out in the
//! order in which they are read, rows × pixels × vectors of results in registers over the whole reduction.

use super::{Machine, beside, block, blocked_layout, epilogue, loads};
use crate::{
    Atom, Axis, BufferId, Index, Reducer, Result, Role, Scope, Stage, Step, Workload,
    space::{Sketch, draft::Draft, predicate},
};

/// What of a stage is what to the template.
struct Parts {
    /// The stage.
    sum: BufferId,
    /// What is read besides the weight: a buffer with the dimension that holds channels, if that can be blocked.
    data: BufferId,
    data_channel: Option<(usize, Channel)>,
    /// A weight that is packed for vectors, and its dimension that they go along. Without one vectors are read as they lie.
    weight: Option<(BufferId, usize)>,
    /// In its place what is not known beforehand.
    panel: Option<BufferId>,
    /// Axis along which vectors go.
    vector: usize,
    /// The axis of innermost pixels, and that of rows.
    pixel: usize,
    row: Option<usize>,
    /// Position in the reduction of the axis of channels, and its dimension in the weight.
    channel: Option<(usize, usize)>,
    /// Results that read the same channels, where not all do: those of a group of a convolution.
    group: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Channel {
    /// It is reduced.
    Reduced,
    /// It is the result's, as in a depthwise convolution.
    Kept,
}

/// The dimension whose index is this variable alone.
fn dim(index: &[Index], var: usize) -> Option<usize> {
    index.iter().position(|index| index.as_var() == Some(var as u32))
}

/// Of a convolution in groups: the dimension of the data that holds channels, which of the reduction goes over those of a group, and
/// how many results a group has. Channel `c` of the group of result `o` is `c + C·(o / O)`; where a group has one, nothing is reduced.
fn grouped(stage: &Stage, data: &[Index], vector: usize) -> Option<(usize, Option<usize>, u64)> {
    let mut found = None;
    for (at, index) in data.iter().enumerate().filter(|(_, index)| index.has(vector as u32)) {
        let results = index.terms().iter().find_map(|(atom, _)| match atom {
            Atom::Div(inner, by) if inner.as_var() == Some(vector as u32) => Some(*by),
            _ => None,
        })?;
        let group = Index::var(vector as u32).div(results);
        let channel = |r: usize| {
            let c = Index::var((stage.spatial.len() + r) as u32);
            *index == &(&group * stage.reduction[r].extent as i64) + &c
        };
        let reduced = (0..stage.reduction.len()).find(|&r| channel(r));
        if reduced.is_none() && *index != group {
            return None;
        }
        // Once: two dimensions that depend on the group are something else.
        if found.replace((at, reduced, u64::try_from(results).ok()?)).is_some() {
            return None;
        }
    }
    found
}

impl Parts {
    fn of(workload: &Workload) -> Option<Self> {
        let mut sums = workload.stages().iter().filter(|s| s.reduces() && !workload.is_constant(s.buffer));
        let stage = sums.next()?;
        if sums.next().is_some() {
            return None;
        }
        let reads = predicate::reads(stage);
        if let &[(data, Some(index))] = reads.as_slice() {
            return Self::pooling(stage, data, index);
        }
        let &[(a, Some(ai)), (b, Some(bi))] = reads.as_slice() else { return None };
        if stage.reducer != Some(Reducer::Sum) {
            return None;
        }
        let is_weight = |id| workload.buffer(id).role == Role::Weight && workload.readers(id) == [stage.buffer];
        let spatial = stage.spatial.len();
        // The innermost axis of the results lies together in one of them, and is not in the other.
        let along = |index: &[Index], other: &[Index]| {
            let axis = index.last().and_then(Index::as_var).map(|var| var as usize);
            axis.is_some_and(|axis| axis + 1 == spatial && !other.iter().any(|i| i.has(axis as u32)))
        };
        let ((data, di), (weight, wi)) =
            if is_weight(b) || (!is_weight(a) && along(bi, ai)) { ((a, ai), (b, bi)) } else { ((b, bi), (a, ai)) };
        let packed = is_weight(weight);
        if data == weight || !(packed || along(wi, di)) {
            return None;
        }
        let vector = (0..spatial).rev().find(|&axis| dim(wi, axis).is_some())?;
        let pixels: Vec<usize> =
            (0..spatial).filter(|&axis| axis != vector && !wi.iter().any(|i| i.has(axis as u32))).collect();
        let &pixel = pixels.last()?;
        let row = pixels.len().checked_sub(2).map(|at| pixels[at]).filter(|&row| stage.spatial[row].extent > 1);
        let kept = dim(di, vector);
        // The vector's axis among the data's indices in another way is a convolution in groups.
        let group = match kept.is_none() && di.iter().any(|index| index.has(vector as u32)) {
            true => Some(grouped(stage, di, vector)?),
            false => None,
        };
        let reduced = (0..stage.reduction.len()).find_map(|r| {
            let in_data = match group {
                Some((at, channels, _)) => (channels == Some(r)).then_some(at)?,
                None => dim(di, spatial + r)?,
            };
            Some((r, in_data, dim(wi, spatial + r)?))
        });
        let data_channel = match (reduced, kept) {
            (_, Some(at)) => Some((at, Channel::Kept)),
            (Some((_, at, _)), None) => Some((at, Channel::Reduced)),
            (None, None) => None,
        };
        let channel = reduced.map(|(r, _, in_weight)| (r, in_weight));
        let along = dim(wi, vector)?;
        let panel = (!packed).then_some(weight);
        let weight = packed.then_some((weight, along));
        let group = group.map(|(.., results)| results);
        Some(Self { sum: stage.buffer, data, data_channel, weight, panel, vector, pixel, row, channel, group })
    }

    /// Windows of images, or all of each: channels, the second dimension, are kept.
    fn pooling(stage: &Stage, data: BufferId, index: &[Index]) -> Option<Self> {
        let kept = |axis: &usize| index.get(*axis).and_then(Index::as_var) == Some(*axis as u32);
        // What is reduced to one along the last axes of fewer dimensions goes row by row.
        let last = index.len().checked_sub(1)?;
        let windows = last >= 2 && index[last].has(last as u32) && !kept(&last);
        if !(windows || last > 2) || ![0, 1].iter().all(kept) {
            return None;
        }
        // Where all of an image is reduced, there are images alone.
        let pixels: Vec<usize> = (0..stage.spatial.len()).filter(|&axis| axis != 1).collect();
        let &pixel = pixels.last()?;
        let row = pixels.len().checked_sub(2).map(|at| pixels[at]).filter(|&row| stage.spatial[row].extent > 1);
        let data_channel = Some((1, Channel::Kept));
        Some(Self {
            sum: stage.buffer,
            data,
            data_channel,
            weight: None,
            panel: None,
            vector: 1,
            pixel,
            row,
            channel: None,
            group: None,
        })
    }
}

pub(super) fn sketch(workload: &Workload, machine: Machine) -> Result<Option<Sketch>> {
    let Some(parts) = Parts::of(workload) else { return Ok(None) };
    let mut draft = Draft::new("blocked", workload);
    let Some((sum, last)) = epilogue(&mut draft, parts.sum)? else { return Ok(None) };
    let Some(stage) = draft.state.workload().stage(sum).cloned() else { return Ok(None) };
    let axis = |axis: usize| stage.spatial[axis].clone();
    let (vector, pixel, row) = (axis(parts.vector), axis(parts.pixel), parts.row.map(axis));
    // A tile of results reads the channels of one group.
    let results = Axis { extent: parts.group.unwrap_or(vector.extent), ..vector.clone() };
    let lanes = match block(results.extent, machine.lanes) {
        // What lies together as it is, and has no vectors that it is a multiple of, ends in a shorter one.
        few if 2 * few < machine.lanes && parts.vector + 1 == stage.spatial.len() && vector.extent > machine.lanes => {
            machine.lanes
        }
        lanes => lanes,
    };
    let channels = parts.channel.map(|(r, _)| stage.reduction[r].extent);
    let depth = match parts.data_channel {
        Some((_, Channel::Kept)) => lanes,
        _ => channels.map_or(1, |extent| block(extent, machine.lanes)),
    };
    activations(&mut draft, &parts, [sum, last], lanes, depth)?;
    let name = draft.name(sum);
    let weight = parts.weight.map(|(id, along)| (draft.name(id), draft.state.workload().buffer(id).shape.len(), along));
    let mut options = Vec::new();
    for (rows, pixels, vectors) in tiles(&results, &pixel, row.as_ref(), lanes, machine) {
        let outer = lanes * vectors;
        let split = |axis: &str, factors: &[u64]| Step::Split {
            stage: name.clone(),
            axis: axis.into(),
            factors: factors.to_vec(),
        };
        let mut steps = vec![split(&vector.name, &[vectors, lanes])];
        if let Some((buffer, rank, along)) = weight.clone() {
            steps.push(Step::Layout { buffer, layout: weight_layout((rank, along), parts.channel, outer, depth) });
        }
        let tile = format!("{rows}x{pixels}x{vectors}");
        if let Some(row) = &row {
            steps.extend([split(&row.name, &[rows]), split(&pixel.name, &[pixels])]);
            options.push((tile, steps));
            continue;
        }
        // A product's rows: all, or as many as the second cache holds while all weights go by.
        let some =
            Some(AT_ONCE / pixels).filter(|n| n * pixels < pixel.extent && pixel.extent.is_multiple_of(n * pixels));
        let all = Some(pixel.extent.div_ceil(pixels));
        let large = pixel.extent * channels.unwrap_or(1) > SECOND_CACHE;
        for at_once in if large { [some, all] } else { [all, some] }.into_iter().flatten() {
            let steps = [&steps[..], &[split(&pixel.name, &[at_once, pixels])]].concat();
            options.push((format!("{tile}, {} at once", at_once * pixels), steps));
        }
    }
    let Some((_, first)) = options.first() else { return Ok(None) };
    first.iter().try_for_each(|step| draft.try_on(step))?;
    draft.either("rows, pixels, vectors", options);
    if let Some((r, _)) = parts.channel {
        let axis = stage.reduction[r].name.clone();
        draft.take(Step::Split { stage: name.clone(), axis, factors: vec![depth] })?;
    }
    let orders = orders(&stage, &parts, &draft, ([sum, last], lanes), machine);
    draft.either("order", orders);
    if let Some(buffer) = parts.panel {
        let plain = ("as it lies".to_owned(), Vec::new());
        let packed = ("packed".to_owned(), panel(&draft, buffer, [sum, last], parts.vector));
        // Packing takes as long as some rows, and gains where few lines lie in the first cache.
        let pays = pixel.extent >= 16 && channels.is_some_and(|channels| channels >= 256);
        draft.either("panel", if pays { vec![packed, plain] } else { vec![plain, packed] });
    }
    Ok(Some(draft.sketch))
}

/// Copies of the other operand what a block of results needs, to lie in the order in which it is read.
fn panel(draft: &Draft, buffer: BufferId, [sum, last]: [BufferId; 2], vector: usize) -> Vec<Step> {
    let workload = draft.state.workload();
    let axis = |id, axis: usize| Some(workload.stage(id)?.spatial.get(axis)?.name.clone());
    let (name, columns) = (draft.name(buffer), workload.buffer(buffer).shape.len().saturating_sub(1));
    let stage = format!("{name}.read");
    let column = axis(buffer, columns).unwrap_or_else(|| format!("d{columns}"));
    // The loops around the sum are those of what is stored.
    let block = format!("{}.0", axis(last, vector).unwrap_or_default());
    vec![
        Step::CacheRead { buffer: name, readers: vec![draft.name(sum)] },
        Step::ComputeAt { stage: stage.clone(), target: draft.name(last), axis: block },
        Step::Vectorize { stage, axis: column },
    ]
}

/// Rows of a product that go over all weights together, where not all do.
const AT_ONCE: u64 = 128;

/// Elements of which it holds that many beside others.
const SECOND_CACHE: u64 = 1 << 19;

/// Lays activations out: what the sum reads and what comes before that in blocks of its channels, results and what is read
/// beside them in blocks of a vector.
fn activations(draft: &mut Draft, parts: &Parts, made: [BufferId; 2], lanes: u64, depth: u64) -> Result<()> {
    let rank = |draft: &Draft, id: BufferId| draft.state.workload().buffer(id).shape.len();
    for id in made.into_iter().chain(beside(draft, made)) {
        if let Some(layout) = blocked_layout(rank(draft, id), parts.vector, lanes) {
            draft.take(Step::Layout { buffer: draft.name(id), layout })?;
        }
    }
    let Some((channel, _)) = parts.data_channel else { return Ok(()) };
    // Stages that pad, one element from one element, have the same dimensions as what they read. They run beforehand, or are
    // left out, and what they ask is asked where the sum reads.
    let (mut at, mut beforehand, mut inside) = (Some(parts.data), Vec::new(), Vec::new());
    while let Some(id) = at {
        let buffer = draft.name(id);
        let layout = blocked_layout(rank(draft, id), channel, depth)
            .map(|layout| Step::Layout { buffer: buffer.clone(), layout });
        let Some(stage) = draft.state.workload().stage(id).cloned() else {
            layout.into_iter().try_for_each(|step| draft.take(step))?;
            break;
        };
        let mut steps: Vec<Step> = layout.into_iter().collect();
        if depth > 1 && channel + 1 < stage.spatial.len() {
            let axis = stage.spatial[channel].name.clone();
            steps.push(Step::Split { stage: buffer.clone(), axis: axis.clone(), factors: vec![depth] });
            let part = |a: &Axis| if a.name == axis { format!("{axis}.0") } else { a.name.clone() };
            let order = stage.spatial.iter().map(part).chain([format!("{axis}.1")]).collect();
            steps.push(Step::Reorder { stage: buffer.clone(), order });
            steps.push(Step::Vectorize { stage: buffer.clone(), axis: format!("{axis}.1") });
        }
        steps.iter().try_for_each(|step| draft.try_on(step))?;
        beforehand.extend(steps);
        inside.push(Step::Inline { stage: buffer });
        let reads = predicate::reads(&stage);
        at = match reads.as_slice() {
            [(read, _)] if rank(draft, *read) == stage.spatial.len() && !stage.reduces() => Some(*read),
            _ => None,
        };
    }
    if !inside.is_empty() {
        let options = [("where it is read", inside), ("beforehand", beforehand)];
        draft.either("padding", options.map(|(name, steps)| (name.to_owned(), steps)).to_vec());
    }
    Ok(())
}

/// Rows, pixels and vectors that fill the registers well: a vector of the weight and one of the data must be left.
fn tiles(vector: &Axis, pixel: &Axis, row: Option<&Axis>, lanes: u64, machine: Machine) -> Vec<(u64, u64, u64)> {
    let most = machine.registers - machine.registers / 8;
    let enough = most.min(6);
    let rows = row.map_or(1, |row| row.extent);
    // An imperfect split ends in a tile that fills the registers less well: only where no perfect one is large enough.
    let perfect = (enough..=most).any(|n| pixel.extent.is_multiple_of(n)) || pixel.extent < enough;
    let mut found = Vec::new();
    // What is left of ragged results is less than a vector.
    let ragged = !vector.extent.is_multiple_of(lanes);
    let left = |n: u64| vector.extent % (lanes * n);
    for vectors in
        (1..=4).filter(|&n| if ragged { lanes * n <= vector.extent && left(n) < lanes } else { left(n) == 0 })
    {
        for row in (1..=4).filter(|&n| rows.is_multiple_of(n)) {
            let fits =
                |&n: &u64| n * row * vectors <= most && (pixel.extent.is_multiple_of(n) || (!perfect && n >= enough));
            found.extend((1..=pixel.extent.min(most)).filter(fits).map(|n| (row, n, vectors)));
        }
    }
    let filled = |&(r, p, v): &(u64, u64, u64)| r * p * v;
    let best = found.iter().map(filled).max().unwrap_or(0);
    found.retain(|tile| 2 * filled(tile) >= best);
    found.sort_by_key(|&(row, pixels, vectors)| loads(row * pixels, vectors));
    found
}

/// Outermost first: blocks of vectors, blocks of channels, the window, channels of a block, vectors of a block.
fn weight_layout((rank, vector): (usize, usize), channel: Option<(usize, usize)>, outer: u64, depth: u64) -> String {
    let channel = channel.map(|(_, dim)| dim);
    let mut dims = vec![format!("d{vector}/{outer}")];
    dims.extend(channel.map(|c| if depth > 1 { format!("d{c}/{depth}") } else { format!("d{c}") }));
    dims.extend((0..rank).filter(|&d| d != vector && Some(d) != channel).map(|d| format!("d{d}")));
    dims.extend(channel.filter(|_| depth > 1).map(|c| format!("d{c}%{depth}")));
    dims.push(format!("d{vector}%{outer}"));
    dims.join(" ")
}

/// Which goes outside, blocks of results or pixels, and whether the window or the channels of a block are innermost.
fn orders(
    stage: &Stage,
    parts: &Parts,
    draft: &Draft,
    ([sum, last], lanes): ([BufferId; 2], u64),
    machine: Machine,
) -> Vec<(String, Vec<Step>)> {
    let (name, stored) = (draft.name(sum), draft.name(last));
    let names = draft.state.workload().stage(last).map_or_else(Vec::new, |stage| stage.spatial.clone());
    let spatial = |axis: usize| stage.spatial[axis].name.clone();
    let (v, p, r) = (spatial(parts.vector), spatial(parts.pixel), parts.row.map(spatial));
    let tiled = [Some(&v), Some(&p), r.as_ref()];
    let rest: Vec<String> =
        stage.spatial.iter().map(|axis| axis.name.clone()).filter(|name| !tiled.contains(&Some(name))).collect();
    // Without rows pixels are in three: some go over all results together.
    let far: Vec<String> = if r.is_none() { vec![format!("{p}.0")] } else { Vec::new() };
    let part = |level: usize| r.iter().chain([&p]).map(move |axis| format!("{axis}.{level}"));
    let pixels: Vec<String> = part(far.len()).collect();
    let block = vec![format!("{v}.0")];
    let inner: Vec<String> = part(far.len() + 1).collect();
    let channel = parts.channel.map(|(at, _)| stage.reduction[at].name.clone());
    let window: Vec<String> =
        stage.reduction.iter().map(|axis| axis.name.clone()).filter(|name| Some(name) != channel.as_ref()).collect();
    let outer = channel.iter().map(|c| format!("{c}.0"));
    let deep = channel.iter().map(|c| format!("{c}.1"));
    let by_channel: Vec<String> = outer.clone().chain(window.clone()).chain(deep.clone()).collect();
    let by_window: Vec<String> = outer.chain(deep).chain(window.clone()).collect();
    let mut reductions = vec![("channels inside", by_channel)];
    if !window.is_empty() && channel.is_some() {
        reductions.push(("window inside", by_window));
    }
    let outers = [("results outside", [&block[..], &pixels]), ("pixels outside", [&pixels[..], &block])];
    let mut options = Vec::new();
    for (inside, reduction) in &reductions {
        for (outside, loops) in &outers {
            let outer: Vec<String> = rest.iter().chain(&far).cloned().chain(loops.concat()).collect();
            let Some(at) = outer.last().cloned() else { continue };
            let vectors = [format!("{v}.1"), format!("{v}.2")];
            let order = [&outer[..], reduction, &inner, &vectors].concat();
            let step = |f: fn(String, String) -> Step, axis: &str| f(name.clone(), axis.into());
            let mut steps = vec![Step::Reorder { stage: name.clone(), order }];
            steps.push(step(|stage, axis| Step::Vectorize { stage, axis }, &vectors[1]));
            for axis in inner.iter().chain([&vectors[0]]) {
                steps.push(step(|stage, axis| Step::Unroll { stage, axis }, axis));
            }
            steps.push(Step::Scope { buffer: name.clone(), scope: Scope::Register });
            steps.push(Step::ReverseComputeAt { stage: stored.clone(), target: name.clone(), axis: at });
            let own = |axis: &String| renamed(axis, &stage.spatial, &names);
            let mut last = own(&vectors[0]);
            let mut order: Vec<String> = outer.iter().chain(&inner).chain([&vectors[0]]).map(own).collect();
            // Of blocks that are no power of two one vector would reach into the next.
            if !lanes.is_power_of_two() {
                steps.push(Step::Split { stage: stored.clone(), axis: last.clone(), factors: vec![lanes] });
                order.pop();
                order.extend([format!("{last}.0"), format!("{last}.1")]);
                last.push_str(".1");
            }
            steps.push(Step::Reorder { stage: stored.clone(), order });
            steps.push(Step::Vectorize { stage: stored.clone(), axis: last });
            for axis in &inner {
                steps.push(Step::Unroll { stage: stored.clone(), axis: own(axis) });
            }
            if let Some(axis) = outer.get(rest.len() + far.len()).filter(|_| machine.cores > 1) {
                steps.push(Step::Parallel { stage: stored.clone(), axis: own(axis) });
            }
            options.push((format!("{outside}, {inside}"), steps));
        }
    }
    options
}

/// A loop of an axis, `o.0`, as a loop of the axis in the same place of another stage.
fn renamed(name: &str, from: &[Axis], to: &[Axis]) -> String {
    let (axis, part) = name.split_once('.').map_or((name, ""), |(axis, _)| (axis, &name[axis.len()..]));
    let at = from.iter().position(|other| other.name == axis).and_then(|at| to.get(at));
    at.map_or_else(|| name.to_owned(), |other| format!("{}{part}", other.name))
}
