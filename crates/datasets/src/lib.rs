//! Network generator, measurement records, splits and data sets
