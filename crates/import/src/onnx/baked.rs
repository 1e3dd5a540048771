//! Rewrites of nodes whose constants hold the batch of the exported example.

use tachograph_ir::{Attr, Attrs, Class, DType, Node, Role, Tensor, TensorId, Value, attrs, elements};

use super::rebatch::{Choice, Rebatch, moved};

impl Rebatch<'_> {
    /// Rewrites a node that would refuse another batch or ignore it.
    pub fn adapt(&mut self, node: &mut Node) {
        if node.outputs.iter().flatten().all(|id| self.old.get(id.index()).is_some_and(|f| f.constant)) {
            return;
        }
        match node.op.name() {
            "Reshape" => self.reshape(node),
            "Expand" => self.expand(node),
            "Concat" => self.concat(node),
            "Gather" => self.strided(node).or_else(|| self.same(node)),
            "GRU" | "LSTM" | "RNN" => self.states(node),
            "GridSample" => self.grid(node),
            "Resize" => self.resize(node),
            _ if node.class() == Class::Elementwise => self.terms(node),
            _ => None,
        };
    }

    /// The extent of the target that holds the batch becomes 0 (kept) or −1 (whatever is left).
    fn reshape(&mut self, node: &mut Node) -> Option<()> {
        let (old, new) = self.shapes(node, 0)?;
        if old == new {
            // What is the same for all examples stays so, though the target asks for one of each.
            let target = (*node.inputs.get(1)?)?;
            let [before, after] =
                [self.old, &self.facts].map(|facts| facts.get(target.index())?.value.as_ref()?.ints());
            let before = before.filter(|before| Some(*before) != after && after.is_some())?.to_vec();
            self.replace_ints(node, 1, "shape", before);
            return Some(());
        }
        let axis = moved(&old, &new)?;
        let attribute = node.attrs.get("shape").cloned();
        let mut target = match (self.constant(node, 1), attribute) {
            (Some(value), _) => value.ints()?.to_vec(),
            (None, Some(Attr::Ints(target))) => target,
            _ => return None,
        };
        let result = self.old_shape((*node.outputs.first()?)?)?.to_vec();
        let before = elements(&old[..axis])?.checked_mul(self.outer_of((*node.inputs.first()?)?))?;
        let places = places(&result, before)?;
        let place = *places.get(self.choose((old.clone(), result.clone(), before), places.len()))?;
        let zeros = node.attrs.get("allowzero") != Some(&Attr::Int(1));
        if *target.get(place)? == -1 || (zeros && target[place] == 0 && place == axis) {
            return None;
        }
        if zeros && place == axis && result[place] == old[axis] {
            target[place] = 0;
        } else {
            for (extent, known) in target.iter_mut().zip(&result).filter(|(extent, _)| **extent == -1) {
                *extent = i64::try_from(*known).ok()?;
            }
            target[place] = -1;
        }
        self.replace_ints(node, 1, "shape", target);
        node.attrs.remove("shape");
        Some(())
    }

    /// Which of `of` places a reshape takes: what was chosen before, else the first.
    fn choose(&mut self, reshape: (Vec<u64>, Vec<u64>, u64), of: usize) -> usize {
        if of < 2 {
            return 0;
        }
        if let Some(choice) = self.choices.iter().find(|choice| choice.reshape == reshape) {
            return choice.taken;
        }
        self.choices.push(Choice { reshape, taken: 0, of });
        0
    }

    /// A view by strides is written as the flat tensor and a constant index. If that picks the same from each image, it
    /// picks from the rows of a matrix of images.
    fn strided(&mut self, node: &mut Node) -> Option<()> {
        let (old, new) = self.shapes(node, 0)?;
        let (&[length], Some(0)) = (old.as_slice(), moved(&old, &new)) else { return None };
        let (data, index) = ((*node.inputs.first()?)?, (*node.inputs.get(1)?)?);
        let known = self.old.get(index.index()).filter(|fact| fact.constant)?;
        let (&images, picked) = known.shape.as_deref()?.split_first()?;
        let row = i64::try_from(length.checked_div(images)?).ok()?;
        if self.outer_of(data) != 1
            || length % images != 0
            || !(images == 1 || repeats(known.value.as_ref()?, images, row))
        {
            return None;
        }
        let picked: Option<Vec<i64>> = picked.iter().map(|&n| i64::try_from(n).ok()).collect();
        let name = format!("{}/index", node.name);
        let first = if images == 1 { index } else { self.first(&name, index, 0)? };
        let (rows, target) = (self.ints(&node.name, vec![-1, row]), self.ints(&name, picked?));
        let rows = self.add(&node.name, "Reshape", &[data, rows], Attrs::new())?;
        let index = self.add(&name, "Reshape", &[first, target], Attrs::new())?;
        node.inputs = vec![Some(rows), Some(index)];
        node.attrs.insert("axis".into(), Attr::Int(1));
        self.replaced += 1;
        Some(())
    }

    /// From what is the same for all examples, an index that counts examples picks what it does in the file.
    fn same(&mut self, node: &mut Node) -> Option<()> {
        let (old, new) = self.shapes(node, 0)?;
        let index = (*node.inputs.get(1)?)?;
        let (before, after) = (self.old.get(index.index())?, self.facts.get(index.index())?);
        let (Some(value), Some(shape)) = (&before.value, &before.shape) else { return None };
        if old != new || after.value.is_none() || after.value == before.value {
            return None;
        }
        let index = Tensor::constant(format!("{}/index", node.name), before.dtype, shape, value.clone());
        let (id, shape) = (self.tensor(index), shape.clone());
        self.facts[id.index()].shape = Some(shape);
        node.inputs[1] = Some(id);
        self.replaced += 1;
        Some(())
    }

    /// Constants that the exporter expanded to the batch of the file (tables of positions) are cut to one example, which
    /// suits any number.
    fn terms(&mut self, node: &mut Node) -> Option<()> {
        let (rank, axis, batch) = (0..node.inputs.len()).find_map(|place| {
            let (old, new) = self.shapes(node, place)?;
            let axis = moved(&old, &new)?;
            Some((old.len(), axis, old[axis]))
        })?;
        for place in (0..node.inputs.len()).filter(|_| batch > 1) {
            let Some((old, new)) = self.shapes(node, place) else { continue };
            // Integers beside a batch, and settings of an operator, are rarely tables: they stay what they are.
            let dtype = node.inputs[place].and_then(|id| Some(self.facts.get(id.index())?.dtype));
            let table = matches!(node.role(place), Role::Data | Role::Term | Role::Factor);
            if old == new && old.len() == rank && old[axis] == batch && table && dtype.is_some_and(DType::is_float) {
                node.inputs[place] = Some(self.first(&format!("{}/{place}", node.name), node.inputs[place]?, axis)?);
            }
        }
        Some(())
    }

    /// A grid of the file's batch that nothing has moved yet (a flow that starts at zero) is repeated for every example.
    fn grid(&mut self, node: &mut Node) -> Option<()> {
        let ((old, new), grid) = (self.shapes(node, 0)?, self.shapes(node, 1)?);
        let like = (*node.inputs.first()?)?;
        let each = i64::try_from(old.first()?.checked_div(self.batch)?).ok()?;
        if moved(&old, &new) != Some(0) || self.outer_of(like) != 1 || grid.0 != grid.1 || grid.0.first() != old.first()
        {
            return None;
        }
        let name = format!("{}/grid", node.name);
        let shape = self.add(&name, "Shape", &[like], Attrs::new())?;
        let [zero, one, each] = [0, 1, each].map(|n| self.ints(&name, vec![n]));
        let count = self.add(&name, "Slice", &[shape, zero, one], Attrs::new())?;
        let count = self.add(&name, "Div", &[count, each], Attrs::new())?;
        let grid_of_one =
            self.add(&format!("{name}/one"), "Slice", &[(*node.inputs.get(1)?)?, zero, each], Attrs::new())?;
        let ones = self.ints(&name, vec![1; grid.0.len() - 1]);
        let repeats = self.add(&name, "Concat", &[count, ones], attrs([("axis", Attr::Int(0))]))?;
        node.inputs[1] = Some(self.add(&name, "Tile", &[grid_of_one, repeats], Attrs::new())?);
        Some(())
    }

    /// The first slice along an axis.
    fn first(&mut self, name: &str, of: TensorId, axis: usize) -> Option<TensorId> {
        let range = [0, 1, axis as i64].map(|n| self.ints(name, vec![n]));
        self.add(name, "Slice", &[of, range[0], range[1], range[2]], Attrs::new())
    }

    /// Stored initial states of recurrent layers are expanded to the batch.
    fn states(&mut self, node: &mut Node) -> Option<()> {
        let (old, new) = self.shapes(node, 0)?;
        let (from, axis) = if node.int("layout") == Some(1) { (0, 0) } else { (1, 1) };
        if moved(&old, &new) != Some(from) || old.get(from) != Some(&1) {
            return None;
        }
        let like = (*node.inputs.first()?)?;
        for place in 5..node.inputs.len().min(7) {
            let Some((old, new)) = self.shapes(node, place) else { continue };
            if old == new && old.len() == 3 && old.get(axis) == Some(&1) {
                node.inputs[place] = Some(self.expanded(node, place, (like, from), (axis, 3))?);
            }
        }
        Some(())
    }

    /// An extent of the target that repeats the old batch becomes 1, which keeps any. A constant operand that repeats
    /// it (the initial state of a recurrent layer) is cut to 1 if the target follows the batch.
    fn expand(&mut self, node: &mut Node) -> Option<()> {
        let (old, new) = self.shapes(node, 0)?;
        let target = (*node.inputs.get(1)?)?;
        let targets = [self.old, &self.facts].map(|facts| facts.get(target.index())?.value.as_ref()?.ints());
        if let [Some(before), Some(after)] = targets
            && old == new
            && before.len() == old.len()
        {
            let axis = (0..old.len()).find(|&i| before[i] != after[i] && u64::try_from(before[i]) == Ok(old[i]))?;
            let first = self.first(&node.name, node.inputs[0]?, axis)?;
            node.inputs[0] = Some(first);
            return Some(());
        }
        let mut target = self.constant(node, 1)?.ints()?.to_vec();
        let place = (target.len() + moved(&old, &new)?).checked_sub(old.len())?;
        *target.get_mut(place)? = 1;
        self.replace_ints(node, 1, "shape", target);
        Some(())
    }

    /// Constant operands (class tokens) are expanded to the batch of the others. Those that have the batch of the file
    /// were expanded by the exporter.
    fn concat(&mut self, node: &mut Node) -> Option<()> {
        let places = 0..node.inputs.len();
        let moving = places.clone().find_map(|p| {
            let (old, new) = self.shapes(node, p)?;
            let axis = moved(&old, &new)?;
            Some((node.inputs[p]?, axis, old.len(), old[axis]))
        });
        let (like, axis, rank, batch) = moving?;
        for place in places {
            let Some((old, new)) = self.shapes(node, place) else { continue };
            let along = node.attrs.get("axis") == Some(&Attr::Int(axis as i64));
            if old != new || old.len() != rank || along || !(old[axis] == 1 || old[axis] == batch) {
                continue;
            }
            if old[axis] != 1 {
                node.inputs[place] = Some(self.first(&format!("{}/{place}", node.name), node.inputs[place]?, axis)?);
            }
            node.inputs[place] = Some(self.expanded(node, place, (like, axis), (axis, rank))?);
        }
        Some(())
    }

    /// Operand `place`, of extent 1 along the axis of so many, with the extent there that `like` has along its own.
    fn expanded(
        &mut self,
        node: &Node,
        place: usize,
        (like, from): (TensorId, usize),
        (axis, rank): (usize, usize),
    ) -> Option<TensorId> {
        let ones = |n: usize| (n > 0).then(|| vec![1; n]);
        let name = format!("{}/{place}", node.name);
        let shape = self.add(&name, "Shape", &[like], Attrs::new())?;
        let range = [from as i64, from as i64 + 1].map(|n| self.ints(&name, vec![n]));
        let extent = self.add(&name, "Slice", &[shape, range[0], range[1]], Attrs::new())?;
        let before = ones(axis).map(|v| self.ints(&name, v));
        let after = ones(rank - axis - 1).map(|v| self.ints(&name, v));
        let extents: Vec<_> = [before, Some(extent), after].into_iter().flatten().collect();
        let target = self.add(&name, "Concat", &extents, attrs([("axis", Attr::Int(0))]))?;
        self.add(&name, "Expand", &[(*node.inputs.get(place)?)?, target], Attrs::new())
    }

    /// Sizes become scales where these give the same result.
    pub fn resize(&mut self, node: &mut Node) -> Option<()> {
        let (old, new) = self.shapes(node, 0)?;
        (old.len() == new.len() && old != new).then_some(())?;
        let sizes = self.constant(node, 3)?.ints()?.to_vec();
        if sizes.len() != old.len() {
            return None;
        }
        let scales: Vec<f64> = sizes.iter().zip(&old).map(|(&s, &n)| s as f64 / n as f64).collect();
        let exact = |((&s, &n), &f): ((&i64, &u64), &f64)| (n as f64 * f64::from(f as f32)).floor() == s as f64;
        if !sizes.iter().zip(&old).zip(&scales).all(exact) {
            return None;
        }
        let shape = [scales.len() as u64];
        let scales = Tensor::constant(format!("{}/scales", node.name), DType::F32, &shape, Value::Floats(scales));
        node.inputs[2] = Some(self.tensor(scales));
        self.replaced += 1;
        node.inputs.truncate(3);
        Some(())
    }

    fn replace_ints(&mut self, node: &mut Node, place: usize, what: &str, values: Vec<i64>) {
        let id = self.ints(&format!("{}/{what}", node.name), values);
        node.inputs.resize(node.inputs.len().max(place + 1), None);
        node.inputs[place] = Some(id);
        self.replaced += 1;
    }
}

