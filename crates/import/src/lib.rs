//! Readers and writers of model files (ONNX) for tachograph-ir
