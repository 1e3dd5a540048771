//! One binary, since linking libtorch is slow.

mod adaptation;
mod checkpoint;
mod child;
mod corpus;
mod data;
mod documents;
mod ensemble;
mod fixture;
mod losses;
mod npz;
mod optimizers;
mod programs;
mod ranking;
mod record;
mod runs;
mod survival;
mod table;
#[cfg(feature = "mpi")]
mod with_mpi;
mod zoo;
