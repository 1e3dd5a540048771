//! Counts of n-grams: (C) → (K) or (N, C) → (N, K), K one more than the largest index of an n-gram.

use crate::{Call, Class, DType, Fact, Node, OpError, Operator};

pub(super) struct TfIdf;

impl Operator for TfIdf {
    fn names(&self) -> &'static [&'static str] {
        &["TfIdfVectorizer"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let indices = call.list("ngram_indexes").unwrap_or_default();
        let largest = indices.iter().max().and_then(|&n| u64::try_from(n).ok()?.checked_add(1));
        let width = largest.ok_or_else(|| OpError::Invalid("has no ngram_indexes".into()))?;
        match *x {
            [_] => Ok(vec![Fact::new(DType::F32, [width])]),
            [rows, _] => Ok(vec![Fact::new(DType::F32, [rows, width])]),
            _ => Err(format!("{x:?} is neither one list of words nor several").into()),
        }
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::attrs;

    #[test]
    fn as_wide_as_the_largest_index() {
        let indices = attrs([("ngram_indexes", vec![0, 1, 6, 2].into())]);
        assert_eq!(shape("TfIdfVectorizer", indices.clone(), &[f32(&[12])]).unwrap(), [7]);
        assert_eq!(shape("TfIdfVectorizer", indices.clone(), &[f32(&[2, 12])]).unwrap(), [2, 7]);
        assert!(run("TfIdfVectorizer", indices, &[f32(&[])]).is_err());
        assert!(run("TfIdfVectorizer", attrs([]), &[f32(&[12])]).is_err());
    }
}
