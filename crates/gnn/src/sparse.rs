//! Sparse matrices in compressed-row form: how sums over neighbours and over graphs are computed.

use tch::{Device, Kind, Tensor};

use crate::{Result, error::torch};

/// A constant sparse matrix (rows, columns) on a device. `matrix · x` is a segment sum.
#[derive(Debug)]
pub struct Csr {
    matrix: Tensor,
    rows: i64,
    columns: i64,
}

impl Csr {
    /// From row lengths, column indices sorted by row, and values.
    ///
    /// Shapes: `lengths` (rows), `columns` and `values` (non-zeros).
    pub(crate) fn new(lengths: &[u32], columns: &[u32], values: &[f32], width: usize, device: Device) -> Result<Self> {
        let mut pointer = Vec::with_capacity(lengths.len() + 1);
        let mut total = 0i64;
        pointer.push(0);
        for &n in lengths {
            total += i64::from(n);
            pointer.push(total);
        }
        let columns: Vec<i64> = columns.iter().map(|&c| c.into()).collect();
        let (rows, width) = (lengths.len() as i64, width as i64);
        let build = || {
            let pointer = Tensor::f_from_slice(&pointer)?;
            let columns = Tensor::f_from_slice(&columns)?;
            let values = Tensor::f_from_slice(values)?;
            Tensor::f_sparse_csr_tensor_crow_col_value_size(
                &pointer,
                &columns,
                &values,
                [rows, width],
                (Kind::Float, Device::Cpu),
            )?
            .f_to_device(device)
        };
        Ok(Self { matrix: build().map_err(torch("sparse matrix"))?, rows, columns: width })
    }

    /// Sum over non-zeros: (columns, d) → (rows, d). Differentiable in `x`.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        if self.rows == 0 || self.columns == 0 {
            let d = x.size().get(1).copied().unwrap_or(0);
            return Tensor::f_zeros([self.rows, d], (x.kind(), x.device())).map_err(torch("sparse product"));
        }
        self.matrix.f_mm(x).map_err(torch("sparse product"))
    }

    /// Number of rows.
    pub fn rows(&self) -> i64 {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> i64 {
        self.columns
    }
}
