//! One suite for both databases: SQLite in a temporary folder, and the real PostgreSQL server, started for the run.

mod cases;
mod jobs;
mod server;
mod support;
