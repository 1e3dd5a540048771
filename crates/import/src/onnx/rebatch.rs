//! Rewrites of nodes whose constants hold the batch of the exported example.

use std::collections::HashMap;

use tachograph_ir::{
    Attr, Attrs, DType, Fact, Node, OpType, Parts, Phase, Tensor, TensorId, TensorKind, Value, attrs, elements,
};

use super::batch::infer;

/// A graph under construction, with facts at another batch beside those of the file.
pub(super) struct Rebatch<'a> {
    /// At the batch of the file, by tensor id. The same ids are valid here.
    pub old: &'a [Fact],
    /// At the other batch; tensors may have been added.
    pub facts: Vec<Fact>,
    /// Nodes so far.
    pub parts: Parts,
    /// Number of operands replaced.
    pub replaced: usize,
    /// For tensors with the batch inside an axis, how many positions of that axis are further out.
    outer: HashMap<TensorId, u64>,
    /// Where constants leave open which axis grows, what was chosen, in the order of the nodes.
    pub choices: Vec<Choice>,
}

/// One of several places for the batch in the result of a reshape: all alike are decided alike.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    /// Shapes of operand and result at the batch of the file, and how many elements lie further out than the batch.
    reshape: (Vec<u64>, Vec<u64>, u64),
    /// Which of the places is taken.
    pub taken: usize,
    /// Of how many.
    pub of: usize,
}

impl<'a> Rebatch<'a> {
    pub fn new(old: &'a [Fact], facts: Vec<Fact>, parts: Parts, choices: Vec<Choice>) -> Self {
        Self { old, facts, parts, replaced: 0, outer: HashMap::new(), choices }
    }

    /// Appends a node and infers its results.
    pub fn push(&mut self, node: Node) -> Result<(), String> {
        let constant = |id: &TensorId| self.old.get(id.index()).is_some_and(|f| f.constant);
        if node.outputs.iter().flatten().all(constant) {
            node.outputs.iter().flatten().for_each(|id| self.facts[id.index()] = self.old[id.index()].clone());
            self.parts.nodes.push(node);
            return Ok(());
        }
        let results = infer(&node, &self.facts)?;
        let known = |id: &TensorId| self.facts[id.index()].constant;
        let constant = node.inputs.iter().flatten().all(known) && !node.op.is_custom();
        for (id, fact) in node.outputs.iter().zip(results) {
            if let Some(id) = id {
                self.facts[id.index()] = Fact { constant, ..fact };
            }
        }
        self.keep_outer(&node);
        self.parts.nodes.push(node);
        Ok(())
    }

    /// Notes where the results have the batch inside an axis: where the operands do, but for reshapes.
    fn keep_outer(&mut self, node: &Node) {
        let Some(Some(operand)) = node.inputs.first() else { return };
        let outer = if matches!(node.op.name(), "Reshape" | "Flatten") {
            let place = |id: &TensorId| {
                let (old, new) = (self.old_shape(*id)?, self.facts.get(id.index())?.shape.as_deref()?);
                Some((old, moved(old, new)?))
            };
            (|| {
                let ((old, from), (result, to)) = (place(operand)?, place(node.outputs.first()?.as_ref()?)?);
                let before = elements(&old[..from])?.checked_mul(self.outer_of(*operand))?;
                before.checked_div(elements(&result[..to])?)
            })()
        } else if self.outer.is_empty() {
            None
        } else {
            node.inputs.iter().flatten().find_map(|id| self.outer.get(id).copied())
        };
        if let Some(outer) = outer.filter(|&n| n > 1) {
            node.outputs.iter().flatten().for_each(|id| _ = self.outer.insert(*id, outer));
        }
    }

    fn outer_of(&self, id: TensorId) -> u64 {
        self.outer.get(&id).copied().unwrap_or(1)
    }

