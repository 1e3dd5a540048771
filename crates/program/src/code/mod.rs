//! Code from nests: C for GCC and Clang.

mod c;
mod prelude;
mod vector;

pub use c::{CCode, Target, c};
