//! Protobuf fields by their place in the file, so that what is not asked for is passed over.

use std::ops::Range;

use prost::encoding::{WireType, decode_key, decode_varint};

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number or a truth value.
    Number(u64),
    /// Where the bytes of a message, a text or packed numbers lie.
    Bytes(Range<usize>),
    /// Anything else.
    Other,
}

/// The fields of the message that `range` of `bytes` holds: number and value. After an error nothing follows.
pub fn fields(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = Result<(u32, Value), String>> {
    let (mut left, end) = (bytes.get(range.clone()), range.end);
    std::iter::from_fn(move || {
        let rest = left.as_mut().filter(|rest| !rest.is_empty())?;
        let at = end - rest.len();
        let field = field(rest, end);
        if field.is_err() {
            left = None;
        }
        Some(field.map_err(|message| format!("byte {at}: {message}")))
    })
}

fn field(rest: &mut &[u8], end: usize) -> Result<(u32, Value), String> {
    let (number, kind) = decode_key(rest).map_err(|e| e.to_string())?;
    let take = |rest: &mut &[u8], length: u64| {
        let place = end - rest.len();
        let length = usize::try_from(length).ok().filter(|&n| n <= rest.len());
        let length = length.ok_or_else(|| format!("field {number} is cut short"))?;
        *rest = rest.get(length..).unwrap_or_default();
        Ok::<_, String>(place..place + length)
    };
    let value = match kind {
        WireType::Varint => Value::Number(decode_varint(rest).map_err(|e| e.to_string())?),
        WireType::LengthDelimited => {
            let length = decode_varint(rest).map_err(|e| e.to_string())?;
            Value::Bytes(take(rest, length)?)
        }
        WireType::SixtyFourBit => take(rest, 8).map(|_| Value::Other)?,
        WireType::ThirtyTwoBit => take(rest, 4).map(|_| Value::Other)?,
        WireType::StartGroup | WireType::EndGroup => return Err(format!("field {number} is a group")),
    };
    Ok((number, value))
}

/// Packed whole numbers.
pub fn packed(bytes: &[u8], range: Range<usize>) -> Result<Vec<u64>, String> {
    let mut rest = bytes.get(range).unwrap_or_default();
    let mut numbers = Vec::new();
    while !rest.is_empty() {
        numbers.push(decode_varint(&mut rest).map_err(|e| e.to_string())?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_their_places() {
        let bytes = [0xff, 0x08, 0x96, 0x01, 0x12, 0x02, 7, 8, 0x1d, 0, 0, 0, 0];
        let found: Vec<_> = fields(&bytes, 1..13).map(Result::unwrap).collect();
        assert_eq!(found, [(1, Value::Number(150)), (2, Value::Bytes(6..8)), (3, Value::Other)]);
        let error = fields(&bytes, 1..7).last().unwrap().unwrap_err();
        assert_eq!(error, "byte 4: field 2 is cut short");
        assert_eq!(fields(&bytes, 5..99).count(), 0);
        assert_eq!(packed(&bytes, 2..4), Ok(vec![150]));
        assert!(fields(&[0x0b], 0..1).last().unwrap().unwrap_err().contains("group"));
    }
}
