//! The 140 numbers that TpuGraphs has of an instruction (`featurizers.h` of google-research-datasets/tpu_graphs), and its
//! numbers of a configuration.

use super::super::proto::{Convolution, Instruction, Tile, WindowDimension};

/// Columns of a node.
pub const NODE: usize = 140;

/// Columns of a tile.
pub const TILE: usize = 24;

/// Columns of a layout: this many tensors of this many dimensions.
pub const LAYOUT: usize = TENSORS * DIMENSIONS;
const TENSORS: usize = 3;
const DIMENSIONS: usize = 6;

/// XLA's numbers of the element types in the order of their columns: bf16 and the complex ones come before tuples. Types
/// that XLA has learned since have no column.
const ELEMENTS: [i32; 19] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 15, 18, 13, 14, 17];

/// A row of numbers in the making.
#[derive(Default)]
struct Row(Vec<f32>);

impl Row {
    fn flag(&mut self, value: bool) {
        self.0.push(f32::from(u8::from(value)));
    }

    fn number(&mut self, value: i64) {
        self.0.push(value as f32);
    }

    /// The first `keep`, filled up with 0.
    fn first(&mut self, values: impl IntoIterator<Item = i64>, keep: usize) {
        let end = self.0.len() + keep;
        self.0.extend(values.into_iter().take(keep).map(|value| value as f32));
        self.0.resize(end, 0.0);
    }

    /// The first `keep`, then the sum and the product of all. As in C++ what is too large wraps around.
    fn folded(&mut self, values: impl Iterator<Item = i64> + Clone, keep: usize) {
        self.first(values.clone(), keep);
        let (sum, product) = values.fold((0_i64, 1_i64), |(s, p), v| (s.wrapping_add(v), p.wrapping_mul(v)));
        self.number(sum);
        self.number(product);
    }
}

/// The features of an instruction.
pub fn node(instruction: &Instruction, root: bool) -> Vec<f32> {
    let mut row = Row(Vec::with_capacity(NODE));
    row.flag(root);
    // The size of an element, which is not used any more.
    row.number(0);
    let shape = instruction.shape.as_ref();
    let element = shape.map_or(0, |shape| shape.element_type);
    ELEMENTS.iter().for_each(|&other| row.flag(element == other));
    row.folded(shape.map_or(&[][..], |shape| &shape.dimensions).iter().copied(), DIMENSIONS);
    row.number(shape.map_or(0, |shape| shape.tuple_shapes.len() as i64));
    row.number(instruction.parameter_number);
    row.first(instruction.dimensions.iter().copied(), DIMENSIONS);
    window(&mut row, instruction.window.as_ref().map_or(&[], |window| &window.dimensions));
    convolution(&mut row, instruction.convolution.as_ref().unwrap_or(&Convolution::default()));
    row.number(instruction.feature_group_count);
    row.number(instruction.batch_group_count);
    row.folded(instruction.slices.iter().map(|slice| slice.start), 2);
    row.folded(instruction.slices.iter().map(|slice| slice.stride), 2);
    row.folded(instruction.slices.iter().map(|slice| slice.limit), 2);
    row.folded(instruction.dynamic_slice_sizes.iter().copied(), 2);
    let padding = instruction.padding.as_ref().map_or(&[][..], |padding| &padding.dimensions);
    row.folded(padding.iter().map(|dimension| dimension.low), 2);
    row.folded(padding.iter().map(|dimension| dimension.high), 2);
    row.flag(instruction.is_stable);
    let layout = shape.and_then(|shape| shape.layout.as_ref());
    row.first(layout.map_or(&[][..], |layout| &layout.minor_to_major).iter().copied(), DIMENSIONS);
    row.0
}

