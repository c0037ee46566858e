//! `stanchion token`: a bearer for development, signed with the configured or generated secret.

use super::{CommandFailure, Done, FileArgument, configured, usage, work};
use crate::clock::Clock;
use crate::config::fill_secrets;
use crate::edge::auth::{Mint, mint};
use crate::facts::ids::is_user;

#[derive(clap::Args)]
pub struct TokenArguments {
    /// The user (`sub`), 1 to 128 printable characters.
    #[arg(long)]
    sub: String,
    /// Space-separated scopes; "admin" opens /v1/admin.
    #[arg(long, default_value = "")]
    scope: String,
    /// How long it is valid, seconds.
    #[arg(long, default_value_t = 86_400, value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
    ttl_s: i64,
    #[command(flatten)]
    file: FileArgument,
}

pub fn run(arguments: &TokenArguments) -> Done {
    if !is_user(&arguments.sub) {
        return Err(CommandFailure::Usage("--sub: 1 to 128 printable characters, no spaces at the ends".into()));
    }
    let mut config = configured(&arguments.file)?;
    fill_secrets(&mut config).map_err(usage)?;
    if config.auth.hs256_secret.is_empty() {
        return Err(CommandFailure::Usage("users are verified by a JWKS here; only its owner can mint tokens".into()));
    }
    let wanted = Mint { sub: &arguments.sub, scope: &arguments.scope, ttl_s: arguments.ttl_s };
    println!("{}", mint(&config.auth, &Clock::system(), wanted).map_err(work)?);
    Ok(())
}
