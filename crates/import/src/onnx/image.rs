//! Rewrites of nodes whose constants hold the size of the exported image.

use tachograph_ir::{Assignment, Attr, Attrs, Dim, Error, Fact, Graph, Node, TensorId, attrs, elements};

use super::{
    batch::{BATCH, IMAGE},
    rebatch::Rebatch,
};

/// A graph with free `batch`, `height` and `width` that follows twice the size, if rewriting its reshapes is enough for
/// that; else the graph as it is, which refuses other sizes at the node that holds the old one.
pub(super) fn follow(graph: Graph) -> Graph {
    let scaled = |(name, factor): (&str, u64)| {
        let extent = graph.hyperparameters().get(name)?.default?.checked_mul(factor)?;
        Some((name.to_owned(), extent))
    };
    let factors = [(BATCH, 3), (IMAGE[0], 2), (IMAGE[1], 2)];
    let Some(larger) = factors.into_iter().map(scaled).collect::<Option<Assignment>>() else { return graph };
    match graph.facts(&larger) {
        Err(Error::Operator { op, .. }) if op == "Reshape" => rewrite(&graph, &larger).unwrap_or(graph),
        _ => graph,
    }
}

fn rewrite(graph: &Graph, larger: &Assignment) -> Option<Graph> {
    let old = graph.facts(&Assignment::new()).ok()?;
    let mut parts = graph.clone().into_parts();
    let nodes = std::mem::take(&mut parts.nodes);
    let mut facts = old.clone();
    for &id in graph.inputs() {
        let scaled = graph.tensor(id).dims.as_ref()?.iter().zip(old[id.index()].shape.as_ref()?);
        let extent = |(dim, &n): (&Dim, &u64)| match dim {
            Dim::Free(name) => larger.get(name).copied().unwrap_or(n),
            Dim::Fixed(n) => *n,
        };
        facts[id.index()].shape = Some(scaled.map(extent).collect());
    }
    let image = *graph.inputs().first()?;
    let axis = graph.tensor(image).dims.as_ref()?.iter().position(|d| *d == Dim::Free(IMAGE[0].into()))?;
    let image = Image { tensor: image, axis, height: *old[image.index()].shape.as_ref()?.get(axis)? };
    let mut rebatch = Rebatch::new(&old, facts, parts, 1);
    for mut node in nodes {
        match node.op.name() {
            "Reshape" => _ = reshape(&mut rebatch, &mut node, &image),
            "Resize" => _ = rebatch.resize(&mut node),
            _ => {}
        }
        rebatch.push(node).ok()?;
    }
    let graph = Graph::new(rebatch.parts).ok()?;
    let same = graph.facts(&Assignment::new()).ok()?;
    let equal = |(a, b): (&Fact, &Fact)| a.shape == b.shape;
    (old.iter().zip(&same).all(equal) && graph.facts(larger).is_ok()).then_some(graph)
}

/// The input, its axis of height, and the height of the file.
struct Image {
    tensor: TensorId,
    axis: usize,
    height: u64,
}

/// What an extent of the target becomes.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    Fixed(u64),
    /// That of this axis of the operand.
    Axis(usize),
    /// That of this axis over a number.
    Part(usize, u64),
    /// In proportion to the height of the image: this much in the file.
    Rows(u64),
    /// Whatever is left.
    Rest,
}

