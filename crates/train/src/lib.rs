//! Training, evaluation and checkpoints of performance predictors
