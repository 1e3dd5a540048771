//! Benches that need no libtorch, each beside the script that runs its peer.
