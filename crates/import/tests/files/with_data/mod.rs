//! Files that are not in the repository: `TACHOGRAPH_MODELS` and `TACHOGRAPH_DATA` name their folders.

#[cfg(feature = "onnx")]
mod fusion;
#[cfg(feature = "ncnn")]
mod ncnn;
#[cfg(feature = "onnx")]
mod onnx;
