//! How the languages differ.

use tachograph_ir::DType;

use crate::{Dim, Error, Result};

/// A language that is close to C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// For GCC and Clang.
    C,
    /// OpenCL C 1.2.
    OpenCl,
    /// CUDA C++, without headers.
    Cuda,
}

/// True for the types of 16 bits that CUDA C has no arithmetic for without headers.
pub(super) fn is_half(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

impl Dialect {
    /// A number as it is stored, and one that is loaded, where the type is no type of the language.
    pub fn halved(self, dtype: DType, value: &str, store: bool) -> Option<String> {
        let way = if store { "to" } else { "from" };
        let name = if dtype == DType::F16 { "f16" } else { "bf16" };
        (self == Self::Cuda && is_half(dtype)).then(|| format!("{way}_{name}({value})"))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::OpenCl => "OpenCL C",
            Self::Cuda => "CUDA C",
        }
    }

    pub fn is_gpu(self) -> bool {
        self != Self::C
    }

    /// The type of an element; `name` is whose, for the message.
    pub fn element(self, dtype: DType, name: &str) -> Result<&'static str> {
        Ok(match (dtype, self) {
            (DType::F64, _) => "double",
            (DType::F32, _) => "float",
            (DType::F16, Self::C) => "_Float16",
            (DType::F16, Self::OpenCl) => "half",
            // Sixteen bits as they are; [`Writer::expr`](super::writer::Writer::expr) converts them.
            (DType::F16 | DType::BF16, Self::Cuda) => "unsigned short",
            (DType::I64, Self::OpenCl) => "long",
            (DType::I64, _) => "long long",
            (DType::I32, _) => "int",
            (DType::I16, _) => "short",
            (DType::I8, _) => "signed char",
            (DType::U64, Self::OpenCl) => "unsigned long",
            (DType::U64, _) => "unsigned long long",
            (DType::U32, _) => "unsigned",
            (DType::U16, _) => "unsigned short",
            (DType::U8 | DType::Bool, _) => "unsigned char",
            _ => {
                let message = format!("the type {dtype} has no counterpart");
                return Err(Error::Code { language: self.name(), what: name.into(), message });
            }
        })
    }

    /// The types of indices, with a sign and without.
    pub fn index(self) -> (&'static str, &'static str) {
        if self.is_gpu() { ("int", "unsigned") } else { ("long", "unsigned long") }
    }

    /// A mathematical function of floating-point numbers.
    pub fn call(self, name: &str, double: bool, arguments: &[&str]) -> String {
        let suffix = if double { "" } else { "f" };
        let t = if double { "double" } else { "float" };
        match self {
            Self::C => format!("__builtin_{name}{suffix}({})", arguments.join(", ")),
            Self::Cuda => format!("{name}{suffix}({})", arguments.join(", ")),
            // Functions are overloaded, and integers would be ambiguous.
            Self::OpenCl => {
                let arguments: Vec<String> = arguments.iter().map(|a| format!("({t})({a})")).collect();
                format!("{name}({})", arguments.join(", "))
            }
        }
    }

    pub fn infinity(self) -> &'static str {
        match self {
            Self::C => "__builtin_inff()",
            Self::OpenCl => "INFINITY",
            Self::Cuda => "__int_as_float(0x7f800000)",
        }
    }

    pub fn nan(self) -> &'static str {
        match self {
            Self::C => "__builtin_nanf(\"\")",
            Self::OpenCl => "NAN",
            Self::Cuda => "__int_as_float(0x7fffffff)",
        }
    }

    /// Number of a block.
    pub fn block(self, dim: Dim) -> String {
        match self {
            Self::Cuda => format!("blockIdx.{}", crate::text::lower(&dim)),
            _ => format!("get_group_id({})", dim as usize),
        }
    }

    /// Number of a thread in its block.
    pub fn thread(self, dim: Dim) -> String {
        match self {
            Self::Cuda => format!("threadIdx.{}", crate::text::lower(&dim)),
            _ => format!("get_local_id({})", dim as usize),
        }
    }

    /// Asks for an element of a buffer of so many. GPUs are asked for none outside of it.
    pub fn prefetch(self, name: &str, index: &str, elements: u64) -> String {
        let inside = format!("{name} + max(0, min({index}, {}))", elements.saturating_sub(1));
        match self {
            Self::C => format!("__builtin_prefetch({name} + {index});"),
            Self::OpenCl => format!("prefetch({inside}, 1);"),
            Self::Cuda => format!("asm volatile(\"prefetch.global.L2 [%0];\" :: \"l\"({inside}));"),
        }
    }

    pub fn barrier(self) -> &'static str {
        if self == Self::Cuda { "__syncthreads();" } else { "barrier(CLK_LOCAL_MEM_FENCE);" }
    }

    /// What stands before a loop that is to be written out.
    pub fn unroll(self, trips: u64) -> String {
        if self.is_gpu() { "#pragma unroll".into() } else { format!("UNROLL({})", trips.min(65_534)) }
    }
}
