//! The sections of the configuration and their defaults. Units are in the names: `_s` seconds, `_ms` milliseconds.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tandem_core::Transport;

use super::Listen;

/// `[node]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NodeConfig {
    /// Name of this node in logs and metrics.
    pub name: String,
    /// Folder for the event log, the credential store and the read models; made at start, only for its owner (0700).
    pub data_dir: PathBuf,
}

impl Default for NodeConfig {
    fn default() -> Self {
        NodeConfig { name: "tandem".into(), data_dir: PathBuf::from("data") }
    }
}

/// When a committed event is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// On disk before anything that depends on it is sent: survives a loss of power.
    Always,
    /// Handed to the system at once, on disk within `interval_ms`: survives a crash of the program.
    Interval,
    /// Handed to the system; it writes when it likes.
    Os,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// When a committed event is safe.
    pub durability: Durability,
    /// With `durability = "interval"`: most milliseconds between syncs.
    pub interval_ms: u64,
    /// Size of a segment file in MiB.
    pub segment_mib: u64,
    /// Most MiB of sealed segments kept; the oldest that Kafka and the read models no longer need go first. 0 keeps all.
    pub retention_mib: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { durability: Durability::Always, interval_ms: 100, segment_mib: 64, retention_mib: 0 }
    }
}

/// `[kafka]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConfig {
    /// Brokers, `host:port` separated by commas.
    pub bootstrap: String,
    /// Topic; its partitioning key is the tenant.
    pub topic: String,
    /// Further librdkafka properties, `"security.protocol" = "ssl"` for example.
    pub properties: BTreeMap<String, String>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        KafkaConfig { bootstrap: "127.0.0.1:9092".into(), topic: "tandem.events".into(), properties: BTreeMap::new() }
    }
}

/// A digest algorithm (RFC 8760).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DigestAlgorithm {
    /// RFC 2617's.
    #[serde(rename = "MD5")]
    Md5,
    /// RFC 8760's.
    #[serde(rename = "SHA-256")]
    Sha256,
}

/// `[sip]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SipConfig {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// Address that peers are told (Via, Contact) when it differs from the one listened on, behind 1:1 NAT say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_address: Option<IpAddr>,
    /// PEM file with the certificate (and its chain) that `tls:` and `wss:` listeners show. It is followed when it changes. Absent:
    /// a self-signed one is made in the data folder at the first start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// PEM file with the authorities that may vouch for trunks; absent means those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_authorities: Option<PathBuf>,
    /// Take `*.example.com` in a trunk's certificate for `sip.example.com`. RFC 5922 forbids it, some carriers have nothing else.
    pub tls_wildcards: bool,
    /// Hosts of trunks whose certificate is not checked at all. Insecure: whoever is on the way can listen and speak.
    pub tls_insecure_trunk_hosts: Vec<String>,
    /// Origins whose pages may open WebSockets, `https://desk.example.com`; empty lets all.
    pub websocket_origins: Vec<String>,
    /// Digest realm. Passwords are stored as hashes over it: changing it makes every phone's password void.
    pub realm: String,
    /// Digest algorithms offered, `MD5` and `SHA-256`, the preferred first. Only MD5 by default: phones in wide use give up on
    /// a challenge that also offers what they don't know. Generated passwords are long enough for either.
    pub digest: Vec<DigestAlgorithm>,
    /// Server and User-Agent header; empty sends none.
    pub user_agent: String,
    /// RFC 3261 T1: estimate of the round-trip time, in milliseconds.
    pub t1_ms: u64,
    /// RFC 3261 T2: longest pause between retransmissions, in milliseconds.
    pub t2_ms: u64,
    /// RFC 3261 T4: how long a message stays in the network, in milliseconds.
    pub t4_ms: u64,
    /// Registration expiry given when the phone asks for none.
    pub expires_default_s: u32,
    /// Shortest registration expiry accepted (423 below it).
    pub expires_min_s: u32,
    /// Longest registration expiry given.
    pub expires_max_s: u32,
    /// Session timer that we ask for (RFC 4028); 0 asks for none.
    pub session_expires_s: u32,
    /// How long a digest nonce is good.
    pub nonce_lifetime_s: u32,
    /// Most transactions at once; new ones get 503 beyond it.
    pub transactions_max: u32,
    /// Most legs at once; new calls get 503 beyond it.
    pub legs_max: u32,
}

impl Default for SipConfig {
    fn default() -> Self {
        let addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5060);
        SipConfig {
            listen: vec![Listen { transport: Transport::Udp, addr }, Listen { transport: Transport::Tcp, addr }],
            public_address: None,
            tls_certificate: None,
            tls_key: None,
            tls_authorities: None,
            tls_wildcards: false,
            tls_insecure_trunk_hosts: Vec::new(),
            websocket_origins: Vec::new(),
            realm: "tandem".into(),
            digest: vec![DigestAlgorithm::Md5],
            user_agent: "Tandem".into(),
            t1_ms: 500,
            t2_ms: 4000,
            t4_ms: 5000,
            expires_default_s: 300,
            expires_min_s: 60,
            expires_max_s: 3600,
            session_expires_s: 1800,
            nonce_lifetime_s: 300,
            transactions_max: 200_000,
            legs_max: 40_000,
        }
    }
}

