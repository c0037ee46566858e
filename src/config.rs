//! The settings: reads them from where they are given, and reports everything that is wrong with them at once.
//!
//! `config/default.toml` is embedded: it is the documentation, the defaults and the schema. A file
//! overrides it key by key, the environment (`STANCHION__SECTION__KEY`) overrides the file.

mod check;
mod load;
mod outbox;
mod payment;
mod secrets;
mod upstream;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::facts::settlement::Bookkeeping;

pub use load::{ConfigFaults, load, load_from};
pub use outbox::{KafkaConfig, KafkaSecurity, OutboxConfig, SaslMechanism};
pub use payment::{PaymentConfig, PortoneConfig, SandboxConfig, TossConfig};
pub use secrets::{PassKeys, SecretError, fill_payment_secrets, fill_secrets};
pub use upstream::UpstreamConfig;

pub const DEFAULT: &str = include_str!("../config/default.toml");

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub admin: AdminConfig,
    pub store: StoreConfig,
    pub redis: RedisConfig,
    pub ledger: LedgerConfig,
    pub auth: AuthConfig,
    pub queue: QueueConfig,
    pub pass: PassConfig,
    pub web: WebConfig,
    pub limits: LimitsConfig,
    pub pipeline: PipelineConfig,
    pub outbox: OutboxConfig,
    pub money: MoneyConfig,
    pub payment: PaymentConfig,
    pub log: LogConfig,
    /// Read beside the sections: `[[upstream]]` tables.
    #[serde(skip)]
    pub upstream: Vec<UpstreamConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    pub public_url: String,
    pub trusted_proxies: Vec<String>,
    pub cors_origins: Vec<String>,
    pub body_max: usize,
    pub body_max_admin: usize,
    pub header_timeout_ms: u64,
    pub write_timeout_ms: u64,
    pub body_timeout_ms: u64,
    pub request_timeout_ms: u64,
    pub connections_max: usize,
    pub client_connections_max: usize,
    pub drain_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    pub listen: SocketAddr,
    pub public: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    Embedded,
    Redis,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    pub kind: StoreKind,
    pub data_dir: PathBuf,
    pub lanes: u16,
    /// How long holds and orders that have ended are kept in their lane.
    pub ended_keep_s: i64,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    pub url: String,
    pub pool: usize,
    pub timeout_ms: u64,
    pub wait_replicas: u32,
    /// Farthest a caller's time may be from the server's for a step that changes something; 0: any.
    pub skew_max_ms: i64,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerConfig {
    pub url: String,
    pub replica_url: String,
    pub write_pool: u32,
    pub read_pool: u32,
    pub read_timeout_ms: u64,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    pub hs256_secret: String,
    pub jwks_file: String,
    pub jwks_url: String,
    pub issuer: String,
    pub audience: String,
    pub leeway_s: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofOfWork {
    Off,
    Adaptive,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueConfig {
    pub secrets: Vec<String>,
    pub waiting_max: i64,
    pub pulse_ms: u64,
    pub pulse_work_max: i64,
    pub poll_min_ms: u64,
    pub poll_max_ms: u64,
    pub proof_of_work: ProofOfWork,
    pub proof_free_rps: u32,
    pub proof_bits_min: u8,
    pub proof_bits_max: u8,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassConfig {
    pub private_key_file: String,
    pub old_public_keys: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebConfig {
    pub shop_url: String,
    pub room_template: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    pub address_rps: u32,
    pub client_rps: u32,
    pub client_burst: u32,
    pub visitor_rps: u32,
    pub join_rps: u32,
    pub join_burst: u32,
    pub in_flight: usize,
    pub streams: usize,
    pub keys_max: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineConfig {
    pub batch_max: usize,
    pub idle_ms: u64,
    pub lease_ms: i64,
    pub log_max: i64,
    /// How long the ledger keeps the ids of finished records.
    pub record_keep_s: i64,
    /// How long an event that is over stays in its lane.
    pub event_keep_d: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyConfig {
    /// ISO 4217; one for the whole house.
    pub currency: String,
    /// IANA name of the time zone in which months of settlements begin and end.
    pub zone: String,
}

impl MoneyConfig {
    pub fn books(&self) -> Bookkeeping {
        Bookkeeping { currency: self.currency.clone(), zone: self.zone.clone() }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    pub level: String,
    pub format: String,
}
