//! Records where libtorch is, and compiles what reads its statistics and its version.

use std::{env, path::PathBuf};

fn main() {
    tachograph_torch_link::link();
    println!("cargo::rerun-if-changed=native");
    // Where there is no libtorch, `link` has said so, or nothing is linked.
    let Some(lib) = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else { return };
    if env::var_os("DOCS_RS").is_none() {
        let include = lib.join("../include");
        cc::Build::new()
            .cpp(true)
            .std("c++17")
            .warnings(false)
            .include(include)
            .files(["native/memory.cpp", "native/version.cpp"])
            .compile("tachograph_profile");
    }
}
