//! Where the elements of a buffer lie: axes in another order, and in blocks.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Index, interpret::Positions};

/// One dimension of a layout: `index[axis] / divide % modulo`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LayoutDim {
    /// The axis.
    pub axis: usize,
    /// What its index is divided by.
    pub divide: u64,
    /// And how many values are left of that; all where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modulo: Option<u64>,
}

/// The dimensions of a buffer in memory, outermost first. Blocks that an extent does not fill are padded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Layout {
    /// The dimensions.
    pub dims: Vec<LayoutDim>,
}

impl Layout {
    /// Row-major.
    pub fn plain(rank: usize) -> Self {
        Self { dims: (0..rank).map(|axis| LayoutDim { axis, divide: 1, modulo: None }).collect() }
    }

    /// Reads `d0 d1/16 d2 d3 d1%16`, with `names` for the axes beside `d0`, `d1`, ….
    ///
    /// # Errors
    /// A word that is no axis, a number that is none, or blocks that do not make up an axis.
    pub fn parse(text: &str, names: &[String]) -> Result<Self, String> {
        let dim = |word: &str| -> Result<LayoutDim, String> {
            let (rest, modulo) = match word.split_once('%') {
                Some((rest, n)) => (rest, Some(number(n)?)),
                None => (word, None),
            };
            let (name, divide) = match rest.split_once('/') {
                Some((name, n)) => (name, number(n)?),
                None => (rest, 1),
            };
            let by_number = || name.strip_prefix('d')?.parse().ok().filter(|&axis: &usize| axis < names.len());
            let axis = names.iter().position(|other| other == name).or_else(by_number);
            Ok(LayoutDim { axis: axis.ok_or_else(|| format!("there is no axis `{name}`"))?, divide, modulo })
        };
        let layout = Self { dims: text.split_whitespace().map(dim).collect::<Result<_, _>>()? };
        layout.check(names.len())?;
        Ok(layout)
    }

    /// Checks that the blocks of each axis make it up.
    ///
    /// # Errors
    /// Which axis lacks some, or is not there.
    pub fn check(&self, rank: usize) -> Result<(), String> {
        for axis in 0..rank {
            let mut parts: Vec<&LayoutDim> = self.dims.iter().filter(|dim| dim.axis == axis).collect();
            // A block of one element may stand beside the axis itself.
            parts.sort_by_key(|dim| (dim.divide, dim.modulo.is_none()));
            let mut next = Some(1);
            for part in parts {
                if next != Some(part.divide) || part.modulo == Some(0) {
                    return Err(format!("blocks of axis {axis} do not make it up"));
                }
                next = part.modulo.and_then(|n| n.checked_mul(part.divide));
            }
            if next.is_some() {
                return Err(format!("blocks of axis {axis} do not make it up"));
            }
        }
        match self.dims.iter().find(|dim| dim.axis >= rank) {
            Some(dim) => Err(format!("there is no axis {}", dim.axis)),
            None => Ok(()),
        }
    }

    /// Extents in memory of a buffer of this shape.
    pub fn extents(&self, shape: &[u64]) -> Vec<u64> {
        let extent = |dim: &LayoutDim| {
            let whole = shape.get(dim.axis).copied().unwrap_or(1).div_ceil(dim.divide.max(1));
            dim.modulo.unwrap_or(whole)
        };
        self.dims.iter().map(extent).collect()
    }

    /// Index in memory of an element.
    pub fn index(&self, index: &[Index]) -> Vec<Index> {
        let part = |dim: &LayoutDim| {
            let whole = index.get(dim.axis).cloned().unwrap_or_default().div(dim.divide as i64);
            dim.modulo.map_or(whole.clone(), |n| whole.modulo(n as i64))
        };
        self.dims.iter().map(part).collect()
    }

    /// Row-major elements as they lie in memory; what pads blocks is `T::default()`.
    pub fn pack<T: Copy + Default>(&self, shape: &[u64], data: &[T]) -> Vec<T> {
        let size: u64 = self.extents(shape).iter().product();
        let mut packed = vec![T::default(); size as usize];
        self.each(shape, |from, to| packed[to] = data[from]);
        packed
    }

    /// The elements in row-major order again.
    pub fn unpack<T: Copy + Default>(&self, shape: &[u64], packed: &[T]) -> Vec<T> {
        let mut data = vec![T::default(); shape.iter().product::<u64>() as usize];
        self.each(shape, |to, from| data[to] = packed[from]);
        data
    }

    fn each(&self, shape: &[u64], mut f: impl FnMut(usize, usize)) {
        let extents = self.extents(shape);
        let mut positions = Positions::new(shape);
        let mut plain = 0;
        while let Some(at) = positions.next() {
            let packed = self.dims.iter().zip(&extents).fold(0, |flat, (dim, &extent)| {
                let part = at[dim.axis] as u64 / dim.divide;
                flat * extent + dim.modulo.map_or(part, |n| part % n)
            });
            f(plain, packed as usize);
            plain += 1;
        }
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| format!("`{text}` is no block"))
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, dim) in self.dims.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "d{}", dim.axis)?;
            if dim.divide > 1 {
                write!(f, "/{}", dim.divide)?;
            }
            if let Some(n) = dim.modulo {
                write!(f, "%{n}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_packed_and_unpacked() {
        let names: Vec<String> = ["n", "c", "y"].map(String::from).to_vec();
        let layout = Layout::parse("n c/4 y c%4", &names).unwrap();
        let shape = [2, 6, 3];
        assert_eq!(layout.extents(&shape), [2, 2, 3, 4]);
        let data: Vec<f32> = (0..36).map(|n| n as f32 + 1.0).collect();
        let packed = layout.pack(&shape, &data);
        assert_eq!(packed[..4], [1.0, 4.0, 7.0, 10.0]);
        assert_eq!(packed.iter().filter(|&&x| x == 0.0).count(), 12);
        assert_eq!(layout.unpack(&shape, &packed), data);
        assert_eq!(layout.to_string(), "d0 d1/4 d2 d1%4");
        assert_eq!(Layout::parse(&layout.to_string(), &names), Ok(layout));
    }

    #[test]
    fn blocks_that_leave_gaps_are_refused() {
        let names: Vec<String> = ["c", "y"].map(String::from).to_vec();
        for text in ["c", "c y y", "c/4 y c%2", "c%4 y", "c/0 y", "c/4 c/2%2 y", "q y"] {
            assert!(Layout::parse(text, &names).is_err(), "{text}");
        }
        assert!(Layout::parse("c/8 y c/2%4 c%2", &names).is_ok());
        assert!(Layout::parse("c/1 y c%1", &names).is_ok());
    }
}
