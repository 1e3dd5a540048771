//! The part of TFLite's schema (version 3) that is read. Offsets of fields are those of their vtable entries.

use flatbuffers::{Follow, ForwardsUOffset, InvalidFlatbuffer, Table, Vector, Verifiable, Verifier};

use super::options::{LATE, Options, verify_options};

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
            Options::new(shift + u16::from(kind), unsafe { self.0.get::<ForwardsUOffset<Table<'a>>>(table, None) })
        };
        let late = options(26, 28, LATE);
        if late.is_none() { options(10, 12, 0) } else { late }
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
