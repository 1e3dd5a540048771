//! Records where libtorch is, and compiles the kernels against it.

use std::{env, path::PathBuf};

fn main() {
    tachograph_torch_link::link();
    println!("cargo::rustc-check-cfg=cfg(fused)");
    println!("cargo::rerun-if-changed=native");
    let os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if env::var_os("DOCS_RS").is_some() || !["linux", "macos"].contains(&os.as_str()) {
        return;
    }
    // Without it `link` has already said what is missing.
    let Some(lib) = env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else { return };
    let include = lib.join("../include");
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .opt_level(3)
        .warnings(false)
        .flag_if_supported("-fopenmp")
        // Without these comparisons and exponentials do not vectorise.
        .flag_if_supported("-fno-trapping-math")
        .flag_if_supported("-fno-math-errno")
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .files(["native/segments.cpp", "native/backward.cpp"]);
    if env::var_os("CARGO_FEATURE_AMX").is_some() {
        build.files(["native/gemm.cpp", "native/linear.cpp"]);
    }
    build.compile("tachograph_gnn_kernels");
    println!("cargo::rustc-cfg=fused");
}
