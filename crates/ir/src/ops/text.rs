//! Strings: joined, split, matched and cleaned. All of it counts as moving data.

use super::values::broadcast;
use crate::{Attr, Call, Class, DType, Fact, Node, OpError, Operator, Role};

pub(super) struct Text;

impl Operator for Text {
    fn names(&self) -> &'static [&'static str] {
        &["RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit"]
    }

    /// How many pieces a string has, and how many words are left, depends on the strings.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        Ok(match call.node.op.name() {
            "RegexFullMatch" => vec![Fact::new(DType::Bool, x)],
            "StringConcat" => vec![Fact::new(DType::String, broadcast([x, call.shape(1)?])?)],
            "StringSplit" => vec![Fact::unknown(DType::String), Fact::new(DType::I64, x)],
            _ => match call.attrs().get("stopwords") {
                Some(Attr::Strs(words)) if !words.is_empty() => vec![Fact::unknown(DType::String)],
                // Nothing cleaned is one empty string.
                _ => vec![Fact::new(DType::String, x.iter().map(|&n| n.max(1)).collect::<Vec<_>>())],
            },
        })
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let operands = if node.op.name() == "StringConcat" { 2 } else { 1 };
        (i < operands).then_some(Role::Data)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn shapes_that_do_not_depend_on_strings() {
        let text = |shape: &[u64]| Fact::new(DType::String, shape);
        let one = |op, inputs: &[Fact]| run(op, attrs([]), inputs).unwrap().0[0].clone();
        assert_eq!(one("StringConcat", &[text(&[3, 1]), text(&[4])]), text(&[3, 4]));
        assert_eq!(one("RegexFullMatch", &[text(&[3])]), Fact::new(DType::Bool, [3]));
        assert_eq!(one("StringNormalizer", &[text(&[1, 0])]), text(&[1, 1]));
        let words = attrs([("stopwords", Attr::Strs(vec!["a".into()]))]);
        assert_eq!(run("StringNormalizer", words, &[text(&[3])]).unwrap().0[0], Fact::unknown(DType::String));
        let x = text(&[2, 2]);
        let (facts, _) = call("StringSplit", attrs([]), &[Some(&x)], 2).unwrap();
        assert_eq!(facts, [Fact::unknown(DType::String), Fact::new(DType::I64, [2, 2])]);
    }
}
