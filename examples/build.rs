//! Records where libtorch is in the examples and their test, if they are built with libtorch.

fn main() {
    #[cfg(feature = "torch")]
    tachograph_torch_link::link();
}