/// Axes of `result` where the batch may be that has so many elements `before` it, in the order of how usual they are:
/// as an axis of its own or the outermost part of one, else as the innermost part, which extents of 1 cannot tell.
fn places(result: &[u64], before: u64) -> Option<Vec<usize>> {
    let counts: Vec<u64> = (0..result.len()).map(|i| elements(result.get(..i)?)).collect::<Option<_>>()?;
    let first = counts.iter().position(|&n| n == before).or(counts.iter().rposition(|&n| n < before))?;
    let fits = |&place: &usize| {
        let (outside, extent) = (counts[place], result[place]);
        let inside = before.checked_div(outside).unwrap_or(0);
        place != first && outside.checked_mul(inside) == Some(before) && inside > 0 && extent % inside == 0
    };
    Some(std::iter::once(first).chain((0..result.len()).filter(fits)).collect())
}

/// True if an index picks for each image what it picks for the first, `row` elements further on.
fn repeats(index: &Value, images: u64, row: i64) -> bool {
    let Some(index) = index.ints() else { return false };
    let count = usize::try_from(images).ok().filter(|&n| n > 0 && index.len() % n == 0).map(|n| index.len() / n);
    let Some(count) = count.filter(|&n| n > 0) else { return false };
    index.windows(count + 1).all(|window| window[0].checked_add(row) == Some(window[count]))
}
