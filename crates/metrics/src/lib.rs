//! Regression and ranking metrics for performance prediction
