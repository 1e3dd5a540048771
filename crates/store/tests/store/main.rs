//! One suite for both databases: SQLite in a temporary folder, and the real PostgreSQL server, started for the run.

mod cases;
mod child;
mod jobs;
mod proxy;
mod rest;
mod roles;
mod server;
mod storm;
mod support;
mod trouble;
