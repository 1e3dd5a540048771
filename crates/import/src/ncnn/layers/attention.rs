//! `MultiHeadAttention`: projections with bias, attention, projection. Keys: 0 features, 1 heads, 2 elements of a
//! projection's weight, 3 and 4 features of keys and values, 5 mask, 7 cache (heads, length, depth), 18 how weights are quantised. `SDPA`: the
//! attention alone, of (heads, length, depth); 5 mask, 7 cache. `RotaryEmbed`: 0 pairs of neighbours.

use tachograph_ir::{Attr, DType, OpType, TensorId, attrs};

use super::{Blob, Layer, Net, Result, dense::quantised, none};

/// Operands by their meaning: query, key and value, of which the last may be left out; then a mask and a cache as the
/// keys say.
#[derive(Clone, Copy)]
pub(super) struct Places {
    pub key: usize,
    pub value: usize,
    pub mask: Option<usize>,
    pub cache: Option<usize>,
}

impl Places {
    pub fn new(layer: &Layer) -> Result<Self> {
        let (mask, cache) = (layer.int(5, 0)? != 0, layer.int(7, 0)? != 0);
        let extra = usize::from(mask) + 2 * usize::from(cache);
        let given = layer.inputs.len().checked_sub(extra).filter(|n| (1..=3).contains(n));
        let given = given.ok_or_else(|| format!("{} operands", layer.inputs.len()))?;
        let mask = mask.then_some(given);
        let cache = cache.then_some(given + usize::from(mask.is_some()));
        Ok(Self { key: usize::from(given > 1), value: given - 1, mask, cache })
    }
}

pub(super) fn attention(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<()> {
    let (features, heads) = (layer.size(0, 0)?, layer.size(1, 1)?);
    let places = Places::new(layer)?;
    let of = |place: usize| operands.get(place).map(|blob| blob.id).ok_or("lacks an operand");
    let (width, key_width) = (layer.size(2, 0)? / features, layer.size(3, features as i64)?);
    let value_width = layer.size(4, features as i64)?;
    let query = linear(net, layer, "query", of(0)?, [width, features])?;
    let by_head = places.cache.and_then(|cache| operands.get(cache)).is_some_and(|cache| cache.rank == 4);
    // Of another sequence, the cache holds keys and values already.
    let (mut key, mut value) = match places.cache {
        Some(cache) if places.key > 0 => (of(cache)?, of(cache + 1)?),
        _ => {
            let key = linear(net, layer, "key", of(places.key)?, [key_width, features])?;
            (key, linear(net, layer, "value", of(places.value)?, [value_width, features])?)
        }
    };
    let mut caches = Vec::new();
    if by_head && let Some(cache) = places.cache {
        let mut inputs = vec![Some(query), Some(key), Some(value), places.mask.map(of).transpose()?];
        if places.key == 0 {
            inputs.extend([Some(of(cache)?), Some(of(cache + 1)?)]);
        }
        let heads = ["q_num_heads", "kv_num_heads"].map(|name| (name, Attr::Int(heads as i64)));
        let found = net.nodes(layer, OpType::new("Attention"), inputs, attrs(heads), 3);
        let id = linear(net, layer, "out", found[0], [features, width])?;
        net.define(layer, 0, Blob { id, rank: 3 })?;
        let caches = if places.key == 0 { found[1..].to_vec() } else { vec![key, value] };
        return states(net, layer, operands, caches, 4);
    }
    if let Some(cache) = places.cache {
        // Until 2026 a cache was (features, length).
        let turn = attrs([("perm", Attr::Ints(vec![0, 2, 1]))]);
        for (id, place) in [(&mut key, cache), (&mut value, cache + 1)] {
            if places.key == 0 {
                let now = net.node(layer, "Transpose", &[*id], turn.clone());
                *id = net.node(layer, "Concat", &[of(place)?, now], attrs([("axis", Attr::Int(2))]));
            }
            caches.push(*id);
            *id = net.node(layer, "Transpose", &[*id], turn.clone());
        }
    }
    let op = OpType::with_domain("com.microsoft", "MultiHeadAttention");
    let mut inputs = vec![Some(query), Some(key), Some(value)];
    if let Some(mask) = places.mask {
        inputs.extend([None, None, Some(of(mask)?)]);
    }
    let heads = attrs([("num_heads", Attr::Int(heads as i64))]);
    let mixed = net.nodes(layer, op, inputs, heads, 1)[0];
    let id = linear(net, layer, "out", mixed, [features, width])?;
    net.define(layer, 0, Blob { id, rank: 3 })?;
    states(net, layer, operands, caches, 3)
}

/// Declares caches as further results, or as other names of the operands that they are.
fn states(net: &mut Net, layer: &Layer, operands: &[Blob], caches: Vec<TensorId>, rank: usize) -> Result<()> {
    (1..layer.outputs.len()).zip(caches).try_for_each(|(slot, id)| match operands.iter().any(|blob| blob.id == id) {
        true => net.alias(layer, slot, Blob { id, rank }),
        false => net.define(layer, slot, Blob { id, rank }),
    })
}

fn linear(net: &mut Net, layer: &Layer, what: &str, x: TensorId, shape: [u64; 2]) -> Result<TensorId> {
    let weight = net.weight(layer, &format!("{what}.weight"), quantised(layer)?, &shape);
    let y = net.node(layer, "MatMul", &[x, weight], none());
    let bias = net.weight(layer, &format!("{what}.bias"), DType::F32, &shape[1..]);
    Ok(net.node(layer, "Add", &[y, bias], none()))
}

pub(super) fn dot_product(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<()> {
    let places = Places::new(layer)?;
    let of = |place: usize| operands.get(place).map(|blob| blob.id);
    let mut inputs = vec![of(0), of(places.key), of(places.value), places.mask.and_then(of)];
    if let Some(cache) = places.cache {
        inputs.extend([of(cache), of(cache + 1)]);
    }
    let results = if places.cache.is_some() { 3 } else { 1 };
    let ids = net.nodes(layer, OpType::new("Attention"), inputs, none(), results);
    ids.into_iter()
        .take(layer.outputs.len())
        .enumerate()
        .try_for_each(|(slot, id)| net.define(layer, slot, Blob { id, rank: 4 }))
}

/// Operands: data of (heads, length, depth), then cosines and sines of (length, half the depth).
pub(super) fn rotary(net: &mut Net, layer: &Layer, [x, cos, sin]: [Blob; 3]) -> Result<Blob> {
    let pairs = attrs([("interleaved", Attr::Int(i64::from(layer.int(0, 0)? != 0)))]);
    Ok(net.like(layer, "RotaryEmbedding", x, &[cos.id, sin.id], pairs))
}
