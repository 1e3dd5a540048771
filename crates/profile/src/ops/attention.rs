//! Scaled dot-product attention: libtorch's function where it gives all that is asked; scores that are wanted
//! themselves, or bent before the softmax, are computed one operation after the other.

use tachograph_ir::{Call, OpError};
use tch::{Kind, TchError, Tensor};

use super::{Args, Kernel};

/// What the operands are, and what is done with them.
pub(super) struct Attention {
    heads: i64,
    key_heads: i64,
    scale: Option<f64>,
    causal: bool,
    softcap: f64,
    /// Keys before and after a query that it sees; −1 for all.
    window: [i64; 2],
    /// After which step scores are a result.
    scores: Option<i64>,
    mask: usize,
    past: usize,
    /// Operand with the number of valid keys of each sequence.
    valid: Option<usize>,
    /// Operand that says of each sequence which keys count, or how many.
    key_mask: Option<usize>,
    /// Operand that is added to queries, keys and values before they are split.
    bias: Option<usize>,
    /// Operand 1 is a weight that makes queries, keys and values of operand 0.
    projects: bool,
}

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let name = call.node.op.name();
    let projects = name == "Attention" && call.attrs().contains_key("num_heads");
    let standard = name == "Attention" && !projects;
    if !standard && !projects && name != "MultiHeadAttention" {
        return Ok(None);
    }
    let heads = |attribute, operand: usize| -> Result<i64, OpError> {
        let shape = call.shape(operand)?;
        Ok(if shape.len() == 4 { shape[1] as i64 } else { call.int(attribute, 1).max(1) })
    };
    let refuse = |what: &str| Err(OpError::Invalid(format!("{what} has no kernel")));
    let wanted = |i: usize| call.node.outputs.get(i).is_some_and(Option::is_some);
    let (heads, key_heads) = match (standard, projects) {
        (true, _) => (heads("q_num_heads", 0)?, heads("kv_num_heads", 1)?),
        _ => (call.int("num_heads", 1).max(1), call.int("num_heads", 1).max(1)),
    };
    if projects && ((5..7).any(|i| call.optional(i).is_some()) || call.list("qkv_hidden_sizes").is_some()) {
        return refuse("ONNX Runtime's attention with a bias of scores, a past in place or extents of its own");
    }
    let key_mask = if standard { None } else { Some(if projects { 3 } else { 4 }) };
    let key_mask = key_mask.filter(|&i| call.optional(i).is_some());
    let batch = call.shape(0)?.first().copied();
    if let Some(mask) = key_mask {
        match call.shape(mask)? {
            [_, _] => {}
            [n] if Some(*n) == batch => {}
            mask => return Err(format!("a mask {mask:?} has no kernel").into()),
        }
    }
    let causal = call.int(if standard { "is_causal" } else { "unidirectional" }, 0) != 0;
    let scale = call.node.float("scale").filter(|&s| s != 0.0);
    let attention = Attention {
        heads,
        key_heads,
        scale,
        causal,
        softcap: call.float("softcap", 0.0),
        window: [call.int("left_window_size", -1), call.int("right_window_size", -1)],
        scores: (standard && wanted(3)).then(|| call.int("qk_matmul_output_mode", 0)),
        mask: if standard { 3 } else { 5 },
        past: if standard || projects { 4 } else { 6 },
        valid: standard.then_some(6).filter(|&i| call.optional(i).is_some()),
        key_mask,
        bias: (!standard && !projects).then_some(3).filter(|&i| call.optional(i).is_some()),
        projects,
    };
    Ok(Some(Box::new(move |x| attention.run(x))))
}

impl Attention {
    /// Each query sees the keys up to its own, or so many of them.
    pub fn causal(heads: i64, key_heads: i64, scale: Option<f64>, window: i64) -> Self {
        Self {
            heads,
            key_heads,
            scale,
            causal: true,
            softcap: 0.0,
            window: [if window > 0 { window - 1 } else { -1 }, -1],
            scores: None,
            mask: 3,
            past: 4,
            valid: None,
            key_mask: None,
            bias: None,
            projects: false,
        }
    }

