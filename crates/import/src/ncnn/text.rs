//! The text: a magic number, two counts, and one layer a line.
//!
//! `Kind name inputs outputs input… output… key=value…`, where keys below -23299 hold arrays with their length
//! (`-23303=2,1,2`); newer files write arrays as `3=1,2` and texts, which may hold commas, as `6="0w,*(0h,2)"`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::MAGIC;
use crate::{Error, Result};

const ARRAYS: i64 = -23300;
const SHAPES: i64 = 30;

/// One line of the file.
#[derive(Debug)]
pub(super) struct Layer<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    values: BTreeMap<i64, Vec<&'a str>>,
    texts: BTreeMap<i64, &'a str>,
}

impl fmt::Display for Layer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.kind)
    }
}

impl Layer<'_> {
    fn value<T: FromStr>(&self, key: i64, text: &str) -> Result<T, String> {
        text.parse().map_err(|_| format!("key {key}: `{text}` is no number of its kind"))
    }

    /// Integer under `key`.
    pub fn int(&self, key: i64, default: i64) -> Result<i64, String> {
        self.values.get(&key).and_then(|v| v.first()).map_or(Ok(default), |text| self.value(key, text))
    }

    /// Number under `key`.
    pub fn float(&self, key: i64, default: f64) -> Result<f64, String> {
        self.values.get(&key).and_then(|v| v.first()).map_or(Ok(default), |text| self.value(key, text))
    }

    /// Integers of the array `key`; `None` without it.
    pub fn ints(&self, key: i64) -> Result<Option<Vec<i64>>, String> {
        self.values.get(&key).map(|v| v.iter().map(|text| self.value(key, text)).collect()).transpose()
    }

    /// Numbers of the array `key`; empty without it.
    pub fn floats(&self, key: i64) -> Result<Vec<f64>, String> {
        self.values.get(&key).into_iter().flatten().map(|text| self.value(key, text)).collect()
    }

    /// Text under `key`; empty without it.
    pub fn text(&self, key: i64) -> &str {
        self.texts.get(&key).copied().unwrap_or_default()
    }

    /// An extent under `key`: positive and below 2³¹.
    pub fn size(&self, key: i64, default: i64) -> Result<u64, String> {
        let value = self.int(key, default)?;
        let size = u64::try_from(value).ok().filter(|n| (1..1 << 31).contains(n));
        size.ok_or_else(|| format!("key {key}: {value} is no extent"))
    }

    /// Stated shapes of the results, outermost axis first and with the leading 1.
    pub fn shapes(&self) -> Result<Vec<Vec<u64>>, String> {
        let stated = self.ints(SHAPES)?.unwrap_or_default();
        let shape = |entry: &[i64]| -> Option<Vec<u64>> {
            let &[rank, ref extents @ ..] = entry else { return None };
            let extents = extents.get(..usize::try_from(rank).ok()?).filter(|extents| !extents.is_empty())?;
            std::iter::once(&1).chain(extents.iter().rev()).map(|&n| u64::try_from(n).ok()).collect()
        };
        let shapes: Option<Vec<_>> = stated.chunks(4).map(shape).collect();
        shapes.ok_or_else(|| format!("key -23330: {stated:?} states no shapes"))
    }
}

/// Every layer of the file.
pub(super) fn parse<'a>(bytes: &'a [u8], file: &str) -> Result<Vec<Layer<'a>>> {
    let at = |part: &[u8]| part.as_ptr() as usize - bytes.as_ptr() as usize;
    let damage = |offset, message: String| Error::Decode { file: file.into(), offset, length: bytes.len(), message };
    let text = std::str::from_utf8(bytes).map_err(|e| damage(e.valid_up_to(), "no UTF-8".into()))?;
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    if lines.next().is_none_or(|(_, line)| line.trim().as_bytes() != MAGIC) {
        return Err(damage(0, "the first line is not 7767517".into()));
    }
    let counts = lines.next().map_or(&text[text.len()..], |(_, line)| line);
    let count: Option<usize> = counts.split_whitespace().next().and_then(|n| n.parse().ok());
    let count = count.ok_or_else(|| damage(at(counts.as_bytes()), "no number of layers".into()))?;
    let mut layers = Vec::new();
    // As ncnn does: lines beyond the count are not read.
    for (number, line) in lines.take(count) {
        let refuse = |message| damage(at(line.as_bytes()), format!("line {}: {message}", number + 1));
        layers.push(layer(line).map_err(refuse)?);
    }
    if layers.len() != count {
        return Err(damage(bytes.len(), format!("{} layers, not {count}", layers.len())));
    }
    Ok(layers)
}

fn layer(line: &str) -> Result<Layer<'_>, String> {
    let mut rest = line;
    let mut word = |what: &str| {
        let (word, after) = split_word(rest);
        rest = after;
        if word.is_empty() { Err(format!("ends before {what}")) } else { Ok(word) }
    };
    let (kind, name) = (word("the kind of the layer")?, word("its name")?);
    let mut count = |what: &str| {
        let text = word(what)?;
        text.parse::<usize>().map_err(|_| format!("`{text}` is not {what}"))
    };
    let (inputs, outputs) = (count("the number of inputs")?, count("the number of outputs")?);
    let mut blobs = |n: usize| (0..n).map(|_| word("the last blob")).collect::<Result<Vec<_>, _>>();
    let (inputs, outputs) = (blobs(inputs)?, blobs(outputs)?);
    let (mut values, mut texts) = (BTreeMap::new(), BTreeMap::new());
    while !rest.trim_start().is_empty() {
        let (pair, mut after) = split_word(rest);
        let (key, mut value) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is not key=value"))?;
        let key: i64 = key.parse().map_err(|_| format!("`{key}` is no key"))?;
        if value.starts_with('"') {
            // A quoted text may hold blanks, so the word is not all of it.
            let start = rest.find('"').map_or(rest.len(), |at| at + 1);
            let quoted = &rest[start..];
            (value, after) = quoted.split_once('"').unwrap_or((quoted.trim_end(), ""));
        }
        rest = after;
        texts.insert(key, value);
        let mut entries: Vec<&str> = value.split(',').collect();
        let key = if key <= ARRAYS {
            let length = entries.remove(0);
            if length.parse() != Ok(entries.len()) {
                return Err(format!("key {key}: {} elements, not {length}", entries.len()));
            }
            ARRAYS.checked_sub(key).ok_or_else(|| format!("`{key}` is no key"))?
        } else {
            key
        };
        values.insert(key, entries);
    }
    Ok(Layer { kind, name, inputs, outputs, values, texts })
}

/// The first word of `line`, empty at its end, and what follows.
fn split_word(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()))
}