/// Operand and result fall into blocks of equally many elements. A block that grows keeps its axis, merges into one,
/// splits an axis into a part that grows and fixed ones after it (tiles of pixels), or splits an area into rows and
/// columns. Other splits are left alone: nothing says how the growth is to be shared.
fn reshape(rebatch: &mut Rebatch<'_>, node: &mut Node, image: &Image) -> Option<()> {
    let (old, new) = rebatch.shapes(node, 0)?;
    if old == new || old.len() != new.len() || node.attrs.get("allowzero") == Some(&Attr::Int(1)) {
        return None;
    }
    let length = rebatch.constant(node, 1)?.len();
    let result = rebatch.old_shape((*node.outputs.first()?)?)?.to_vec();
    let mut extents = Vec::with_capacity(length);
    let (mut from, mut to) = (0, 0);
    while from < old.len() || to < result.len() {
        if result.get(to) == Some(&1) && old.get(from) != Some(&1) {
            extents.push(Extent::Fixed(1));
            to += 1;
            continue;
        }
        let (mut i, mut j) = ((from + 1).min(old.len()), (to + 1).min(result.len()));
        while elements(&old[from..i])? != elements(&result[to..j])? {
            let grow_old = elements(&old[from..i])? < elements(&result[to..j])?;
            if grow_old && i < old.len() {
                i += 1;
            } else if !grow_old && j < result.len() {
                j += 1;
            } else {
                return None;
            }
        }
        let growth = elements(&new[from..i])?.checked_div(elements(&old[from..i])?)?;
        let parts = &result[to..j];
        match (i - from, parts) {
            _ if old[from..i] == new[from..i] => extents.extend(parts.iter().map(|&n| Extent::Fixed(n))),
            (1, [_]) => extents.push(Extent::Axis(from)),
            (_, [_]) => extents.push(Extent::Rest),
            (1, [_, inner @ ..]) if growth == 2 || growth == 3 => {
                extents.push(Extent::Part(from, elements(inner)?));
                extents.extend(inner.iter().map(|&n| Extent::Fixed(n)));
            }
            (1, &[rows, _]) if growth == 4 => extents.extend([Extent::Rows(rows), Extent::Rest]),
            _ => return None,
        }
        (from, to) = (i, j);
    }
    if extents.len() != length || extents.iter().filter(|e| **e == Extent::Rest).count() > 1 {
        return None;
    }
    let target = target(rebatch, node, &extents, image)?;
    *node.inputs.get_mut(1)? = Some(target);
    Some(())
}

/// The new target: a constant where axes keep their places, else computed.
fn target(rebatch: &mut Rebatch<'_>, node: &Node, extents: &[Extent], image: &Image) -> Option<TensorId> {
    let name = format!("{}/image", node.name);
    let plain = |(place, extent): (usize, &Extent)| match *extent {
        Extent::Fixed(n) => i64::try_from(n).ok(),
        Extent::Axis(axis) => (axis == place).then_some(0),
        Extent::Rest => Some(-1),
        _ => None,
    };
    if let Some(target) = extents.iter().enumerate().map(plain).collect::<Option<Vec<i64>>>() {
        return Some(rebatch.ints(&name, target));
    }
    let operand = node.inputs.first().copied()??;
    let mut pieces = Vec::with_capacity(extents.len());
    for (place, extent) in extents.iter().enumerate() {
        let name = format!("{name}/{place}");
        pieces.push(match *extent {
            Extent::Fixed(n) => rebatch.ints(&name, vec![i64::try_from(n).ok()?]),
            Extent::Rest => rebatch.ints(&name, vec![-1]),
            Extent::Axis(axis) => scaled(rebatch, &name, (operand, axis), 1, 1)?,
            Extent::Part(axis, over) => scaled(rebatch, &name, (operand, axis), 1, over)?,
            Extent::Rows(rows) => scaled(rebatch, &name, (image.tensor, image.axis), rows, image.height)?,
        });
    }
    rebatch.add(&name, "Concat", &pieces, attrs([("axis", Attr::Int(0))]))
}

/// An extent of a tensor, times and over numbers.
fn scaled(rebatch: &mut Rebatch<'_>, name: &str, of: (TensorId, usize), times: u64, over: u64) -> Option<TensorId> {
    let shape = rebatch.add(name, "Shape", &[of.0], Attrs::new())?;
    let range = [of.1, of.1 + 1].map(|n| rebatch.ints(name, vec![n as i64]));
    let mut extent = rebatch.add(name, "Slice", &[shape, range[0], range[1]], Attrs::new())?;
    for (op, n) in [("Mul", times), ("Div", over)].into_iter().filter(|(_, n)| *n != 1) {
        let n = rebatch.ints(name, vec![i64::try_from(n).ok()?]);
        extent = rebatch.add(name, op, &[extent, n], Attrs::new())?;
    }
    Some(extent)
}
