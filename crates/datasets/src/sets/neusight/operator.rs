//! Times of single operators.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::underscores;
use crate::{
    Part, Result,
    table::{Table, files},
};

/// Extents of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum OperatorShape {
    /// `b` products of m × n and n × k, as NeuSight names the extents.
    Matmul {
        /// Products; 1 for a linear layer.
        b: u64,
        /// Rows of the left matrix.
        m: u64,
        /// Length of the sums.
        n: u64,
        /// Columns of the right matrix.
        k: u64,
    },
    /// A convolution of square images with square filters.
    Conv {
        /// Images.
        b: u64,
        /// Channels of the input.
        input: u64,
        /// Channels of the output.
        output: u64,
        /// Side of the filter.
        kernel: u64,
        /// Side of the image.
        size: u64,
        /// Step of the filter.
        stride: u64,
        /// Padding on each side.
        padding: u64,
    },
    /// `b` rows of `h` elements: element-wise operators, softmax and layer norm.
    Rows {
        /// Rows.
        b: u64,
        /// Elements in each.
        h: u64,
    },
}

/// The time of an operator on a GPU.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperatorRow {
    /// Its name: `bmm`, `linear`, `conv`, `softmax`, `ln`, `add`, …; a `u` at the end: one operand is a scalar.
    pub operator: String,
    /// The GPU.
    pub device: String,
    /// Its extents.
    pub shape: OperatorShape,
    /// Time in ms.
    pub latency: f64,
    /// The first kernel that ran.
    pub kernel: String,
}

pub fn rows(folder: &Path, part: Part) -> Result<impl Iterator<Item = Result<OperatorRow>> + use<>> {
    let paths: Vec<PathBuf> = match part {
        Part::Train => {
            let folders = ["bmm", "conv", "linear"].map(|name| folder.join("train/collect").join(name).join("p2.1.0"));
            folders.iter().map(|f| files(f, &[".csv", ".csv.gz"])).collect::<Result<Vec<_>>>()?.concat()
        }
        Part::Validation => Vec::new(),
        Part::Test => ["bmm", "linear", "vec"].map(|name| folder.join(format!("test/{name}.csv.gz"))).into(),
    };
    Ok(paths.into_iter().flat_map(|path| {
        let (rows, error) = match Table::open(&path) {
            Ok(table) => (Some(table.records::<Row>()), None),
            Err(error) => (None, Some(Err(error))),
        };
        rows.into_iter().flatten().map(|row| Ok(row?.into())).chain(error)
    }))
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "OPName")]
    operator: String,
    #[serde(rename = "Latency")]
    latency: f64,
    #[serde(rename = "Device")]
    device: String,
    #[serde(rename = "Kernel Name")]
    kernel: String,
    #[serde(flatten)]
    shape: Extents,
}

/// Columns that say which operator it is.
#[derive(Deserialize)]
#[serde(untagged)]
enum Extents {
    #[serde(rename_all = "UPPERCASE")]
    Matmul { b: u64, m: u64, n: u64, k: u64 },
    Conv {
        #[serde(rename = "B")]
        b: u64,
        #[serde(rename = "Input_Channel")]
        input: u64,
        #[serde(rename = "Output_Channel")]
        output: u64,
        #[serde(rename = "Kernel_Szie")]
        kernel: u64,
        #[serde(rename = "Input_Size")]
        size: u64,
        #[serde(rename = "Stride")]
        stride: u64,
        #[serde(rename = "Padding")]
        padding: u64,
    },
    #[serde(rename_all = "UPPERCASE")]
    Rows { b: u64, h: u64 },
}

impl From<Row> for OperatorRow {
    fn from(row: Row) -> Self {
        let shape = match row.shape {
            Extents::Matmul { b, m, n, k } => OperatorShape::Matmul { b, m, n, k },
            Extents::Conv { b, input, output, kernel, size, stride, padding } => {
                OperatorShape::Conv { b, input, output, kernel, size, stride, padding }
            }
            Extents::Rows { b, h } => OperatorShape::Rows { b, h },
        };
        let Row { operator, latency, device, kernel, .. } = row;
        Self { operator, device: underscores(&device), shape, latency, kernel }
    }
}
