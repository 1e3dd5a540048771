//! The oracle: runs a workload as it is written, element by element, in double precision. Every other way to run it is
//! held to this one.

use std::collections::HashMap;

use tachograph_ir::DType;

use crate::{BufferId, Cond, Error, Expr, Index, Result, Stage, Workload};

/// Elements of tensors as numbers, row-major.
pub type Data = HashMap<BufferId, Vec<f64>>;

/// The number as its type can hold it.
pub fn round(dtype: DType, x: f64) -> f64 {
    let integer = |min: f64, max: f64| if x.is_nan() { 0.0 } else { x.trunc().clamp(min, max) };
    match dtype {
        DType::F64 => x,
        DType::Bool => f64::from(x != 0.0),
        DType::I64 | DType::U64 => integer(-9.2e18, 9.2e18),
        DType::I32 => integer(i32::MIN.into(), i32::MAX.into()),
        DType::I16 => integer(i16::MIN.into(), i16::MAX.into()),
        DType::I8 => integer(i8::MIN.into(), i8::MAX.into()),
        DType::U32 => integer(0.0, u32::MAX.into()),
        DType::U16 => integer(0.0, u16::MAX.into()),
        DType::U8 => integer(0.0, u8::MAX.into()),
        _ => f64::from(x as f32),
    }
}

impl Workload {
    /// Runs it. `given` has the elements of every input and weight that is read; the result has those and every stage.
    ///
    /// Sums are made in double precision and rounded to the type of a stage once, so a kernel may differ by the
    /// rounding of its type.
    ///
    /// # Errors
    /// An input that is missing or has another number of elements; a read outside of a buffer.
    pub fn run(&self, given: &Data) -> Result<Data> {
        let mut data = Data::new();
        for id in self.inputs().filter(|&id| !self.readers(id).is_empty()) {
            let buffer = self.buffer(id);
            let elements = given.get(&id).ok_or_else(|| Error::data(&buffer.name, "is not given"))?;
            if elements.len() as u64 != buffer.elements() {
                let message = format!("{} elements given for {:?}", elements.len(), buffer.shape);
                return Err(Error::data(&buffer.name, message));
            }
            data.insert(id, elements.iter().map(|&x| round(buffer.dtype, x)).collect());
        }
        for stage in &self.stages {
            let result = self.run_stage(stage, &data)?;
            data.insert(stage.buffer, result);
        }
        Ok(data)
    }

    fn run_stage(&self, stage: &Stage, data: &Data) -> Result<Vec<f64>> {
        let buffer = self.buffer(stage.buffer);
        let spatial: Vec<u64> = stage.spatial.iter().map(|axis| axis.extent).collect();
        let reduction: Vec<u64> = stage.reduction.iter().map(|axis| axis.extent).collect();
        let mut result = Vec::with_capacity(buffer.elements() as usize);
        let mut at = vec![0i64; stage.rank()];
        let mut positions = Positions::new(&spatial);
        while let Some(position) = positions.next() {
            at[..spatial.len()].copy_from_slice(position);
            let value = match stage.reducer {
                Some(reducer) if !reduction.is_empty() => {
                    let mut sum = reducer.identity();
                    let mut inner = Positions::new(&reduction);
                    while let Some(position) = inner.next() {
                        at[spatial.len()..].copy_from_slice(position);
                        sum = reducer.binary().apply(sum, self.value(&stage.value, &at, data)?);
                    }
                    sum
                }
                _ => self.value(&stage.value, &at, data)?,
            };
            result.push(round(buffer.dtype, value));
        }
        Ok(result)
    }

    fn value(&self, expr: &Expr, at: &[i64], data: &Data) -> Result<f64> {
        let value = |expr: &Expr| self.value(expr, at, data);
        Ok(match expr {
            Expr::Const(number) => *number,
            Expr::Index(index) => index.value(at) as f64,
            Expr::Load(buffer, index) => self.read(*buffer, index, at, None, data)?,
            Expr::Lookup { buffer, axis, position, index } => {
                let position = value(position)? as i64;
                self.read(*buffer, index, at, Some((*axis, position)), data)?
            }
            Expr::Table(values, index) => {
                let found = usize::try_from(index.value(at)).ok().and_then(|i| values.get(i));
                *found.ok_or_else(|| Error::data("table", "is read outside"))?
            }
            Expr::Unary(function, a) => function.apply(value(a)?),
            Expr::Binary(function, a, b) => function.apply(value(a)?, value(b)?),
            Expr::Select(cond, a, b) => match self.holds(cond, at, data)? {
                true => value(a)?,
                false => value(b)?,
            },
            Expr::Cast(dtype, a) => round(*dtype, value(a)?),
        })
    }

    fn holds(&self, cond: &Cond, at: &[i64], data: &Data) -> Result<bool> {
        Ok(match cond {
            Cond::In(index, min, max) => (*min..*max).contains(&index.value(at)),
            Cond::Order(a, b) => a.value(at) <= b.value(at),
            Cond::Compare(how, a, b) => how.apply(self.value(a, at, data)?, self.value(b, at, data)?),
            Cond::All(parts) => {
                for part in parts {
                    if !self.holds(part, at, data)? {
                        return Ok(false);
                    }
                }
                true
            }
            Cond::Any(parts) => {
                for part in parts {
                    if self.holds(part, at, data)? {
                        return Ok(true);
                    }
                }
                false
            }
        })
    }

    fn read(&self, id: BufferId, index: &[Index], at: &[i64], given: Option<(usize, i64)>, data: &Data) -> Result<f64> {
        let buffer = self.buffer(id);
        let mut flat = 0i64;
        for (axis, (index, &extent)) in index.iter().zip(&buffer.shape).enumerate() {
            let i = match given {
                Some((looked, position)) if looked == axis => position,
                _ => index.value(at),
            };
            if i < 0 || i >= extent as i64 {
                return Err(Error::data(&buffer.name, format!("is read at {i} along axis {axis} of {extent}")));
            }
            flat = flat * extent as i64 + i;
        }
        let found = data.get(&id).and_then(|elements| elements.get(flat as usize));
        found.copied().ok_or_else(|| Error::data(&buffer.name, "is not there"))
    }
}

/// Every position in extents, row-major.
pub(crate) struct Positions<'a> {
    extents: &'a [u64],
    at: Vec<i64>,
    state: State,
}

enum State {
    Fresh,
    Running,
    Done,
}

impl<'a> Positions<'a> {
    pub fn new(extents: &'a [u64]) -> Self {
        let state = if extents.contains(&0) { State::Done } else { State::Fresh };
        Self { extents, at: vec![0; extents.len()], state }
    }

    /// The next one. No iterator, so that nothing is copied.
    pub fn next(&mut self) -> Option<&[i64]> {
        match self.state {
            State::Done => return None,
            State::Fresh => self.state = State::Running,
            State::Running => {
                let mut axis = self.extents.len();
                loop {
                    if axis == 0 {
                        self.state = State::Done;
                        return None;
                    }
                    axis -= 1;
                    self.at[axis] += 1;
                    if self.at[axis] < self.extents[axis] as i64 {
                        break;
                    }
                    self.at[axis] = 0;
                }
            }
        }
        Some(&self.at)
    }
}
