//! Where the tests find libtorch, if they are built for it.

fn main() {
    if std::env::var_os("CARGO_FEATURE_TORCH").is_some() {
        tachograph_torch_link::link();
    }
}
