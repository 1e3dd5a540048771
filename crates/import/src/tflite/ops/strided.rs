//! STRIDED_SLICE: ranges with masks, which may add axes, drop them, and stand for as many as are left.

use tachograph_ir::{Attr, Attrs, DType, Tensor, TensorId, Value, attrs};

use super::{Importer, Op, Read, id};

/// What the masks make of the ranges of a slice.
#[derive(Default)]
struct Plan {
    /// Position among the given ranges, and axis, of every range that counts.
    ranges: Vec<(usize, usize)>,
    /// Axes that go, before others come.
    dropped: Vec<i64>,
    /// Axes that come, by their place in the result.
    added: Vec<i64>,
}

impl Plan {
    fn new(op: &Op, given: usize, rank: usize) -> Result<Self, String> {
        let set = |slot, i: usize| op.options.int(slot, 0) & (1 << i) != 0;
        let (ellipsis, adds, drops) = (8, 10, 12);
        let filled = (0..given).find(|&i| set(ellipsis, i));
        let counted = (0..given).filter(|&i| Some(i) != filled && !set(adds, i)).count();
        let left = rank.checked_sub(counted).ok_or_else(|| format!("{given} ranges for {rank} axes"))?;
        let (mut plan, mut axis, mut place) = (Self::default(), 0, 0);
        for i in 0..given {
            if Some(i) == filled {
                (axis, place) = (axis + left, place + left as i64);
            } else if set(adds, i) {
                plan.added.push(place);
                place += 1;
            } else {
                plan.ranges.push((i, axis));
                if set(drops, i) {
                    plan.dropped.push(axis as i64);
                } else {
                    place += 1;
                }
                axis += 1;
            }
        }
        Ok(plan)
    }
}

pub(super) fn strided_slice(net: &mut Importer, op: &Op) -> Read {
    let (x, output) = (op.input(0)?, op.output(0)?);
    let given = net.info(op.input(1)?).shape.first().copied().unwrap_or(0).min(31) as usize;
    let plan = Plan::new(op, given, net.rank(x))?;
    let strides = net.known(op.input(3)?).filter(|strides| strides.len() == given);
    let Some(strides) = strides else { return Ok(false) };
    let known = |i| op.input(i).map(|i| net.known(i).filter(|list| list.len() == given));
    let moved = !plan.dropped.is_empty() || !plan.added.is_empty();
    let ranges = match (known(1)?, known(2)?) {
        (Some(begins), Some(ends)) => constant(net, op, &plan, [begins, ends, strides]),
        _ if op.options.flag(14) => return Ok(false),
        _ => computed(net, op, &plan, strides)?,
    };
    let axes = plan.ranges.iter().map(|&(_, axis)| match moved || net.rank(x) != 4 {
        true => Ok(axis as i64),
        false => net.axis(axis as i64, x),
    });
    let axes = axes.collect::<Result<Vec<_>, _>>()?;
    let axes = net.ints(axes);
    let [starts, ends, steps] = ranges;
    if !moved {
        net.emit("Slice", &[id(x), starts, ends, axes, steps], Attrs::new(), id(output));
        return Ok(true);
    }
    let mut part = net.file_order(x);
    if !plan.ranges.is_empty() {
        part = net.derive("Slice", &[part, starts, ends, axes, steps], Attrs::new());
    }
    let y = net.file_result(output);
    let (dropped, added) = (net.ints(plan.dropped.clone()), net.ints(plan.added.clone()));
    match (plan.dropped.is_empty(), plan.added.is_empty()) {
        (false, true) => net.emit("Squeeze", &[part, dropped], Attrs::new(), y),
        (true, _) => net.emit("Unsqueeze", &[part, added], Attrs::new(), y),
        (false, false) => {
            let part = net.derive("Squeeze", &[part, dropped], Attrs::new());
            net.emit("Unsqueeze", &[part, added], Attrs::new(), y);
        }
    }
    net.our_order(output, y);
    Ok(true)
}

/// Starts, ends and steps of ranges that the file knows.
fn constant(net: &mut Importer, op: &Op, plan: &Plan, [begins, ends, strides]: [Vec<i64>; 3]) -> [TensorId; 3] {
    let o = op.options;
    let set = |slot, i: usize| o.int(slot, 0) & (1 << i) != 0;
    let mut ranges = [Vec::new(), Vec::new(), Vec::new()];
    for &(i, _) in &plan.ranges {
        let (begin, stride) = (begins[i], strides[i]);
        // Ends may count from the begins.
        let end = if o.flag(14) { begin.saturating_add(ends[i]) } else { ends[i] };
        let drop = set(12, i);
        let (low, high) = if stride > 0 { (0, i64::MAX) } else { (i64::MAX, i64::MIN) };
        ranges[0].push(if set(4, i) && !drop { low } else { begin });
        ranges[1].push(match begin {
            -1 if drop => i64::MAX,
            _ if drop => begin.saturating_add(1),
            _ if set(6, i) => high,
            _ => end,
        });
        ranges[2].push(if drop { 1 } else { stride });
    }
    ranges.map(|list| net.ints(list))
}

/// The same where begins or ends are computed: masked ones are replaced in the tensors.
fn computed(net: &mut Importer, op: &Op, plan: &Plan, strides: Vec<i64>) -> Result<[TensorId; 3], String> {
    let set = |slot, i: usize| op.options.int(slot, 0) & (1 << i) != 0;
    let rows = plan.ranges.iter().map(|&(i, _)| i as i64).collect();
    let rows = net.ints(rows);
    let [begins, ends] = [id(op.input(1)?), id(op.input(2)?)]
        .map(|list| net.derive("Gather", &[list, rows], attrs([("axis", Attr::Int(0))])));
    let ranges = |f: &dyn Fn(usize) -> i64| -> Vec<i64> { plan.ranges.iter().map(|&(i, _)| f(i)).collect() };
    let backwards = |i: usize| strides[i] < 0;
    let lows = ranges(&|i| if backwards(i) { i64::MAX } else { 0 });
    let highs = ranges(&|i| if backwards(i) { i64::MIN } else { i64::MAX });
    let steps = ranges(&|i| if set(12, i) { 1 } else { strides[i] });
    let open_begins = ranges(&|i| (set(4, i) && !set(12, i)).into());
    let (open_ends, dropped) = (ranges(&|i| set(6, i).into()), ranges(&|i| set(12, i).into()));
    let wide = |net: &mut Importer, list| net.derive("Cast", &[list], attrs([("to", Attr::Int(7))]));
    let (begins, ends) = (wide(net, begins), wide(net, ends));
    let (lows, highs, one) = (net.ints(lows), net.ints(highs), net.ints(vec![1]));
    let starts = masked(net, open_begins, lows, begins);
    let ends = masked(net, open_ends, highs, ends);
    let next = net.derive("Add", &[begins, one], Attrs::new());
    let ends = masked(net, dropped, next, ends);
    Ok([starts, ends, net.ints(steps)])
}

/// `yes` where the mask is set, else `no`.
fn masked(net: &mut Importer, mask: Vec<i64>, yes: TensorId, no: TensorId) -> TensorId {
    let count = mask.len() as u64;
    let mask = net.push(Tensor::constant("", DType::Bool, &[count], Value::Ints(mask)));
    net.derive("Where", &[mask, yes, no], Attrs::new())
}
