//! `tachograph store roles`.

use anyhow::Result;
use tachograph_store::ROLES;

use crate::{exit, store::Place};

/// Make the roles of a PostgreSQL store: reader, submitter, worker, owner; doing it again puts them right
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
}

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.open()?;
    store.grant_roles()?;
    out!("{}: {}", store.location(), ROLES.join(", "));
    out!("give a person or a board a login with one of them: create user board1 password '…' in role {}", ROLES[2]);
    Ok(())
}
