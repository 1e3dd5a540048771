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
    }
    Code { early: 4 i8, custom: 6 Text<'a>, code: 10 i32 }
    SubGraph {
        tensors: 4 Tables<'a, Tensor<'a>>,
        inputs: 6 List<'a, i32>,
        outputs: 8 List<'a, i32>,
        operators: 10 Tables<'a, Operator<'a>>,
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

    pub fn options(&self) -> Options<'a> {
        let kind = unsafe { self.0.get::<u8>(10, Some(0)) }.unwrap_or(0);
        Options { kind, table: unsafe { self.0.get::<ForwardsUOffset<Table<'a>>>(12, None) } }
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
            .visit_union::<u8, _>("builtin_options_type", 10, "builtin_options", 12, false, verify_options)?
            .finish();
        Ok(())
    }
}

/// Type of a field of an options table.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    Bool,
    Byte,
    Int,
    Float,
}
use Field::{Bool, Byte, Float, Int};

/// Fields of the options tables that are read, by the number of the table in the union.
fn fields(kind: u8) -> &'static [(VOffsetT, Field)] {
    match kind {
        // Conv2DOptions: padding, strides, activation, dilations.
        1 => &[(4, Byte), (6, Int), (8, Int), (10, Byte), (12, Int), (14, Int)],
        // DepthwiseConv2DOptions: padding, strides, multiplier, activation, dilations.
        2 => &[(4, Byte), (6, Int), (8, Int), (10, Int), (12, Byte), (14, Int), (16, Int)],
        // Pool2DOptions: padding, strides, window, activation.
        5 => &[(4, Byte), (6, Int), (8, Int), (10, Int), (12, Int), (14, Byte)],
        // FullyConnectedOptions: activation, format, keep_num_dims.
        8 => &[(4, Byte), (6, Byte), (8, Bool)],
        // ConcatenationOptions: axis, activation.
        10 => &[(4, Int), (6, Byte)],
        // AddOptions, L2NormOptions, MulOptions, SubOptions, DivOptions: activation. MirrorPadOptions: mode.
        11 | 12 | 21 | 28 | 29 | 77 => &[(4, Byte)],
        // LocalResponseNormalizationOptions: radius. SpaceToDepthOptions, SplitOptions, DepthToSpaceOptions.
        13 | 19 | 35 | 94 => &[(4, Int)],
        // ResizeBilinearOptions, after two deprecated fields; ResizeNearestNeighborOptions: corners, half pixels.
        15 => &[(8, Bool), (10, Bool)],
        74 => &[(4, Bool), (6, Bool)],
        // GatherOptions: axis, batch_dims. PackOptions, UnpackOptions: number, axis.
        23 | 59 | 64 => &[(4, Int), (6, Int)],
        // ReducerOptions: keep_dims. GeluOptions: approximate.
        27 | 116 => &[(4, Bool)],
        // StridedSliceOptions: masks of begin, end, ellipsis, new and dropped axes; offset.
        32 => &[(4, Int), (6, Int), (8, Int), (10, Int), (12, Int), (14, Bool)],
        // LeakyReluOptions.
        75 => &[(4, Float)],
        // TransposeConvOptions: padding, strides, activation.
        49 => &[(4, Byte), (6, Int), (8, Int), (10, Byte)],
        // BatchMatMulOptions: adjoints.
        101 => &[(4, Bool), (6, Bool)],
        _ => &[],
    }
}

fn verify_options(kind: u8, v: &mut Verifier, at: usize) -> Result<(), InvalidFlatbuffer> {
    let table = at.saturating_add(v.get_uoffset(at)? as usize);
    let mut table = v.visit_table(table)?;
    for &(slot, field) in fields(kind) {
        table = match field {
            Bool => table.visit_field::<bool>("option", slot, false)?,
            Byte => table.visit_field::<i8>("option", slot, false)?,
            Int => table.visit_field::<i32>("option", slot, false)?,
            Float => table.visit_field::<f32>("option", slot, false)?,
        };
    }
    table.finish();
    Ok(())
}

/// Options of an operator: fields by vtable entry, with the defaults of the schema where they are absent.
#[derive(Clone, Copy)]
pub(super) struct Options<'a> {
    kind: u8,
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

    pub fn float(&self, slot: VOffsetT) -> f64 {
        self.get::<f32>(slot, Float).unwrap_or(0.0).into()
    }
}