fn window(row: &mut Row, dimensions: &[WindowDimension]) {
    let numbers: [fn(&WindowDimension) -> i64; 6] =
        [|d| d.size, |d| d.stride, |d| d.padding_low, |d| d.padding_high, |d| d.window_dilation, |d| d.base_dilation];
    for number in numbers {
        row.folded(dimensions.iter().map(number), DIMENSIONS);
    }
    row.first(dimensions.iter().map(|d| i64::from(d.window_reversal)), DIMENSIONS);
    let reversed = dimensions.iter().filter(|d| d.window_reversal).count();
    row.number(reversed as i64);
    row.number((dimensions.len() - reversed) as i64);
}

fn convolution(row: &mut Row, numbers: &Convolution) {
    row.number(numbers.input_batch);
    row.number(numbers.input_feature);
    row.first(numbers.input_spatial.iter().copied(), 4);
    row.number(numbers.kernel_input_feature);
    row.number(numbers.kernel_output_feature);
    row.first(numbers.kernel_spatial.iter().copied(), 4);
    row.number(numbers.output_batch);
    row.number(numbers.output_feature);
}

/// The features of a tile. Of bounds that are not given the product is 0, unlike that of an instruction's lists.
pub fn tile(tile: &Tile) -> Vec<f64> {
    let mut row = Row(Vec::with_capacity(TILE));
    for bounds in [&tile.kernel_bounds, &tile.output_bounds, &tile.input_bounds] {
        row.folded(bounds.iter().copied(), DIMENSIONS);
        if let (true, Some(product)) = (bounds.is_empty(), row.0.last_mut()) {
            *product = 0.0;
        }
    }
    row.0.into_iter().map(f64::from).collect()
}

/// The features of an instruction's layouts, filled up with −1; `None` where there are too many tensors.
pub fn layout<'a>(tensors: impl ExactSizeIterator<Item = &'a [i32]>) -> Option<[f64; LAYOUT]> {
    if tensors.len() > TENSORS {
        return None;
    }
    let mut row = [-1.0; LAYOUT];
    for (places, order) in row.chunks_mut(DIMENSIONS).zip(tensors) {
        places.iter_mut().zip(order).for_each(|(place, &dimension)| *place = f64::from(dimension));
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::super::super::proto::{Shape, Window};
    use super::*;

    #[test]
    fn lists_are_cut_summed_and_multiplied() {
        let dimensions = vec![2, 3, 1, 1, 1, 1, 7];
        let shape = Shape { element_type: 16, dimensions, ..Shape::default() };
        let dimension = WindowDimension { size: 3, window_reversal: true, ..WindowDimension::default() };
        let window = Window { dimensions: vec![dimension, WindowDimension { size: 5, ..WindowDimension::default() }] };
        let row = node(&Instruction { shape: Some(shape), window: Some(window), ..Instruction::default() }, true);
        assert_eq!((row.len(), row[0], row[15]), (NODE, 1.0, 1.0));
        assert_eq!(row[21..29], [2.0, 3.0, 1.0, 1.0, 1.0, 1.0, 16.0, 42.0]);
        assert_eq!((&row[37..39], &row[43..45]), (&[3.0, 5.0][..], &[8.0, 15.0][..]));
        assert_eq!((row[85], row[91], row[92]), (1.0, 1.0, 1.0));
        // The product of no numbers.
        assert_eq!(row[109..113], [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn configurations() {
        let tile = tile(&Tile { output_bounds: vec![2, 26, 4, 2], ..Tile::default() });
        assert_eq!(tile[8..16], [2.0, 26.0, 4.0, 2.0, 0.0, 0.0, 34.0, 416.0]);
        assert_eq!((tile.len(), tile[7], tile[23]), (TILE, 0.0, 0.0));
        let tensors: [&[i32]; 2] = [&[4, 0], &[1, 2, 3, 4, 5, 0, 6]];
        let layout = layout(tensors.into_iter()).unwrap();
        assert_eq!(layout[..8], [4.0, 0.0, -1.0, -1.0, -1.0, -1.0, 1.0, 2.0]);
        assert_eq!(layout[11..13], [0.0, -1.0]);
        assert!(super::layout([&[][..]; 4].into_iter()).is_none());
    }
}
