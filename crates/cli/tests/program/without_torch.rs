//! What a build without libtorch says of the verbs that need it.

use crate::{RESNET, run};

#[test]
fn verbs_that_need_libtorch_say_how_to_get_it() {
    for args in [
        &["profile", RESNET, "--threads", "1"][..],
        &["collect"],
        &["train", "--config", "x.toml"],
        &["evaluate"],
        &["adapt", "mine.csv"],
        &["predict", RESNET, "--measure"],
        &["transfer", "mine.csv", "--device", "d", "--by", "checkpoint"],
        &["transfer", "mine.csv", "--device", "d", "--out", "d.safetensors"],
    ] {
        let ran = run(args);
        assert!(ran.failed().contains("cargo install tachograph-cli --features torch"), "{args:?}: {}", ran.err);
    }
}
