//! Products with a weight of few bits, packed in blocks with a scale each: (…, K) × (K, N) → (…, N).
//!
//! Attributes or the packed weight say what K and N are. The arithmetic is that of the product; taking the weight
//! apart is not counted, as nothing is for a weight of another type. The packed bytes are what is read of it.

use super::axes::{extents, product};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Work};

pub(super) struct MatMulNBits;

/// A positive attribute.
pub(super) fn positive(call: &Call<'_>, name: &str) -> Result<u64, OpError> {
    let n = call.int(name, 0);
    u64::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| OpError::Invalid(format!("{name} {n} is not positive")))
}

/// K and N.
fn inner(call: &Call<'_>) -> Result<[u64; 2], OpError> {
    let attributes = || Ok([positive(call, "K")?, positive(call, "N")?]);
    let matrix = || match call.shape(1)? {
        &[n, packed] => Ok([n, packed]),
        b => Err(OpError::Invalid(format!("weight {b:?} is no matrix"))),
    };
    match call.node.op.name() {
        // Without `transB` the weight is used the other way round.
        "MatMulBnb4" if call.int("transB", 1) == 0 => attributes().map(|[k, n]| [n, k]),
        "MatMulFpQ4" => match *extents(call.ints(2)?)? {
            [k, n] => Ok([k, n]),
            ref shape => Err(format!("weight of shape {shape:?} is no matrix").into()),
        },
        "MatMulBlockQuantizedFp4Weight" => {
            matrix().and_then(|[n, bytes]| Ok([bytes.checked_mul(2).ok_or_else(|| format!("{bytes} bytes a row"))?, n]))
        }
        "MatMulBlockQuantizedFp8Weight" => matrix().map(|[n, k]| [k, n]),
        _ => attributes(),
    }
}

/// Leading extents of (…, K), once K is checked.
pub(super) fn rows<'a>(call: &Call<'a>, k: u64) -> Result<&'a [u64], OpError> {
    match call.shape(0)? {
        [rows @ .., last] if *last == k => Ok(rows),
        x => Err(format!("{x:?} does not end with K = {k}").into()),
    }
}

impl Operator for MatMulNBits {
    fn names(&self) -> &'static [&'static str] {
        &[
            "MatMulBlockQuantizedFp4Weight",
            "MatMulBlockQuantizedFp8Weight",
            "MatMulBnb4",
            "MatMulFpQ4",
            "MatMulNBits",
            "MatMulNBitsQLoRA",
            "MatMulPacked",
        ]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let [k, n] = inner(call)?;
        Ok(vec![Fact::new(call.dtype(0)?, [rows(call, k)?, &[n]].concat())])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        const SETTING: Role = Role::Setting;
        let roles: &[Role] = match node.op.name() {
            "MatMulBlockQuantizedFp4Weight" => &[Role::Data, Role::Weight, SETTING, SETTING, SETTING, Role::Bias],
            "MatMulBlockQuantizedFp8Weight" => &[Role::Data, Role::Weight, SETTING, SETTING, Role::Bias],
            "MatMulFpQ4" => &[Role::Data, Role::Weight, Role::Shape],
            "MatMulNBits" => &[Role::Data, Role::Weight, SETTING, SETTING, SETTING, Role::Bias],
            "MatMulNBitsQLoRA" => &[Role::Data, Role::Weight, SETTING, Role::Weight, SETTING, Role::Weight, SETTING],
            _ => &[Role::Data, Role::Weight, SETTING],
        };
        roles.get(i).copied()
    }

    /// The adapter of the QLoRA form is two more products, of as many inner extents as it has rows.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let ([k, n], op) = (inner(call)?, call.node.op.name());
        let rows = product(rows(call, k)?.iter().copied())?;
        let rank = if op == "MatMulNBitsQLoRA" { call.shape(3)?.first().copied().unwrap_or(0) } else { 0 };
        let adapter = product([rank, k.saturating_add(n)])?;
        let mut work = Work::macs(product([k, n])?.checked_add(adapter).and_then(|each| each.checked_mul(rows)))?;
        let bias = (2..call.inputs.len()).find(|&i| self.operand(call.node, i) == Some(Role::Bias));
        if bias.is_some_and(|i| call.optional(i).is_some()) {
            work.flops = work.flops.saturating_add(product([rows, n])?);
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape};
    use crate::{Attr, Attrs, DType, Fact, attrs};

    fn sizes(k: i64, n: i64) -> Attrs {
        attrs([("K", Attr::Int(k)), ("N", Attr::Int(n)), ("bits", Attr::Int(4)), ("block_size", Attr::Int(32))])
    }

    fn bytes(shape: &[u64]) -> Fact {
        Fact::new(DType::U8, shape)
    }

    #[test]
    fn four_bits() {
        let inputs = [f32(&[1, 16, 1024]), bytes(&[4096, 32, 16]), f32(&[131_072])];
        let (facts, work) = run("MatMulNBits", sizes(1024, 4096), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[1, 16, 4096]), 67_108_864));
        // Half a byte a weight.
        assert_eq!(inputs[1].bytes(), Some(1024 * 4096 / 2));
        assert!(run("MatMulNBits", sizes(1000, 4096), &inputs).is_err());
        assert!(run("MatMulNBits", attrs([]), &inputs).is_err());
    }

    #[test]
    fn shapes_by_other_means() {
        let blob = [f32(&[3, 64]), bytes(&[999]), ints(&[64, 32])];
        assert_eq!(shape("MatMulFpQ4", attrs([]), &blob).unwrap(), [3, 32]);
        let fp4 = [f32(&[3, 64]), bytes(&[32, 32])];
        assert_eq!(run("MatMulBlockQuantizedFp4Weight", attrs([]), &fp4).unwrap().1.macs, 3 * 64 * 32);
        let mut other = sizes(64, 32);
        other.insert("transB".into(), Attr::Int(0));
        assert_eq!(shape("MatMulBnb4", other, &[f32(&[3, 32]), bytes(&[1024]), f32(&[32])]).unwrap(), [3, 64]);
    }

    #[test]
    fn adapters_are_products_of_their_own() {
        let (scale, packed) = (f32(&[1]), bytes(&[32, 2, 16]));
        let inputs = [f32(&[3, 64]), packed.clone(), scale.clone(), bytes(&[8, 2, 16]), scale.clone(), packed, scale];
        assert_eq!(run("MatMulNBitsQLoRA", sizes(64, 32), &inputs).unwrap().1.macs, 3 * (64 * 32 + 8 * 96));
    }
}
