//! Graph neural network layers on libtorch
