//! The part of TFLite's schema (version 3) that is read. Offsets of fields are those of their vtable entries.

use flatbuffers::{Follow, ForwardsUOffset, InvalidFlatbuffer, Table, VOffsetT, Vector, Verifiable, Verifier};

/// File identifier, at byte 4.
pub(super) const IDENTIFIER: &[u8] = b"TFL3";

/// A list of tables.
type Tables<'a, T> = ForwardsUOffset<Vector<'a, ForwardsUOffset<T>>>;
/// A list of numbers.
type List<'a, T> = ForwardsUOffset<Vector<'a, T>>;
type Text<'a> = ForwardsUOffset<&'a str>;

macro_rules! tables {
    ($a:lifetime; $($table:ident { $($field:ident: $slot:literal $type:ty),* $(,)? })*) => {$(
        #[derive(Clone, Copy)]
        pub(super) struct $table<$a>(Table<$a>);

        impl<$a> $table<$a> {
            $(pub fn $field(&self) -> Option<<$type as Follow<$a>>::Inner> {
                // SAFETY: the verifier saw a field of this type here.
                unsafe { self.0.get::<$type>($slot, None) }
            })*
        }

        impl<$a> Follow<$a> for $table<$a> {
            type Inner = Self;

            unsafe fn follow(buffer: &$a [u8], at: usize) -> Self {
                // SAFETY: the caller vouches for a table here.
                Self(unsafe { Table::new(buffer, at) })
            }
        }

        impl<$a> Verifiable for $table<$a> {
            fn run_verifier(v: &mut Verifier, at: usize) -> Result<(), InvalidFlatbuffer> {
                v.visit_table(at)?$(.visit_field::<$type>(stringify!($field), $slot, false)?)*.finish();
                Ok(())
            }
        }
    )*};
}