    /// Rewrites a node that would refuse another batch or ignore it.
    pub fn adapt(&mut self, node: &mut Node) {
        if node.outputs.iter().flatten().all(|id| self.old.get(id.index()).is_some_and(|f| f.constant)) {
            return;
        }
        match node.op.name() {
            "Reshape" => self.reshape(node),
            "Expand" => self.expand(node),
            "Concat" => self.concat(node),
            "Gather" => self.strided(node),
            "GRU" | "LSTM" | "RNN" => self.states(node),
            "Resize" => self.resize(node),
            _ => None,
        };
    }

    /// Shapes of an operand at the batch of the file and at the other.
    pub fn shapes(&self, node: &Node, place: usize) -> Option<(Vec<u64>, Vec<u64>)> {
        let id = (*node.inputs.get(place)?)?;
        Some((self.old_shape(id)?.to_vec(), self.facts.get(id.index())?.shape.clone()?))
    }

    /// Elements of an operand that are the same at both batches.
    pub fn constant(&self, node: &Node, place: usize) -> Option<&Value> {
        let id = (*node.inputs.get(place)?)?;
        let value = self.facts.get(id.index())?.value.as_ref()?;
        (self.old.get(id.index())?.value.as_ref() == Some(value)).then_some(value)
    }

    pub fn old_shape(&self, id: TensorId) -> Option<&[u64]> {
        self.old.get(id.index())?.shape.as_deref()
    }

    /// The extent of the target that holds the batch becomes 0 (kept) or −1 (whatever is left).
    fn reshape(&mut self, node: &mut Node) -> Option<()> {
        let (old, new) = self.shapes(node, 0)?;
        if old == new {
            // What is the same for all examples stays so, though the target asks for one of each.
            let target = (*node.inputs.get(1)?)?;
            let [before, after] = [self.old, &self.facts].map(|facts| facts.get(target.index())?.value.as_ref()?.ints());
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
        if self.outer_of(data) != 1 || length % images != 0 || !(images == 1 || repeats(known.value.as_ref()?, images, row)) {
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

    pub fn add(&mut self, name: &str, op: &str, inputs: &[TensorId], attrs: Attrs) -> Option<TensorId> {
        let name = format!("{name}/{op}");
        let output = self.tensor(Tensor::activation(format!("{name}_result")));
        let inputs = inputs.iter().copied().map(Some).collect();
        let outputs = vec![Some(output)];
        self.push(Node { name, op: OpType::new(op), attrs, inputs, outputs, phase: Phase::Forward }).ok()?;
        Some(output)
    }

    fn replace_ints(&mut self, node: &mut Node, place: usize, what: &str, values: Vec<i64>) {
        let id = self.ints(&format!("{}/{what}", node.name), values);
        node.inputs.resize(node.inputs.len().max(place + 1), None);
        node.inputs[place] = Some(id);
        self.replaced += 1;
    }

    pub fn ints(&mut self, name: &str, values: Vec<i64>) -> TensorId {
        let name = format!("{name}#{}", self.parts.tensors.len());
        self.tensor(Tensor::constant(name, DType::I64, &[values.len() as u64], Value::Ints(values)))
    }

    fn tensor(&mut self, tensor: Tensor) -> TensorId {
        let shape: Vec<u64> = tensor.value.iter().map(|v| v.len() as u64).collect();
        let constant = tensor.kind == TensorKind::Constant;
        let fact = Fact::new(tensor.dtype.unwrap_or(DType::F32), shape).with_value(tensor.value.clone());
        self.facts.push(Fact { constant, ..fact });
        self.parts.tensors.push(tensor);
        TensorId(self.parts.tensors.len() as u32 - 1)
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

/// The axis whose extent the batch changed, if it is one.
pub(super) fn moved(old: &[u64], new: &[u64]) -> Option<usize> {
    let mut axes = (0..old.len()).filter(|&i| old.get(i) != new.get(i));
    axes.next().filter(|_| axes.next().is_none() && old.len() == new.len())
}
