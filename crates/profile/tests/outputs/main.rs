//! What the executor computes, against other programs: ONNX Runtime on whole networks, and the reference
//! implementation of ONNX on single operators.

mod case;
mod compiled;
mod export;
mod kernels;
mod networks;
mod nodes;
mod survey;
