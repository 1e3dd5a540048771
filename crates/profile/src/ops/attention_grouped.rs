//! ONNX Runtime's attention of language models, in which groups of query heads share a head of keys and values, and its
//! embeddings in front of them.

use tachograph_ir::{Call, OpError};
use tch::{Kind, Tensor};

use super::{Args, Kernel, attention::Attention, output_shape, rotary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    match call.node.op.name() {
        "GroupQueryAttention" => grouped(call).map(Some),
        "EmbedLayerNormalization" => embed(call).map(Some),
        _ => Ok(None),
    }
}

/// Queries, keys and values apart or packed, rotated, after the past; every position sees what came before.
fn grouped(call: &Call<'_>) -> Result<Kernel, OpError> {
    let (heads, key_heads) = (call.int("num_heads", 1).max(1), call.int("kv_num_heads", 1).max(1));
    let packed = call.optional(1).is_none();
    let past = call.optional(3).and_then(|f| f.shape.as_ref()?.get(2).copied()).unwrap_or(0) as i64;
    let length = call.shape(0)?.get(1).copied().ok_or(OpError::Unknown)? as i64;
    let cache = output_shape(call, 1)?.get(2).copied().ok_or(OpError::Unknown)?;
    // How many keys there are in the end; a cache with room for them is written in place of growing.
    let total = match call.ints(6) {
        Ok(&[total]) if total <= cache && total >= length => total,
        _ => past + length,
    };
    let (grows, start) = (cache == past + length, total - length);
    if !grows && (cache != past || total > past) || grows && start != past {
        return Err(format!("{total} keys in a cache of {cache} after {past} have no kernel").into());
    }
    let bent = call.float("softcap", 0.0) != 0.0 || call.int("smooth_softmax", 0) != 0;
    if bent || (9..14).any(|i| call.optional(i).is_some()) {
        return Err(OpError::Invalid("a bias, a sink, positions or a softmax of its own has no kernel".into()));
    }
    let (rotates, interleaved) = (call.int("do_rotary", 0) != 0, call.int("rotary_interleaved", 0) != 0);
    let window = call.int("local_window_size", -1);
    let scale = call.node.float("scale").filter(|&s| s != 0.0);
    let attention = Attention::causal(heads, key_heads, scale, window);
    Ok(Box::new(move |x| {
        let split = |t: &Tensor, heads: i64| {
            let size = t.size();
            t.f_reshape([size[0], size[1], heads, -1])
        };
        let (q, k, v) = if packed {
            let all = split(x.get(0)?, heads + 2 * key_heads)?;
            let part = |first: i64, n: i64| all.f_narrow(2, first, n);
            (part(0, heads)?, part(heads, key_heads)?, part(heads + key_heads, key_heads)?)
        } else {
            (split(x.get(0)?, heads)?, split(x.get(1)?, key_heads)?, split(x.get(2)?, key_heads)?)
        };
        let (q, k) = if rotates {
            let row = |i: usize| x.get(i)?.f_narrow(0, start, length)?.f_unsqueeze(0)?.f_unsqueeze(2);
            let (cos, sin) = (row(7)?, row(8)?);
            (rotary::rotate(&q, &cos, &sin, interleaved)?, rotary::rotate(&k, &cos, &sin, interleaved)?)
        } else {
            (q, k)
        };
        let apart = [q.f_transpose(1, 2)?, k.f_transpose(1, 2)?, v.f_transpose(1, 2)?];
        let [q, k, v] = &apart;
        let earlier = |i: usize| x.optional(i).map(|t| t.f_narrow(2, 0, start)).transpose();
        let (old_k, old_v) = (earlier(3)?, earlier(4)?);
        let mut results = attention.run(&Args(&[Some(q), Some(k), Some(v), None, old_k.as_ref(), old_v.as_ref()]))?;
        if !grows {
            results[1] = x.get(3)?.f_slice_scatter(k, 2, start, total, 1)?;
            results[2] = x.get(4)?.f_slice_scatter(v, 2, start, total, 1)?;
        }
        let size = results[0].size();
        results[0] = results[0].f_transpose(1, 2)?.f_reshape([size[0], size[2], size[1] * size[3]])?;
        Ok(results)
    }))
}

/// Rows of the tables of words, positions and segments, added and normalised.
fn embed(call: &Call<'_>) -> Result<Kernel, OpError> {
    let (epsilon, width) = (call.float("epsilon", 1e-12), call.shape(2)?.last().copied().unwrap_or(1) as i64);
    if call.int("mask_index_type", 1) == 2 {
        return Err(OpError::Invalid("where sequences start and end has no kernel".into()));
    }
    Ok(Box::new(move |x| {
        let ids = x.get(0)?;
        let rows = |table: &Tensor, ids: &Tensor| Tensor::f_embedding(table, ids, -1, false, false);
        let (batch, length) = (ids.size()[0], ids.size()[1]);
        let positions = match x.optional(8) {
            Some(positions) => rows(x.get(3)?, positions)?,
            None => x.get(3)?.f_narrow(0, 0, length)?.f_unsqueeze(0)?,
        };
        let mut sum = rows(x.get(2)?, ids)?.f_add(&positions)?;
        if let (Some(segments), Some(table)) = (x.optional(1), x.optional(4)) {
            sum = sum.f_add(&rows(table, segments)?)?;
        }
        let lengths = match x.optional(7) {
            Some(mask) => mask.f_sum_dim_intlist(1, false, Kind::Int)?,
            None => Tensor::f_zeros([batch], (Kind::Int, ids.device()))?,
        };
        Ok(vec![sum.f_layer_norm([width], x.optional(5), x.optional(6), epsilon, true)?, lengths, sum])
    }))
}
