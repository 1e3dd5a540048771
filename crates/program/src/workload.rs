//! Workloads: what a kernel computes, without a word on how.

use serde::{Deserialize, Serialize};
use tachograph_ir::DType;

use crate::{BufferId, Cond, Error, Expr, Index, Range, Reducer, Result};

/// What a buffer is to its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Given anew for every run.
    Input,
    /// Constant: may be laid out, and worked on, before the first run at no cost.
    Weight,
    /// Computed by a stage.
    Stage,
}

/// A tensor: given, or computed by a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Buffer {
    /// Unique within the workload.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Extents, row-major.
    pub shape: Vec<u64>,
    /// Where it comes from.
    pub role: Role,
}

impl Buffer {
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        tachograph_ir::elements(&self.shape).unwrap_or(u64::MAX)
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.elements().saturating_mul(self.dtype.bits()).div_ceil(8)
    }
}

/// An axis of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Axis {
    /// Unique within the stage.
    pub name: String,
    /// Number of positions.
    pub extent: u64,
}

/// One buffer, computed element by element. Variables of its expression are the spatial axes in order, then the
/// reduction axes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The buffer, whose shape the spatial axes have.
    pub buffer: BufferId,
    /// Axes of the result.
    pub spatial: Vec<Axis>,
    /// Axes that are summed up, or otherwise reduced; only with a reducer.
    pub reduction: Vec<Axis>,
    /// How; a stage with a reducer and no axis is the expression itself.
    pub reducer: Option<Reducer>,
    /// The value of an element, or its contribution.
    pub value: Expr,
}

impl Stage {
    /// All axes: spatial ones, then those of the reduction. A variable is a position here.
    pub fn axes(&self) -> impl ExactSizeIterator<Item = &Axis> + Clone {
        struct Both<'a>(&'a Stage, usize);
        impl<'a> Clone for Both<'a> {
            fn clone(&self) -> Self {
                Both(self.0, self.1)
            }
        }
        impl<'a> Iterator for Both<'a> {
            type Item = &'a Axis;
            fn next(&mut self) -> Option<&'a Axis> {
                self.1 += 1;
                self.0.axis(self.1 - 1)
            }
            fn size_hint(&self) -> (usize, Option<usize>) {
                let left = self.0.rank().saturating_sub(self.1);
                (left, Some(left))
            }
        }
        impl ExactSizeIterator for Both<'_> {}
        Both(self, 0)
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.spatial.len() + self.reduction.len()
    }

    /// The axis of a variable.
    pub fn axis(&self, i: usize) -> Option<&Axis> {
        self.spatial.iter().chain(&self.reduction).nth(i)
    }

    /// The values of a variable.
    pub fn range(&self, var: crate::Var) -> Range {
        Range::of(self.axis(var as usize).map_or(1, |axis| axis.extent))
    }

    /// Elements of the result times the length of the reduction.
    pub fn points(&self) -> u64 {
        if self.axes().any(|axis| axis.extent == 0) {
            return 0;
        }
        self.axes().fold(1, |n, axis| u64::saturating_mul(n, axis.extent))
    }

    /// True if it reduces anything.
    pub fn reduces(&self) -> bool {
        self.reducer.is_some() && !self.reduction.is_empty()
    }
}

/// What a kernel computes: a graph of stages over named axes, with static shapes.
///
/// ```
/// use tachograph_program::{Builder, Expr, Reducer};
/// use tachograph_ir::DType::F32;
///
/// let mut b = Builder::new("dense");
/// let x = b.input("x", F32, &[128, 768])?;
/// let w = b.weight("w", F32, &[768, 3072])?;
/// let y = b.reduce("y", &[("i", 128), ("j", 3072)], &[("k", 768)], Reducer::Sum, |s, r| {
///     Expr::Load(x, vec![s[0].clone(), r[0].clone()]) * Expr::Load(w, vec![r[0].clone(), s[1].clone()])
/// })?;
/// let y = b.map("relu", &[("i", 128), ("j", 3072)], |s| Expr::Load(y, s.to_vec()).max(0.0))?;
/// let workload = b.finish(&[y])?;
/// assert_eq!(workload.flops(), 128 * 3072 * (2 * 768 + 1));
/// println!("{workload}");
/// # Ok::<(), tachograph_program::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Workload {
    pub(crate) name: String,
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) outputs: Vec<BufferId>,
}

