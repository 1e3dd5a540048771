//! An operator as a GPU sees it: what it computes and what it moves.

use super::Machine;

/// Operators whose utilisation follows one curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperatorClass {
    /// Batched matrix products.
    Batched,
    /// Linear layers.
    Linear,
    /// Convolutions.
    Convolution,
    /// Element-wise operators, copies, gathers.
    Elementwise,
    /// Softmax and its gradient.
    Softmax,
    /// Layer norm and its gradient.
    LayerNorm,
}

/// One operator in single precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operator {
    /// Its class.
    pub class: OperatorClass,
    /// Products, or 1.
    pub batch: f64,
    /// Rows of the result.
    pub rows: f64,
    /// Columns of the result.
    pub columns: f64,
    /// Length of the sums of a product, otherwise 0.
    pub depth: f64,
    /// Bytes read and written.
    pub bytes: f64,
}

impl Operator {
    /// `b` products of m × n and n × k matrices.
    pub fn batched([b, m, n, k]: [u64; 4]) -> Self {
        Self::product(OperatorClass::Batched, [b, m, n, k].map(|x| x as f64))
    }

    /// A linear layer on `m` rows, from `n` to `k` features.
    pub fn linear([m, n, k]: [u64; 3]) -> Self {
        Self::product(OperatorClass::Linear, [1, m, n, k].map(|x| x as f64))
    }

    /// A convolution as the product it amounts to: (images · pixels out) × (channels in · taps) × (channels out).
    pub fn convolution(images: u64, input: u64, output: u64, kernel: u64, pixels_in: u64, pixels_out: u64) -> Self {
        let [b, i, o, k] = [images, input, output, kernel].map(|x| x as f64);
        let (pixels_in, pixels_out) = (pixels_in as f64, pixels_out as f64);
        let product = Self::product(OperatorClass::Convolution, [1.0, b * pixels_out, i * k * k, o]);
        Self { bytes: 4.0 * (b * i * pixels_in + i * o * k * k + b * o * pixels_out), ..product }
    }

    /// An operator on `rows` rows of `width` elements that moves so many bytes.
    pub fn on_rows(class: OperatorClass, rows: u64, width: u64, bytes: f64) -> Self {
        Self { class, batch: 1.0, rows: rows as f64, columns: width as f64, depth: 0.0, bytes }
    }

    /// An element-wise operator on `elements` elements that moves so many bytes.
    pub fn elementwise(elements: u64, bytes: f64) -> Self {
        Self::on_rows(OperatorClass::Elementwise, 1, elements, bytes)
    }

    fn product(class: OperatorClass, [batch, rows, depth, columns]: [f64; 4]) -> Self {
        let bytes = 4.0 * batch * (rows * depth + depth * columns + rows * columns);
        Self { class, batch, rows, columns, depth, bytes }
    }

    /// Operations of a product, a multiply–add counting as two; 0 for the others, which are bound by memory.
    pub fn flops(&self) -> f64 {
        2.0 * self.batch * self.rows * self.columns * self.depth
    }

    /// Operator with neither work nor traffic.
    pub fn is_empty(&self) -> bool {
        self.bytes <= 0.0 || self.rows <= 0.0 || self.columns <= 0.0
    }

    /// What the utilisation depends on, in units of the machine, so that it means the same on another one: times of
    /// the two sides of the roofline, extents, and for tiles of three sizes the waves (blocks a multiprocessor), how
    /// full they are, and how much of the tiles lies inside the result.
    pub(super) fn features(&self, machine: &Machine) -> Vec<f64> {
        let ln = |x: f64| x.max(1e-12).ln();
        let memory = ln(machine.memory_ms(self));
        if self.depth == 0.0 {
            return vec![memory, ln(self.columns), ln(self.rows / machine.units), ln(self.bytes / machine.l2)];
        }
        let compute = ln(machine.compute_ms(self));
        let (short, long) = (self.rows.min(self.columns), self.rows.max(self.columns));
        let mut features = vec![compute, compute - memory, ln(self.depth), ln(short), ln(long), ln(self.batch)];
        for (tall, wide) in [(128.0, 128.0), (128.0, 64.0), (64.0, 64.0)] {
            let tiles = (self.rows / tall).ceil() * (self.columns / wide).ceil();
            let waves = self.batch * tiles / machine.units;
            features.extend([ln(waves), waves / waves.ceil(), self.rows * self.columns / (tiles * tall * wide)]);
        }
        features
    }
}
