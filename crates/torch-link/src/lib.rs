//! Build helper: runtime path to libtorch for crates with binaries, tests or examples
