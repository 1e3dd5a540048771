//! Records where libtorch is in the program, if it is built with libtorch.

fn main() {
    #[cfg(feature = "torch")]
    tachograph_torch_link::link();
}
