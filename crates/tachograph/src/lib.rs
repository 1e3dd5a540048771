//! Predict the latency of neural networks from their computational graphs
