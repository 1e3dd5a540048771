//! Quantised operators. libtorch computes in floating point here: what is quantised is brought to numbers, the operator
//! runs on those, and its result is rounded back. Its engines for quantised tensors run on some processors alone and
//! take scales that are known in advance.

use tachograph_ir::{Call, DType, OpError};
use tch::{Kind, TchError, Tensor};

use super::{Args, Kernel, axis, conv, kind, rank};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    Ok(Some(match call.node.op.name() {
        "QuantizeLinear" => quantise(call)?,
        "DequantizeLinear" => dequantise(call)?,
        "DynamicQuantizeLinear" => Box::new(|x| dynamic(x.get(0)?)),
        "MatMulInteger" => {
            let (a, b) = (call.dtype(0)?, call.dtype(1)?);
            Box::new(move |x| {
                let a = shifted(numbers(x.get(0)?, a, Kind::Double)?, x.optional(2), -1)?;
                let b = shifted(numbers(x.get(1)?, b, Kind::Double)?, x.optional(3), 0)?;
                Ok(vec![a.f_matmul(&b)?.f_to_kind(Kind::Int)?])
            })
        }
        "ConvInteger" => {
            let ([a, b], conv) = ([call.dtype(0)?, call.dtype(1)?], conv::function(call)?);
            Box::new(move |x| {
                let data = shifted(numbers(x.get(0)?, a, Kind::Float)?, x.optional(2), 0)?;
                let weight = shifted(numbers(x.get(1)?, b, Kind::Float)?, x.optional(3), -1)?;
                Ok(vec![conv(&data, &weight, None)?.f_to_kind(Kind::Int)?])
            })
        }
        "QLinearMatMul" => {
            let (types, target) = ([call.dtype(0)?, call.dtype(3)?], Target::new(call.dtype(7)?)?);
            Box::new(move |x| {
                let a = scaled(x, 0, types[0], -1)?;
                let y = a.f_matmul(&scaled(x, 3, types[1], 0)?)?;
                Ok(vec![target.of(&y, x.get(6)?, x.optional(7))?])
            })
        }
        "QLinearConv" => {
            let (types, conv) = ([call.dtype(0)?, call.dtype(3)?], conv::function(call)?);
            let target = Target::new(call.dtype(7)?)?;
            Box::new(move |x| {
                let (data, weight) = (scaled(x, 0, types[0], 0)?, scaled(x, 3, types[1], -1)?);
                // The bias counts in units of both scales.
                let unit = x.get(1)?.f_mul(x.get(4)?)?;
                let bias = x.optional(8).map(|b| b.f_to_kind(Kind::Float)?.f_mul(&unit)).transpose()?;
                Ok(vec![target.of(&conv(&data, &weight, bias.as_ref())?, x.get(6)?, x.optional(7))?])
            })
        }
        _ => return Ok(None),
    }))
}

/// Elements as floating-point numbers.
pub(super) fn numbers(t: &Tensor, dtype: DType, kind: Kind) -> Result<Tensor, TchError> {
    let t = t.f_to_kind(kind)?;
    // libtorch holds the 16 bits with a sign.
    if dtype == DType::U16 { t.f_remainder(65536.0) } else { Ok(t) }
}

/// `t` less its zero point, which lies along all of an axis before `from` the end (−1: the axis before the last), or
/// along the last (0), where it has several elements.
pub(super) fn shifted(t: Tensor, zero: Option<&Tensor>, from: i64) -> Result<Tensor, TchError> {
    match zero {
        Some(zero) => t.f_sub(&along(zero, t.kind(), t.dim() as i64, from)?),
        None => Ok(t),
    }
}

pub(super) fn along(setting: &Tensor, kind: Kind, rank: i64, from: i64) -> Result<Tensor, TchError> {
    let setting = setting.f_to_kind(kind)?;
    let several = setting.dim() == 1 && setting.numel() > 1;
    match (several, from) {
        (true, -1) => {
            // Rows of a matrix, or the channels that a weight begins with.
            let after = if rank == 2 { 1 } else { rank - 1 };
            let mut shape = vec![-1];
            shape.resize(1 + after as usize, 1);
            setting.f_reshape(&shape)
        }
        _ => Ok(setting),
    }
}

/// Operand `i` with the scale and the zero point that follow it.
pub(super) fn scaled(x: &Args<'_>, i: usize, dtype: DType, from: i64) -> Result<Tensor, TchError> {
    let t = shifted(numbers(x.get(i)?, dtype, Kind::Float)?, x.optional(i + 2), from)?;
    t.f_mul(&along(x.get(i + 1)?, Kind::Float, t.dim() as i64, from)?)
}

/// What a result is rounded to.
#[derive(Clone, Copy)]
pub(super) struct Target {
    low: f64,
    high: f64,
    kind: Kind,
}

