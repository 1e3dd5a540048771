//! Real model files.

#[path = "../common/mod.rs"]
mod common;
mod with_data;
