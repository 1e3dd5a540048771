//! `tachograph`: what a neural network will take on a device, before anyone runs it. A verb is a module of [`verbs`].

#[macro_use]
mod exit;
mod args;
mod device;
mod here;
#[cfg(feature = "torch")]
mod measured;
mod models;
#[cfg(feature = "torch")]
mod progress;
mod store;
mod table;
mod tuned;
mod verbs;
mod wanted;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use verbs::{
    adapt, choose, collect, compile, completions, data, devices, doctor, ensemble, evaluate, inspect, label, predict,
    profile, program, query, rank, runner, sample, store as store_verb, train, transfer, tune, worker,
};

/// What a neural network will take on a device, before anyone runs it.
#[derive(Parser)]
#[command(name = "tachograph", version, after_help = exit::CODES)]
struct Program {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Inspect(inspect::Args),
    Predict(predict::Args),
    Program(program::Args),
    Query(query::Args),
    Store(store_verb::Args),
    Worker(worker::Args),
    #[command(hide = true)]
    Runner(runner::Args),
    Choose(choose::Args),
    Profile(profile::Args),
    Collect(collect::Args),
    Sample(sample::Args),
    Label(label::Args),
    Data(data::Args),
    Train(train::Args),
    Evaluate(evaluate::Args),
    Rank(rank::Args),
    Ensemble(ensemble::Args),
    Adapt(adapt::Args),
    Transfer(transfer::Args),
    Tune(Box<tune::Args>),
    Compile(compile::Args),
    Devices(devices::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
}

fn main() -> ExitCode {
    let verb = match args::parse::<Program>() {
        Ok(program) => program.verb,
        Err(code) => return code,
    };
    exit::with(|| match verb {
        Verb::Inspect(args) => inspect::run(&args),
        Verb::Predict(args) => predict::run(&args),
        Verb::Program(args) => program::run(&args),
        Verb::Query(args) => query::run(&args),
        Verb::Store(args) => store_verb::run(&args),
        Verb::Worker(args) => worker::run(&args),
        Verb::Runner(args) => runner::run(&args),
        Verb::Choose(args) => choose::run(&args),
        Verb::Profile(args) => profile::run(&args),
        Verb::Collect(args) => collect::run(&args),
        Verb::Sample(args) => sample::run(&args),
        Verb::Label(args) => label::run(&args),
        Verb::Data(args) => data::run(&args),
        Verb::Train(args) => train::run(&args),
        Verb::Evaluate(args) => evaluate::run(&args),
        Verb::Rank(args) => rank::run(&args),
        Verb::Ensemble(args) => ensemble::run(&args),
        Verb::Adapt(args) => adapt::run(&args),
        Verb::Transfer(args) => transfer::run(&args),
        Verb::Tune(args) => tune::run(&args),
        Verb::Compile(args) => compile::run(&args),
        Verb::Devices(args) => devices::run(&args),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Completions(args) => completions::run(&args),
    })
}