impl Target {
    pub fn new(dtype: DType) -> Result<Self, OpError> {
        let (low, high) = match dtype {
            DType::I4 => (-8.0, 7.0),
            DType::U4 => (0.0, 15.0),
            DType::I8 => (-128.0, 127.0),
            DType::U8 => (0.0, 255.0),
            DType::I16 => (-32768.0, 32767.0),
            DType::U16 => (0.0, 65535.0),
            // The last number below 2³¹ that a float holds.
            DType::I32 => (-2_147_483_648.0, 2_147_483_520.0),
            _ => return Err(format!("libtorch does not round to {dtype}").into()),
        };
        let kind = kind(dtype).ok_or_else(|| OpError::Invalid(format!("libtorch has no {dtype}")))?;
        Ok(Self { low, high, kind })
    }

    /// Rounded numbers in the type of the result.
    pub fn round(self, y: &Tensor) -> Result<Tensor, TchError> {
        let y = y.f_round()?.f_clamp(self.low, self.high)?;
        // Beyond what the type holds with a sign, only whole numbers wrap.
        if self.high == 65535.0 { y.f_to_kind(Kind::Int)?.f_to_kind(self.kind) } else { y.f_to_kind(self.kind) }
    }

    /// Numbers divided by a scale and moved by a zero point, rounded.
    pub fn of(self, y: &Tensor, scale: &Tensor, zero: Option<&Tensor>) -> Result<Tensor, TchError> {
        let y = y.f_div(&scale.f_to_kind(y.kind())?)?.f_round()?;
        self.round(&match zero {
            Some(zero) => {
                y.f_add(&numbers(zero, if self.high == 65535.0 { DType::U16 } else { DType::I32 }, y.kind())?)?
            }
            None => y,
        })
    }
}

/// How scale and zero point lie along the operand: one for all, along an axis, or one for a block of elements.
fn spread(call: &Call<'_>) -> Result<impl Fn(&Tensor) -> Result<Tensor, TchError> + Send + 'static, OpError> {
    let (rank, shape) = (rank(call, 0)?, call.shape(0)?.to_vec());
    let (scale, block) = (call.shape(1)?.to_vec(), call.int("block_size", 0));
    let axis =
        if scale.is_empty() { 0 } else { axis(call, 1).or_else(|e| if scale == [1] { Ok(0) } else { Err(e) })? };
    let extent = shape.get(axis as usize).map_or(1, |&n| n as i64);
    Ok(move |t: &Tensor| match scale.len() {
        0 => Ok(t.shallow_clone()),
        1 if block == 0 => {
            let mut shape = vec![1; rank.max(1) as usize];
            shape[axis as usize] = -1;
            t.f_reshape(&shape)
        }
        _ if block > 0 => t.f_repeat_interleave_self_int(block, axis, None)?.f_narrow(axis, 0, extent),
        _ => Ok(t.shallow_clone()),
    })
}

fn quantise(call: &Call<'_>) -> Result<Kernel, OpError> {
    let output = call.outputs.first().ok_or(OpError::Unknown)?.dtype;
    let (target, spread) = (Target::new(output)?, spread(call)?);
    Ok(Box::new(move |x| {
        let scale = spread(x.get(1)?)?;
        let zero = x.optional(2).map(&spread).transpose()?;
        Ok(vec![target.of(x.get(0)?, &scale, zero.as_ref())?])
    }))
}

fn dequantise(call: &Call<'_>) -> Result<Kernel, OpError> {
    let (dtype, spread) = (call.dtype(0)?, spread(call)?);
    if kind(dtype).is_none() {
        return Err(format!("libtorch has no {dtype}").into());
    }
    let output = call.outputs.first().and_then(|f| kind(f.dtype)).ok_or(OpError::Unknown)?;
    Ok(Box::new(move |x| {
        let mut y = numbers(x.get(0)?, dtype, Kind::Float)?;
        if let Some(zero) = x.optional(2) {
            y = y.f_sub(&spread(&numbers(zero, dtype, Kind::Float)?)?)?;
        }
        Ok(vec![y.f_mul(&spread(x.get(1)?)?)?.f_to_kind(output)?])
    }))
}

pub(super) fn dynamic(x: &Tensor) -> Result<Vec<Tensor>, TchError> {
    let (low, high) = (x.f_min()?.f_clamp_max(0.0)?, x.f_max()?.f_clamp_min(0.0)?);
    let scale = high.f_sub(&low)?.f_div_scalar(255.0)?;
    let zero = low.f_neg()?.f_div(&scale)?.f_round()?.f_clamp(0.0, 255.0)?;
    let y = x.f_div(&scale)?.f_round()?.f_add(&zero)?.f_clamp(0.0, 255.0)?;
    Ok(vec![y.f_to_kind(Kind::Uint8)?, scale, zero.f_to_kind(Kind::Uint8)?])
}
