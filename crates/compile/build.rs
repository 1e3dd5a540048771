//! Where the tests find libtorch, which they have in them where they are built together with packages that use it (`cargo test
//! --workspace`): cargo builds `tachograph-tune` once then, with the features of all.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    let lib = std::env::var_os("LIBTORCH").map(|folder| std::path::Path::new(&folder).join("lib"));
    if let Some(lib) = lib.filter(|lib| lib.exists()) {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
}