/// The plain contents of a [`Workload`], before validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// For messages and files.
    pub name: String,
    /// Every buffer; a [`BufferId`] is a position here.
    pub buffers: Vec<Buffer>,
    /// Stages, producers before consumers.
    pub stages: Vec<Stage>,
    /// What the caller gets.
    pub outputs: Vec<BufferId>,
}

impl From<Workload> for Parts {
    fn from(w: Workload) -> Self {
        Self { name: w.name, buffers: w.buffers, stages: w.stages, outputs: w.outputs }
    }
}

impl TryFrom<Parts> for Workload {
    type Error = Error;
    fn try_from(parts: Parts) -> Result<Self> {
        Self::new(parts)
    }
}

/// Buffers larger than this are refused: indices and sizes then fit 64 bits with room for arithmetic.
const MAX_ELEMENTS: u64 = 1 << 40;

impl Workload {
    /// Validates its contents.
    ///
    /// # Errors
    /// Names that are not unique; a buffer computed twice, never, or after it is read; shapes that axes do not have;
    /// reads with the wrong number of indices, of variables that are not there, or outside of the buffer (unless a
    /// condition guards them); an extent above 2⁴⁰ elements.
    pub fn new(parts: Parts) -> Result<Self> {
        let Parts { name, buffers, stages, outputs } = parts;
        let workload = Self { name, buffers, stages, outputs };
        workload.validate()?;
        Ok(workload)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All buffers that were ever there; those that rewriting has made useless included.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The buffer with this number.
    ///
    /// # Panics
    /// When there is none.
    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id.index()]
    }

    /// The buffer of this name.
    pub fn find(&self, name: &str) -> Option<BufferId> {
        self.buffers.iter().position(|buffer| buffer.name == name).map(|i| BufferId(i as u32))
    }

    /// Stages, producers before consumers.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The stage that computes this buffer.
    pub fn stage(&self, id: BufferId) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.buffer == id)
    }

    /// What the caller gets.
    pub fn outputs(&self) -> &[BufferId] {
        &self.outputs
    }

    /// What the caller gives: inputs and weights, in the order of their numbers.
    pub fn inputs(&self) -> impl Iterator<Item = BufferId> + '_ {
        let given = |(_, buffer): &(usize, &Buffer)| buffer.role != Role::Stage;
        self.buffers.iter().enumerate().filter(given).map(|(i, _)| BufferId(i as u32))
    }

    /// The stages that read this buffer, in order.
    pub fn readers(&self, id: BufferId) -> Vec<BufferId> {
        self.stages.iter().filter(|stage| stage.value.reads().contains(&id)).map(|stage| stage.buffer).collect()
    }

    /// True for a stage that depends on weights alone, so that its result is there before the first run.
    pub fn is_constant(&self, id: BufferId) -> bool {
        match self.buffer(id).role {
            Role::Input => false,
            Role::Weight => true,
            Role::Stage => {
                let Some(stage) = self.stage(id) else { return false };
                let reads = stage.value.reads();
                !reads.is_empty() && !self.outputs.contains(&id) && reads.into_iter().all(|read| self.is_constant(read))
            }
        }
    }

    fn validate(&self) -> Result<()> {
        let refuse = |stage: &str, message: String| {
            Err(Error::Workload { workload: self.name.clone(), stage: stage.into(), message })
        };
        let mut names = std::collections::HashSet::new();
        for buffer in &self.buffers {
            if buffer.name.is_empty() || !names.insert(&buffer.name) {
                return refuse(&buffer.name, "a buffer's name is empty or taken".into());
            }
            if tachograph_ir::elements(&buffer.shape).is_none_or(|n| n > MAX_ELEMENTS) {
                return refuse(&buffer.name, format!("{:?} is too large", buffer.shape));
            }
        }
        let mut there: Vec<bool> = self.buffers.iter().map(|buffer| buffer.role != Role::Stage).collect();
        for stage in &self.stages {
            let Some(buffer) = self.buffers.get(stage.buffer.index()) else {
                return refuse("?", format!("there is no buffer {}", stage.buffer.0));
            };
            let name = &buffer.name;
            if buffer.role != Role::Stage || there[stage.buffer.index()] {
                return refuse(name, "is given or computed already".into());
            }
            let shape: Vec<u64> = stage.spatial.iter().map(|axis| axis.extent).collect();
            if shape != buffer.shape {
                return refuse(name, format!("axes {shape:?} are not the shape {:?}", buffer.shape));
            }
            let mut axes = std::collections::HashSet::new();
            if let Some(axis) = stage.axes().find(|axis| axis.name.is_empty() || !axes.insert(&axis.name)) {
                return refuse(name, format!("axis name `{}` is empty or taken", axis.name));
            }
            if stage.reducer.is_none() && !stage.reduction.is_empty() {
                return refuse(name, "has reduction axes and no reducer".into());
            }
            if stage.axes().try_fold(1u64, |n, axis| n.checked_mul(axis.extent.max(1))).is_none_or(|n| n > 1 << 60) {
                return refuse(name, "has too many points".into());
            }
            self.validate_expr(stage, &stage.value, false, &there).or_else(|message| refuse(name, message))?;
            there[stage.buffer.index()] = true;
        }
        for output in &self.outputs {
            if self.stage(*output).is_none() {
                return refuse("outputs", format!("{} is no stage", output.0));
            }
        }
        if self.outputs.is_empty() { refuse("outputs", "there are none".into()) } else { Ok(()) }
    }

    fn validate_expr(&self, stage: &Stage, expr: &Expr, guarded: bool, there: &[bool]) -> Result<(), String> {
        let index = |index: &Index| {
            let mut wrong = None;
            index.each_var(&mut |var| wrong = wrong.or((var as usize >= stage.rank()).then_some(var)));
            wrong.map_or(Ok(()), |var| Err(format!("there is no axis {var}")))
        };
        let access = |buffer: &BufferId, indices: &[Index], free: Option<usize>| -> Result<(), String> {
            let Some(read) = self.buffers.get(buffer.index()).filter(|_| there[buffer.index()]) else {
                return Err(format!("reads buffer {}, which is not there yet", buffer.0));
            };
            if read.shape.len() != indices.len() || free.is_some_and(|axis| axis >= indices.len()) {
                return Err(format!("reads `{}` of shape {:?} with {} indices", read.name, read.shape, indices.len()));
            }
            for (axis, (i, &extent)) in indices.iter().zip(&read.shape).enumerate() {
                index(i)?;
                let range = i.range(&|var| stage.range(var));
                if !guarded && stage.points() > 0 && free != Some(axis) && !range.within(0, extent as i64) {
                    let what = (&read.name, axis, extent, range.min, range.max);
                    return Err(format!(
                        "reads `{}` along axis {} of {} from {} to {}",
                        what.0, what.1, what.2, what.3, what.4
                    ));
                }
            }
            Ok(())
        };
        let inner = |expr: &Expr, guarded| self.validate_expr(stage, expr, guarded, there);
        match expr {
            Expr::Const(_) => Ok(()),
            Expr::Index(i) => index(i),
            Expr::Load(buffer, indices) => access(buffer, indices, None),
            Expr::Lookup { buffer, axis, position, index } => {
                access(buffer, index, Some(*axis))?;
                inner(position, guarded)
            }
            Expr::Table(values, i) => {
                index(i)?;
                let range = i.range(&|var| stage.range(var));
                match range.within(0, values.len() as i64) {
                    true => Ok(()),
                    false => Err(format!("a table of {} is read at {range:?}", values.len())),
                }
            }
            Expr::Unary(_, a) | Expr::Cast(_, a) => inner(a, guarded),
            Expr::Binary(_, a, b) => inner(a, guarded).and_then(|()| inner(b, guarded)),
            Expr::Select(cond, a, b) => {
                self.validate_cond(stage, cond, guarded, there)?;
                inner(a, true).and_then(|()| inner(b, true))
            }
        }
    }

    fn validate_cond(&self, stage: &Stage, cond: &Cond, guarded: bool, there: &[bool]) -> Result<(), String> {
        match cond {
            Cond::In(i, ..) => self.validate_expr(stage, &Expr::Index(i.clone()), guarded, there),
            Cond::Order(a, b) => {
                self.validate_expr(stage, &Expr::Index(a.clone()), guarded, there)?;
                self.validate_expr(stage, &Expr::Index(b.clone()), guarded, there)
            }
            Cond::Compare(_, a, b) => {
                self.validate_expr(stage, a, guarded, there)?;
                self.validate_expr(stage, b, guarded, there)
            }
            Cond::All(parts) | Cond::Any(parts) => {
                parts.iter().try_for_each(|part| self.validate_cond(stage, part, guarded, there))
            }
        }
    }
}
