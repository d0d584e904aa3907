//! `tandem trunk …`

use std::net::IpAddr;

use clap::Subcommand;
use serde_json::{Value, json};
use tandem_core::{Number, TrunkName};

use super::Failure;
use super::admin::{TenantArgs, all, say, table};
use super::client::{Client, segment};
use crate::config::Config;

/// `tandem trunk …`
#[derive(Debug, Subcommand)]
pub(super) enum TrunkCommand {
    /// Set up a trunk.
    #[command(after_help = "With --register-user the password is read from TANDEM_TRUNK_PASSWORD: a command line is seen by others.\n\n\
        Examples:\n  tandem trunk add carrier --host 192.0.2.10 --port 5060 --tenant shop\n  \
        TANDEM_TRUNK_PASSWORD=… tandem trunk add carrier --host sip.carrier.example --register-user me --tenant shop")]
    Add {
        /// Its name.
        name: TrunkName,
        /// Host name or address of the carrier.
        #[arg(long)]
        host: String,
        /// Port; without it by DNS, else 5060.
        #[arg(long)]
        port: Option<u16>,
        /// udp, tcp or tls.
        #[arg(long, default_value = "udp", value_parser = ["udp", "tcp", "tls"])]
        transport: String,
        /// Encryption of its media.
        #[arg(long, default_value = "off", value_parser = ["off", "preferred", "required"])]
        srtp: String,
        /// Register at the carrier under this user name.
        #[arg(long)]
        register_user: Option<String>,
        /// Seconds between registrations.
        #[arg(long, default_value_t = 300)]
        register_expires_s: u32,
        /// Further address that its calls may come from; may be given several times.
        #[arg(long = "source", value_name = "ADDRESS")]
        sources: Vec<IpAddr>,
        /// Lower is tried first.
        #[arg(long, default_value_t = 0)]
        priority: u16,
        /// Called numbers it takes, by prefix; may be given several times. Without one it takes all.
        #[arg(long = "prefix", value_name = "DIGITS")]
        prefixes: Vec<String>,
        /// Caller number shown to the carrier.
        #[arg(long)]
        caller_number: Option<Number>,
        /// Most calls at once.
        #[arg(long, default_value_t = 1000)]
        max_calls: u32,
        /// Seconds between OPTIONS pings; 0 sends none.
        #[arg(long, default_value_t = 30)]
        options_interval_s: u32,
        #[command(flatten)]
        of: TenantArgs,
    },
    /// List trunks with their condition.
    List {
        #[command(flatten)]
        of: TenantArgs,
    },
    /// Remove a trunk.
    Remove {
        /// Its name.
        name: TrunkName,
        #[command(flatten)]
        of: TenantArgs,
    },
}

pub(super) async fn run(command: TrunkCommand, config: &Config) -> Result<(), Failure> {
    match command {
        TrunkCommand::Add {
            name,
            host,
            port,
            transport,
            srtp,
            register_user,
            register_expires_s,
            sources,
            priority,
            prefixes,
            caller_number,
            max_calls,
            options_interval_s,
            of,
        } => {
            let register = register_user.map(|user| json!({"user": user, "expires_s": register_expires_s}));
            let password = std::env::var("TANDEM_TRUNK_PASSWORD").ok().filter(|_| register.is_some());
            let body = json!({
                "name": name, "host": host, "port": port, "transport": transport, "register": register, "password": password,
                "sources": sources, "priority": priority, "prefixes": prefixes, "caller_number": caller_number, "max_calls": max_calls,
                "options_interval_s": options_interval_s, "srtp": srtp,
            });
            let made: Value = Client::new(&of.server, config)?.post(&of.path("trunks"), &body).await?;
            say(if of.server.json { made.to_string() } else { format!("Trunk {name} is set up.") })
        }
        TrunkCommand::List { of } => {
            let items = all(&Client::new(&of.server, config)?, &of.path("trunks")).await?;
            let columns = [
                ("NAME", "/trunk/name"),
                ("HOST", "/trunk/host"),
                ("STATE", "/state"),
                ("SINCE", "/since"),
                ("REASON", "/reason"),
                ("PRIORITY", "/trunk/priority"),
            ];
            table(&items, of.server.json, &columns)
        }
        TrunkCommand::Remove { name, of } => {
            Client::new(&of.server, config)?.delete(&of.path(&format!("trunks/{}", segment(name.as_str())))).await?;
            say(format!("Trunk {name} is removed."))
        }
    }
}