    /// The result, keys and values with the past, then the scores that are asked for.
    pub fn run(&self, x: &Args<'_>) -> Result<Vec<Tensor>, TchError> {
        let parts = if self.projects {
            let y = x.get(0)?.f_matmul(x.get(1)?)?;
            x.optional(2).map(|b| y.f_add(b)).transpose()?.unwrap_or(y).f_chunk(3, -1)?
        } else {
            [0, 1, 2].into_iter().map(|i| x.get(i).map(Tensor::shallow_clone)).collect::<Result<_, _>>()?
        };
        let parts = match self.bias {
            Some(i) => {
                let (widths, bias) = (parts.iter().map(|t| t.size()[2]).collect::<Vec<i64>>(), x.get(i)?);
                let biases = bias.f_split_with_sizes(widths, 0)?;
                parts.iter().zip(&biases).map(|(t, b)| t.f_add(b)).collect::<Result<Vec<_>, _>>()?
            }
            None => parts,
        };
        let flat = parts[0].dim() == 3;
        let split = |t: &Tensor, heads: i64| match *t.size() {
            [batch, length, width] => t.f_reshape([batch, length, heads, width / heads])?.f_transpose(1, 2),
            _ => Ok(t.shallow_clone()),
        };
        let with_past = |t: Tensor, i: usize| match self.past(x, i)? {
            Some(past) => Tensor::f_cat(&[past, t], 2),
            None => Ok(t),
        };
        let q = split(&parts[0], self.heads)?;
        let k = with_past(split(&parts[1], self.key_heads)?, 0)?;
        let v = with_past(split(&parts[2], self.key_heads)?, 1)?;
        let mask = x.optional(self.mask);
        let masked = self.valid.is_some() || self.key_mask.is_some();
        let simple = x.optional(self.past).is_none() && !masked && self.window == [-1, -1];
        let grouped = self.heads != self.key_heads;
        let (y, scores) = if self.softcap == 0.0 && self.scores.is_none() {
            // libtorch masks what comes after a query by itself, if nothing else is masked.
            let causal = self.causal && simple && mask.is_none();
            let bias = if causal { None } else { self.bias(x, &q, &k)? };
            let y = Tensor::f_scaled_dot_product_attention(&q, &k, &v, bias, 0.0, causal, self.scale, grouped)?;
            (y, None)
        } else {
            self.steps(&q, &k, &v, self.bias(x, &q, &k)?)?
        };
        let size = y.size();
        let y = if flat { y.f_transpose(1, 2)?.f_reshape([size[0], size[2], size[1] * size[3]])? } else { y };
        if self.projects {
            return Ok(vec![y, Tensor::f_stack(&[k, v], 0)?]);
        }
        Ok([y, k, v].into_iter().chain(scores).collect())
    }

    /// Earlier keys (0) or values (1); where the projection is inside, they lie in one tensor.
    fn past(&self, x: &Args<'_>, which: usize) -> Result<Option<Tensor>, TchError> {
        if self.projects {
            return x.optional(self.past).map(|past| past.f_select(0, which as i64)).transpose();
        }
        Ok(x.optional(self.past + which).map(Tensor::shallow_clone))
    }

