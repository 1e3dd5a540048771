//! Records where libtorch is in this package's programs and tests, if they are built with libtorch.

fn main() {
    #[cfg(feature = "torch")]
    tachograph_torch_link::link();
}