/// Which source a leg's packets are taken from. Once a source is taken, no other is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Latch {
    /// The address and port in the peer's SDP only.
    Strict,
    /// The first valid source from the IP address that SDP names or, if that one is private, that signalling comes from:
    /// for phones behind NAT.
    Nat,
}

/// `[rtp]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RtpConfig {
    /// Address to open media ports on.
    pub ip: IpAddr,
    /// Address that peers are told in SDP when it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_address: Option<IpAddr>,
    /// First media port, even.
    pub port_min: u16,
    /// Last media port.
    pub port_max: u16,
    /// Media threads; 0 means one per two cores, at least one.
    pub workers: u16,
    /// Which source a leg's packets are taken from.
    pub latch: Latch,
    /// Seconds without a packet after which a leg is reported silent and its call ended; 0 never.
    pub silence_s: u32,
    /// Folder of prompts (`<tenant>/<name>.wav`); default `prompts` in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts_dir: Option<PathBuf>,
    /// Folder of recordings (`<tenant>/…`); default `recordings` in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recordings_dir: Option<PathBuf>,
}

impl Default for RtpConfig {
    fn default() -> Self {
        RtpConfig {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            public_address: None,
            port_min: 20_000,
            port_max: 39_999,
            workers: 0,
            latch: Latch::Nat,
            silence_s: 60,
            prompts_dir: None,
            recordings_dir: None,
        }
    }
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How the world reaches us, behind a TLS proxy say: `https://tandem.example`. Printed in links; https makes cookies Secure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Keep the admin token in `admin-token` in the data folder (0600), so that the command line finds it.
    pub token_file: bool,
    /// Largest request body in KiB.
    pub body_kib: u32,
    /// Seconds a client may take to send its request head.
    pub header_timeout_s: u32,
    /// Most connections at once; more wait in the system's queue.
    pub connections_max: u32,
    /// Most event streams at once.
    pub streams_max: u32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            public_url: None,
            token_file: true,
            body_kib: 2048,
            header_timeout_s: 10,
            connections_max: 1024,
            streams_max: 256,
        }
    }
}

/// `[signature]`: requests signed with a tenant's AK and SK.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SignatureConfig {
    /// Seconds that a request's time may be away from ours, either way.
    pub window_s: u32,
    /// Also take the form of clients that sign an empty line where a request has no query parameters.
    pub empty_query_line: bool,
    /// Refused signatures of one address within `lock_window_s` after which it is locked.
    pub lock_failures: u32,
    /// The window of `lock_failures`, in seconds.
    pub lock_window_s: u32,
    /// Seconds that an address stays locked (403).
    pub lock_s: u32,
    /// Proxies whose `X-Forwarded-Host` is the host that clients signed.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for SignatureConfig {
    fn default() -> Self {
        SignatureConfig {
            window_s: 900,
            empty_query_line: true,
            lock_failures: 20,
            lock_window_s: 60,
            lock_s: 300,
            trusted_proxies: Vec::new(),
        }
    }
}

/// How long a guid of the CC-Gateway interface is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GuidMode {
    /// As long as the session.
    Static,
    /// A minute or two; polls bring new ones. Few programs can do that.
    Dynamic,
}

/// `[gateway]`: the CC-Gateway interface for agents' programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Whether HTTPS is on.
    pub https: bool,
    /// Where HTTPS listens.
    pub listen: SocketAddr,
    /// Where plain HTTP listens; absent means nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_listen: Option<SocketAddr>,
    /// Certificate chain (PEM); without it one is made at the first start and kept in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The certificate's key (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Name of this gateway in guids and sign-in answers.
    pub server_name: String,
    /// How long a guid is good.
    pub guid: GuidMode,
    /// Hosts that events may be pushed to, `host` or `host:port`; empty refuses push mode.
    pub push_hosts: Vec<String>,
    /// Check the certificates of hosts that events are pushed to.
    pub push_verify: bool,
    /// Most connections at once: each polling agent keeps one.
    pub connections_max: u32,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        GatewayConfig {
            https: true,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8043),
            http_listen: None,
            certificate: None,
            key: None,
            server_name: "AgentGateway1".into(),
            guid: GuidMode::Static,
            push_hosts: Vec::new(),
            push_verify: true,
            connections_max: 8192,
        }
    }
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Database of the read models: `sqlite:/path/to/file` or `postgres://user:password@host/database`, one for each node; default
    /// `views.sqlite` in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Shards (threads that own tenants); 0 means one per two cores, at least one.
    pub shards: u16,
    /// Batches a shard's mailbox holds; a full one answers 503.
    pub mailbox_batches: u32,
    /// Commands in a batch.
    pub batch_commands: u32,
    /// Events of a tenant between two snapshots.
    pub snapshot_every: u64,
    /// Most rows in one import request.
    pub import_rows: u32,
    /// Most items in one page of a list.
    pub page_items: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        LimitsConfig { shards: 0, mailbox_batches: 64, batch_commands: 128, snapshot_every: 100_000, import_rows: 1000, page_items: 1000 }
    }
}

/// `[output]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutputConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,tandem_media=debug`.
    pub level: String,
    /// One JSON object per line instead of text.
    pub json: bool,
}

impl Default for OutputConfig {
    fn default() -> Self {
        OutputConfig { level: "info".into(), json: false }
    }
}
