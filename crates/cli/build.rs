//! Records where libtorch is in the program.

#[cfg(feature = "torch")]
fn main() {
    tachograph_torch_link::link();
}

/// Built alone, the program has no libtorch in it. Built together with packages that use libtorch (`cargo test --workspace`),
/// it has, since cargo builds a library below several packages once, with the features of all.
#[cfg(not(feature = "torch"))]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    let lib = std::env::var_os("LIBTORCH").map(|folder| std::path::Path::new(&folder).join("lib"));
    if let Some(lib) = lib.filter(|lib| lib.exists()) {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
}
