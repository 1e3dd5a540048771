//! Tests of the research programs.
