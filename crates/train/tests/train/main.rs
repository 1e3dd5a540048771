//! One binary, since linking libtorch is slow.

mod adam;
mod checkpoint;
mod data;
mod fixture;
mod losses;
mod runs;
