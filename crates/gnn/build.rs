//! Records where libtorch is in this package's tests and examples.

fn main() {
    tachograph_torch_link::link();
}
