//! Records where libtorch is in this package's tests and examples.

fn main() {
    #[cfg(feature = "torch")]
    tachograph_torch_link::link();
}
