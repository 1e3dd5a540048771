//! Runs a computational graph on libtorch and measures it
