//! `tandem phone …`

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};
use tandem_core::UserName;

use super::Failure;
use super::admin::{TenantArgs, all, say, table};
use super::client::{Client, segment};
use crate::config::Config;

/// `tandem phone …`
#[derive(Debug, Subcommand)]
pub(super) enum PhoneCommand {
    /// Set up a phone; prints its password once.
    Add {
        /// User part of its address, and its digest user name.
        user: UserName,
        /// Name shown to the called party.
        #[arg(long)]
        display_name: Option<String>,
        /// Most contacts at once, 1 to 20.
        #[arg(long)]
        max_contacts: Option<u8>,
        /// Encryption of its media.
        #[arg(long, default_value = "off", value_parser = ["off", "preferred", "required"])]
        srtp: String,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// List phones.
    List {
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Remove a phone.
    Remove {
        /// Its user name.
        user: UserName,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Give a phone a new password; prints it once.
    Password {
        /// Its user name.
        user: UserName,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Set up or change thousands of phones from a CSV file.
    #[command(after_help = "The file begins with a line of column names: user, and optionally display_name and password.\n\
        Phones that are there and equal stay as they are, so an import can be repeated.\n\n\
        Example:\n  user,display_name,password\n  1001,Ann Lee,\n  1002,\"Berg, Bo\",a-password-of-ours\n\n\
        Generated passwords go to --out (readable by you only), or to standard output, once.")]
    Import {
        /// The file; `-` reads standard input.
        file: PathBuf,
        /// Write generated passwords to this file, which must not exist.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        of: TenantArgs,
    },
}

pub(super) async fn run(command: PhoneCommand, config: &Config) -> Result<(), Failure> {
    match command {
        PhoneCommand::Add { user, display_name, max_contacts, srtp, of } => {
            let body = json!({"user": user, "display_name": display_name, "max_contacts": max_contacts, "srtp": srtp});
            let made: Value = Client::new(&of.server, config)?.post(&of.path("phones"), &body).await?;
            password(&made, of.server.json)
        }
        PhoneCommand::List { of } => {
            let items = all(&Client::new(&of.server, config)?, &of.path("phones")).await?;
            let columns = [("USER", "/user"), ("NAME", "/display_name"), ("REGISTERED", "/registrations"), ("PASSWORD", "/has_password")];
            table(&items, of.server.json, &columns)
        }
        PhoneCommand::Remove { user, of } => {
            Client::new(&of.server, config)?.delete(&of.path(&format!("phones/{}", segment(user.as_str())))).await?;
            say(format!("Phone {user} is removed."))
        }
        PhoneCommand::Password { user, of } => {
            let path = of.path(&format!("phones/{}/password", segment(user.as_str())));
            let made: Value = Client::new(&of.server, config)?.post(&path, &json!({})).await?;
            password(&made, of.server.json)
        }
        PhoneCommand::Import { file, out, of } => super::import::phones(&file, out.as_deref(), &of, config).await,
    }
}

fn password(made: &Value, json: bool) -> Result<(), Failure> {
    if json {
        return say(made);
    }
    let text = |key: &str| made.get(key).and_then(Value::as_str).unwrap_or_default();
    say(format!(
        "user {}  realm {}  password {}\nThe password is not stored in plain: note it now.",
        text("user"),
        text("realm"),
        text("password")
    ))
}