tables! { 'a;
    Model {
        codes: 6 Tables<'a, Code<'a>>,
        graphs: 8 Tables<'a, SubGraph<'a>>,
        description: 10 Text<'a>,
        buffers: 12 Tables<'a, Buffer<'a>>,
        signatures: 18 Tables<'a, Signature<'a>>,
    }
    Signature { key: 8 Text<'a>, graph: 12 u32 }
    Code { early: 4 i8, custom: 6 Text<'a>, code: 10 i32 }
    SubGraph {
        tensors: 4 Tables<'a, Tensor<'a>>,
        inputs: 6 List<'a, i32>,
        outputs: 8 List<'a, i32>,
        operators: 10 Tables<'a, Operator<'a>>,
        name: 12 Text<'a>,
    }
    Tensor {
        shape: 4 List<'a, i32>,
        element: 6 i8,
        buffer: 8 u32,
        name: 10 Text<'a>,
        quantization: 12 ForwardsUOffset<Quantization<'a>>,
        variable: 14 bool,
        signature: 18 List<'a, i32>,
    }
    Buffer { data: 4 List<'a, u8>, offset: 6 u64 }
    Quantization { scale: 8 List<'a, f32> }
}

/// An operator: code, operands, results and the options of its kind.
#[derive(Clone, Copy)]
pub(super) struct Operator<'a>(Table<'a>);

impl<'a> Operator<'a> {
    pub fn code(&self) -> u32 {
        // SAFETY: verified below, as are the following.
        unsafe { self.0.get::<u32>(4, Some(0)) }.unwrap_or(0)
    }

    pub fn inputs(&self) -> Option<Vector<'a, i32>> {
        unsafe { self.0.get::<List<'a, i32>>(6, None) }
    }

    pub fn outputs(&self) -> Option<Vector<'a, i32>> {
        unsafe { self.0.get::<List<'a, i32>>(8, None) }
    }

    /// Settings of a custom operator.
    pub fn custom(&self) -> &'a [u8] {
        unsafe { self.0.get::<List<'a, u8>>(14, None) }.map_or(&[], |data| data.bytes())
    }

    /// Options of the first union, or of the second, which holds those of later operators.
    pub fn options(&self) -> Options<'a> {
        let options = |kind, table, shift| {
            let kind = unsafe { self.0.get::<u8>(kind, Some(0)) }.unwrap_or(0);
            Options { kind: shift + u16::from(kind), table: unsafe { self.0.get::<ForwardsUOffset<Table<'a>>>(table, None) } }
        };
        let late = options(26, 28, LATE);
        if late.kind == LATE { options(10, 12, 0) } else { late }
    }
}

impl<'a> Follow<'a> for Operator<'a> {
    type Inner = Self;

    unsafe fn follow(buffer: &'a [u8], at: usize) -> Self {
        // SAFETY: the caller vouches for a table here.
        Self(unsafe { Table::new(buffer, at) })
    }
}

impl Verifiable for Operator<'_> {
    fn run_verifier(v: &mut Verifier, at: usize) -> Result<(), InvalidFlatbuffer> {
        v.visit_table(at)?
            .visit_field::<u32>("opcode_index", 4, false)?
            .visit_field::<List<'_, i32>>("inputs", 6, false)?
            .visit_field::<List<'_, i32>>("outputs", 8, false)?
            .visit_union::<u8, _>("builtin_options_type", 10, "builtin_options", 12, false, |kind, v, at| {
                verify_options(kind.into(), v, at)
            })?
            .visit_field::<List<'_, u8>>("custom_options", 14, false)?
            .visit_union::<u8, _>("builtin_options_2_type", 26, "builtin_options_2", 28, false, |kind, v, at| {
                verify_options(LATE + u16::from(kind), v, at)
            })?
            .finish();
        Ok(())
    }
}

/// What is added to the number of a table in the second union.
const LATE: u16 = 256;

/// Type of a field of an options table.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    Bool,
    Byte,
    Int,
    Long,
    Float,
    Ints,
    Longs,
}
use Field::{Bool, Byte, Float, Int, Ints, Long, Longs};

/// Fields of the options tables that are read, by the number of the table in the union.
fn fields(kind: u16) -> &'static [(VOffsetT, Field)] {
    match kind {
        // Conv2DOptions: padding, strides, activation, dilations.
        1 => &[(4, Byte), (6, Int), (8, Int), (10, Byte), (12, Int), (14, Int)],
        // DepthwiseConv2DOptions: padding, strides, multiplier, activation, dilations.
        2 => &[(4, Byte), (6, Int), (8, Int), (10, Int), (12, Byte), (14, Int), (16, Int)],
        // LSHProjectionOptions: type. RNNOptions: activation.
        4 | 7 => &[(4, Byte)],
        // Pool2DOptions: padding, strides, window, activation.
        5 => &[(4, Byte), (6, Int), (8, Int), (10, Int), (12, Int), (14, Byte)],
        // SVDFOptions: rank, activation.
        6 => &[(4, Int), (6, Byte)],
        // FullyConnectedOptions: activation, format, keep_num_dims.
        8 => &[(4, Byte), (6, Byte), (8, Bool)],
        // ConcatenationOptions: axis, activation.
        10 => &[(4, Int), (6, Byte)],
        // AddOptions, L2NormOptions, MulOptions, SubOptions, DivOptions: activation. MirrorPadOptions: mode.
        11 | 12 | 21 | 28 | 29 | 77 => &[(4, Byte)],
        // LocalResponseNormalizationOptions: radius. SpaceToDepthOptions, SplitOptions, DepthToSpaceOptions.
        13 | 19 | 35 | 94 => &[(4, Int)],
        // LSTMOptions: activation, kernel.
        14 => &[(4, Byte), (10, Byte)],
        // ResizeBilinearOptions, after two deprecated fields; ResizeNearestNeighborOptions: corners, half pixels.
        15 => &[(8, Bool), (10, Bool)],
        74 => &[(4, Bool), (6, Bool)],
        // CallOptions, CallOnceOptions (graphs), OneHotOptions (axis).
        16 | 61 | 103 => &[(4, Int)],
        // ReshapeOptions, SqueezeOptions.
        17 | 30 => &[(4, Ints)],
        // GatherOptions: axis, batch_dims. PackOptions, UnpackOptions: number, axis. ReverseSequenceOptions: time and
        // batch axes. IfOptions, WhileOptions: graphs.
        23 | 59 | 64 | 87 | 92 | 93 => &[(4, Int), (6, Int)],
        // ReducerOptions: keep_dims. GeluOptions: approximate.
        27 | 116 => &[(4, Bool)],
        // SequenceRNNOptions: time_major, activation.
        31 => &[(4, Bool), (6, Byte)],
        // StridedSliceOptions: masks of begin, end, ellipsis, new and dropped axes; offset.
        32 => &[(4, Int), (6, Int), (8, Int), (10, Int), (12, Int), (14, Bool)],
        // FakeQuantOptions: bounds, bits.
        58 => &[(4, Float), (6, Float), (8, Int)],
        // BidirectionalSequenceLSTMOptions: activation, merge_outputs, time_major.
        69 => &[(4, Byte), (10, Bool), (12, Bool)],
        // BidirectionalSequenceRNNOptions: time_major, activation, merge_outputs.
        70 => &[(4, Bool), (6, Byte), (8, Bool)],
        // UnidirectionalSequenceLSTMOptions: activation, time_major, diagonal recurrent weights.
        71 => &[(4, Byte), (10, Bool), (14, Bool)],
        // LeakyReluOptions.
        75 => &[(4, Float)],
        // TransposeConvOptions: padding, strides, activation.
        49 => &[(4, Byte), (6, Int), (8, Int), (10, Byte)],
        // BatchMatMulOptions: adjoints. CumsumOptions: exclusive, reverse.
        101 | 102 => &[(4, Bool), (6, Bool)],
        // Conv3DOptions: padding, strides (depth, width, height), activation, dilations.
        106 => &[(4, Byte), (6, Int), (8, Int), (10, Int), (12, Byte), (14, Int), (16, Int), (18, Int)],
        // StablehloConcatenateOptions, StablehloIotaOptions: axis.
        257 | 267 => &[(4, Long)],
        // StablehloBroadcastInDimOptions, StablehloDynamicSliceOptions, StablehloTransposeOptions.
        258 | 265 | 273 => &[(4, Longs)],
        // StablehloSliceOptions, StablehloPadOptions: begins, ends, steps.
        259 | 266 => &[(4, Longs), (6, Longs), (8, Longs)],
        // StablehloConvolutionOptions: strides, padding, dilations; axes of image, kernel and result; groups.
        260 => &[
            (4, Longs),
            (6, Longs),
            (8, Longs),
            (10, Longs),
            (14, Long),
            (16, Long),
            (18, Longs),
            (20, Long),
            (22, Long),
            (24, Longs),
            (26, Long),
            (28, Long),
            (30, Longs),
            (32, Long),
        ],
        // StablehloReduceOptions: axes, graph.
        262 => &[(4, Longs), (6, Int)],
        // StablehloCompareOptions: direction.
        264 => &[(4, Int)],
        // StablehloDotGeneralOptions: batch axes, contracted axes.
        268 => &[(4, Longs), (6, Longs), (8, Longs), (10, Longs)],
        // StablehloReduceWindowOptions: window, strides, dilations of base and window, padding, graph.
        269 => &[(4, Longs), (6, Longs), (8, Longs), (10, Longs), (12, Longs), (14, Int)],
        // StablehloScatterOptions, StablehloSortOptions: graph.
        263 => &[(16, Int)],
        270 => &[(8, Int)],
        // StablehloWhileOptions: graphs.
        271 => &[(4, Int), (6, Int)],
        // StablehloGatherOptions: offset and collapsed axes, map, axis of the index vectors, sizes.
        272 => &[(4, Longs), (6, Longs), (8, Longs), (10, Long), (12, Longs)],
        // ReduceWindowOptions: function.
        276 => &[(4, Int)],
        // StableHLOCompositeOptions: graph, after the name.
        277 => &[(6, Int)],
        // StablehloCaseOptions: graphs.
        279 => &[(4, Ints)],
        _ => &[],
    }
}