    /// What is masked: truth values, or numbers that are added to the scores.
    fn bias(&self, x: &Args<'_>, q: &Tensor, k: &Tensor) -> Result<Option<Tensor>, TchError> {
        let (queries, keys) = (q.size()[2], k.size()[2]);
        let mask = match x.optional(self.mask) {
            Some(mask) => {
                let missing = keys - mask.size().last().copied().unwrap_or(keys);
                let fill = if mask.kind() == Kind::Bool { 0.0 } else { f64::NEG_INFINITY };
                Some(if missing > 0 { mask.f_pad([0, missing], "constant", fill)? } else { mask.shallow_clone() })
            }
            None => None,
        };
        let [before, after] = self.window;
        if !self.causal && self.valid.is_none() && self.key_mask.is_none() && before < 0 && after < 0 {
            return Ok(mask);
        }
        let valid = match self.valid {
            Some(i) => Some(x.get(i)?.f_to_kind(Kind::Int64)?.f_reshape([-1, 1, 1, 1])?),
            None => None,
        };
        let count = |n: i64| Tensor::f_arange(n, (Kind::Int64, q.device()));
        let columns = count(keys)?;
        let rows = count(queries)?.f_unsqueeze(-1)?;
        let rows = match (self.past(x, 0)?, &valid) {
            (Some(past), _) => rows.f_add_scalar(past.size()[2])?,
            (None, Some(valid)) => rows.f_add(valid)?.f_sub_scalar(queries)?,
            (None, None) => rows,
        };
        let distance = rows.f_sub(&columns)?;
        let mut allowed = distance.f_ones_like()?.f_to_kind(Kind::Bool)?;
        if self.causal {
            allowed = allowed.f_logical_and(&distance.f_ge(0)?)?;
        }
        if before >= 0 {
            allowed = allowed.f_logical_and(&distance.f_le(before)?)?;
        }
        if after >= 0 {
            allowed = allowed.f_logical_and(&distance.f_ge(-after)?)?;
        }
        if let Some(valid) = &valid {
            allowed = allowed.f_logical_and(&columns.f_lt_tensor(valid)?)?;
        }
        if let Some(i) = self.key_mask {
            let counted = x.get(i)?;
            let counted = match counted.dim() {
                1 => columns.f_lt_tensor(&counted.f_reshape([-1, 1, 1, 1])?)?,
                _ => counted.f_ne(0)?.f_unsqueeze(1)?.f_unsqueeze(1)?,
            };
            allowed = allowed.f_logical_and(&counted)?;
        }
        Ok(Some(match mask {
            Some(mask) if mask.kind() == Kind::Bool => mask.f_logical_and(&allowed)?,
            Some(mask) => mask.f_masked_fill(&allowed.f_logical_not()?, f64::NEG_INFINITY)?,
            None => allowed,
        }))
    }

    /// One operation after the other, with the scores after the step that is asked for.
    fn steps(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        bias: Option<Tensor>,
    ) -> Result<(Tensor, Option<Tensor>), TchError> {
        let repeat = |t: &Tensor| match self.heads / self.key_heads {
            1 => Ok(t.shallow_clone()),
            times => t.f_repeat_interleave_self_int(times, 1, None),
        };
        let depth = q.size().last().copied().unwrap_or(1) as f64;
        let scale = self.scale.unwrap_or(1.0 / depth.sqrt());
        let mut steps = vec![q.f_mul_scalar(scale)?.f_matmul(&repeat(k)?.f_transpose(-1, -2)?)?];
        let bent = match self.softcap {
            0.0 => steps[0].shallow_clone(),
            cap => steps[0].f_div_scalar(cap)?.f_tanh()?.f_mul_scalar(cap)?,
        };
        let masked = match bias {
            Some(bias) if bias.kind() == Kind::Bool => bent.f_masked_fill(&bias.f_logical_not()?, f64::NEG_INFINITY)?,
            Some(bias) => bent.f_add(&bias)?,
            None => bent.shallow_clone(),
        };
        // A query that sees no key gets nothing.
        let weights = masked.f_softmax(-1, None)?.f_nan_to_num(0.0, None, None)?;
        let y = weights.f_matmul(&repeat(v)?)?;
        steps.extend([bent, masked, weights]);
        let wanted = self.scores.and_then(|mode| usize::try_from(mode).ok()).and_then(|mode| steps.get(mode));
        Ok((y, wanted.map(Tensor::shallow_clone)))
    }
}
