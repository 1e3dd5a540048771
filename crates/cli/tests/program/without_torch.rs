//! What a build without libtorch says of the verbs that need it.

use crate::{RESNET, run};

#[test]
fn verbs_that_need_libtorch_say_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.sqlite");
    for args in [
        &["profile", RESNET, "--threads", "1"][..],
        &["collect", "--out", "x", "--name", "x"],
        &["train", "--config", "x.toml", "--out", "x"],
        &["evaluate", "--config", "x.toml", "--out", "x"],
        &["rank", "x.npz", "--checkpoint", "x.safetensors"],
        &["adapt", "mine.csv", "--device", "d"],
        &["predict", RESNET, "--measure"],
        &["query", RESNET, "--measure", "--store", store.to_str().unwrap()],
        &["worker", "--store", "x.sqlite"],
        &["transfer", "mine.csv", "--device", "d", "--by", "checkpoint"],
        &["transfer", "mine.csv", "--device", "d", "--out", "d.safetensors"],
    ] {
        let ran = run(args);
        assert!(ran.failed().contains("cargo install tachograph-cli --features torch"), "{args:?}: {}", ran.err);
    }
}

#[test]
fn their_help_shows_what_they_take() {
    for (verb, option) in [
        ("profile", "--threads"),
        ("collect", "--visits"),
        ("train", "--seed"),
        ("evaluate", "--families"),
        ("rank", "--submission"),
        ("adapt", "--k"),
        ("worker", "--lease"),
    ] {
        let help = run(&[verb, "--help"]).well().out;
        assert!(help.contains(option), "{verb}: {help}");
        assert_eq!(
            help.contains("This build has no libtorch, which this verb needs: cargo install"),
            verb != "adapt",
            "{help}"
        );
    }
}
