//! The configuration: defaults, then one TOML file, then environment variables `TANDEM_<SECTION>__<KEY>`.
//!
//! [`load`] refuses what it doesn't know with file and line, and suggests what was probably meant. Every option is
//! explained in `tandem.example.toml`, which a test keeps equal to the defaults.

mod check;
mod listen;
mod load;
mod sections;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use listen::{Listen, ListenError};
pub use load::{ConfigError, Loaded, Problem, load, load_with};
pub use sections::{
    DigestAlgorithm, Durability, GatewayConfig, GuidMode, HttpConfig, KafkaConfig, Latch, LimitsConfig, LogConfig, NodeConfig,
    OutputConfig, RtpConfig, SignatureConfig, SipConfig, StoreConfig,
};

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who this node is and where it keeps its data.
    pub node: NodeConfig,
    /// The event log.
    pub log: LogConfig,
    /// Apache Kafka, fed from the event log; absent means off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaConfig>,
    /// SIP signalling.
    pub sip: SipConfig,
    /// RTP media.
    pub rtp: RtpConfig,
    /// HTTP: admin API, status page, metrics.
    pub http: HttpConfig,
    /// Signed requests (`auth-v2`).
    pub signature: SignatureConfig,
    /// The CC-Gateway interface for agents' programs.
    pub gateway: GatewayConfig,
    /// Read models.
    pub store: StoreConfig,
    /// Sizes of the engine and of answers.
    pub limits: LimitsConfig,
    /// The program's own log.
    pub output: OutputConfig,
}

impl Config {
    /// Folder of the event log.
    pub fn log_dir(&self) -> PathBuf {
        self.node.data_dir.join("log")
    }

    /// File of the credential store.
    pub fn credentials_file(&self) -> PathBuf {
        self.node.data_dir.join("credentials.sqlite")
    }

    /// File with the plain admin token, written at first start if `http.token_file` is set.
    pub fn token_file(&self) -> PathBuf {
        self.node.data_dir.join("admin-token")
    }

    /// File with the admin token's argon2 hash.
    pub fn token_hash_file(&self) -> PathBuf {
        self.node.data_dir.join("admin-token.argon2")
    }

    /// Folder of the prompts, one folder per tenant below it.
    pub fn prompts_dir(&self) -> PathBuf {
        self.rtp.prompts_dir.clone().unwrap_or_else(|| self.node.data_dir.join("prompts"))
    }

    /// Folder of recordings, one folder per tenant below it.
    pub fn recordings_dir(&self) -> PathBuf {
        self.rtp.recordings_dir.clone().unwrap_or_else(|| self.node.data_dir.join("recordings"))
    }

    /// Where the read models live: the configured URL, or a SQLite file in the data folder.
    pub fn store_url(&self) -> String {
        self.store.url.clone().unwrap_or_else(|| format!("sqlite:{}", self.node.data_dir.join("views.sqlite").display()))
    }

    /// The address of the admin API for people and programs on this machine.
    pub fn http_url(&self) -> String {
        self.http.public_url.clone().unwrap_or_else(|| format!("http://{}", self.http.listen))
    }

    /// The effective configuration as TOML, secrets masked.
    pub fn shown(&self) -> String {
        let mut copy = self.clone();
        if let Some(kafka) = &mut copy.kafka {
            for (key, value) in &mut kafka.properties {
                if is_secret(key) {
                    *value = MASK.to_owned();
                }
            }
        }
        if let Some(url) = &mut copy.store.url {
            *url = mask_url(url);
        }
        toml::to_string(&copy).unwrap_or_else(|error| format!("# can't be shown: {error}\n"))
    }
}

const MASK: &str = "********";

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "secret", "token", "credential", "sasl.jaas", "ssl.key.pem"].iter().any(|part| key.contains(part))
}

/// Hides the password of `scheme://user:password@host`.
fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((login, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    match login.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:{MASK}@{host}"),
        None => url.to_owned(),
    }
}
