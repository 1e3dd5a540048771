//! Runs every example.

// As modules, so that they are compiled once more and not looked for in the target directory.
macro_rules! examples {
    ($($(#[$when:meta])? $name:ident: $path:literal;)*) => {
        $($(#[$when])? #[path = $path] mod $name;)*

        /// One test each, so that a failure says which.
        mod runs {
            $($(#[$when])? #[test] fn $name() { super::$name::main().unwrap(); })*
        }
    };
}

examples! {
    predict: "../predict.rs";
    choose: "../choose.rs";
    new_device: "../new_device.rs";
    own_data: "../own_data.rs";
    #[cfg(feature = "torch")] train: "../train.rs";
    #[cfg(feature = "torch")] custom_layer: "../custom_layer.rs";
}

#[test]
fn every_example_is_run() {
    let examples = include_str!("../Cargo.toml").matches("[[example]]").count();
    assert_eq!(include_str!("examples.rs").matches(".rs\";").count(), examples);
}