fn verify_options(kind: u16, v: &mut Verifier, at: usize) -> Result<(), InvalidFlatbuffer> {
    let table = at.saturating_add(v.get_uoffset(at)? as usize);
    let mut table = v.visit_table(table)?;
    for &(slot, field) in fields(kind) {
        table = match field {
            Bool => table.visit_field::<bool>("option", slot, false)?,
            Byte => table.visit_field::<i8>("option", slot, false)?,
            Int => table.visit_field::<i32>("option", slot, false)?,
            Long => table.visit_field::<i64>("option", slot, false)?,
            Float => table.visit_field::<f32>("option", slot, false)?,
            Ints => table.visit_field::<List<'_, i32>>("option", slot, false)?,
            Longs => table.visit_field::<List<'_, i64>>("option", slot, false)?,
        };
    }
    table.finish();
    Ok(())
}

/// Options of an operator: fields by vtable entry, with the defaults of the schema where they are absent.
#[derive(Clone, Copy)]
pub(super) struct Options<'a> {
    kind: u16,
    table: Option<Table<'a>>,
}

impl<'a> Options<'a> {
    fn get<T: Follow<'a> + 'a>(&self, slot: VOffsetT, field: Field) -> Option<T::Inner> {
        let table = self.table.filter(|_| fields(self.kind).contains(&(slot, field)))?;
        // SAFETY: the verifier saw a field of this type here, as `fields` says.
        unsafe { table.get::<T>(slot, None) }
    }

    pub fn flag(&self, slot: VOffsetT) -> bool {
        self.get::<bool>(slot, Bool).unwrap_or(false)
    }

    pub fn byte(&self, slot: VOffsetT) -> i8 {
        self.get::<i8>(slot, Byte).unwrap_or(0)
    }

    pub fn int(&self, slot: VOffsetT, default: i32) -> i64 {
        self.get::<i32>(slot, Int).unwrap_or(default).into()
    }

    pub fn long(&self, slot: VOffsetT) -> i64 {
        self.get::<i64>(slot, Long).unwrap_or(0)
    }

    pub fn float(&self, slot: VOffsetT) -> f64 {
        self.get::<f32>(slot, Float).unwrap_or(0.0).into()
    }

    /// A list of either width; empty where it is absent.
    pub fn list(&self, slot: VOffsetT) -> Vec<i64> {
        match self.get::<List<'a, i64>>(slot, Longs) {
            Some(list) => list.iter().collect(),
            None => self.get::<List<'a, i32>>(slot, Ints).into_iter().flatten().map(i64::from).collect(),
        }
    }
}
