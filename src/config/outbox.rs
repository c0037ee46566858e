//! `[outbox]` and its rules.

use serde::Deserialize;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxConfig {
    /// Notices may go to private addresses, and over plain http.
    pub allow_private: bool,
    /// Notices under way to one endpoint at once, from one lane.
    pub in_flight: usize,
    pub delivered_keep_s: i64,
    pub failed_keep_s: i64,
    pub kafka: KafkaConfig,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Empty: notices do not go to Kafka.
    pub brokers: Vec<String>,
    /// What the names of the topics begin with.
    pub prefix: String,
    /// How long a message may take, until it waits in the ledger again.
    pub timeout_ms: u64,
    /// Messages under way at once, from one lane.
    pub in_flight: usize,
    pub security: KafkaSecurity,
    /// Authorities that sign the brokers' certificates, PEM. Empty: those of the system.
    pub ca_file: String,
    pub mechanism: SaslMechanism,
    pub username: String,
    pub password: String,
    pub password_file: String,
}

impl KafkaConfig {
    pub fn is_on(&self) -> bool {
        !self.brokers.is_empty()
    }
}

/// How brokers are spoken to, in Kafka's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KafkaSecurity {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl KafkaSecurity {
    pub fn as_str(self) -> &'static str {
        match self {
            KafkaSecurity::Plaintext => "plaintext",
            KafkaSecurity::Ssl => "ssl",
            KafkaSecurity::SaslPlaintext => "sasl_plaintext",
            KafkaSecurity::SaslSsl => "sasl_ssl",
        }
    }

    pub fn has_tls(self) -> bool {
        matches!(self, KafkaSecurity::Ssl | KafkaSecurity::SaslSsl)
    }

    pub fn has_sasl(self) -> bool {
        matches!(self, KafkaSecurity::SaslPlaintext | KafkaSecurity::SaslSsl)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum SaslMechanism {
    #[serde(rename = "PLAIN")]
    Plain,
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    pub fn as_str(self) -> &'static str {
        match self {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// What this program was built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    WithKafka,
    Plain,
}

const THIS_BUILD: Build = if cfg!(feature = "kafka") { Build::WithKafka } else { Build::Plain };

/// Longest prefix, so that a topic's name has at most 249 characters, as Kafka wants.
const PREFIX_MAX: usize = 200;

/// Every rule of `[outbox]` that does not hold, one line each.
pub(super) fn rules(outbox: &OutboxConfig) -> Vec<String> {
    let mut faults = Vec::new();
    let mut rule = |holds: bool, text: String| {
        if !holds {
            faults.push(text);
        }
    };
    rule((1..=256).contains(&outbox.in_flight), "outbox.in_flight: 1 to 256".into());
    for (name, keep_s) in [("delivered_keep_s", outbox.delivered_keep_s), ("failed_keep_s", outbox.failed_keep_s)] {
        rule((60..=315_360_000).contains(&keep_s), format!("outbox.{name}: 60 to 315360000"));
    }
    faults.extend(kafka_rules(&outbox.kafka, THIS_BUILD));
    faults
}

fn kafka_rules(kafka: &KafkaConfig, build: Build) -> Vec<String> {
    let mut faults = Vec::new();
    let mut rule = |holds: bool, text: &str| {
        if !holds {
            faults.push(format!("outbox.kafka.{text}"));
        }
    };
    rule(
        !kafka.is_on() || build == Build::WithKafka,
        "brokers: this program was built without Kafka. Build it with `cargo build --release --features kafka`, take the \
         image, or leave the list empty",
    );
    for broker in &kafka.brokers {
        let parts =
            broker.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(['/', ',', ' ', '@']));
        let good = parts.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
        rule(
            good,
            &format!("brokers: {broker:?} is not a host with its port (kafka-1.example.org:9092), without a scheme"),
        );
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    rule(
        (1..=PREFIX_MAX).contains(&kafka.prefix.len()) && kafka.prefix.chars().all(legal),
        "prefix: 1 to 200 letters, digits, dots, underscores and hyphens, or Kafka refuses the topics",
    );
    rule((1_000..=300_000).contains(&kafka.timeout_ms), "timeout_ms: 1000 to 300000 ms");
    rule((1..=200).contains(&kafka.in_flight), "in_flight: 1 to 200");
    let has_password = !kafka.password.is_empty() || !kafka.password_file.is_empty();
    let security = kafka.security.as_str();
    rule(
        !kafka.security.has_sasl() || !kafka.username.is_empty() && has_password,
        &format!("username: security is {security:?}, so give a name here, and password or password_file"),
    );
    rule(
        kafka.security.has_sasl() || kafka.username.is_empty() && !has_password,
        &format!("security: {security:?} signs nobody in. With a username or a password take \"sasl_ssl\""),
    );
    rule(kafka.password.is_empty() || kafka.password_file.is_empty(), "password: give it, or password_file, not both");
    rule(
        kafka.ca_file.is_empty() || kafka.security.has_tls(),
        &format!("ca_file: security is {security:?}, so no certificate is looked at. Take \"ssl\" or \"sasl_ssl\""),
    );
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka(text: &str) -> KafkaConfig {
        let default: toml::Table = crate::config::DEFAULT.parse().expect("TOML");
        let mut kafka = default["outbox"]["kafka"].as_table().expect("a table").clone();
        kafka.extend(text.parse::<toml::Table>().expect("TOML"));
        toml::Value::Table(kafka).try_into().expect("settings of Kafka")
    }

    #[test]
    fn brokers_are_refused_by_a_program_without_kafka() {
        assert_eq!(kafka_rules(&kafka(""), Build::Plain), [""; 0], "there are none");
        let given = kafka("brokers = [\"kafka-1:9092\"]");
        assert_eq!(kafka_rules(&given, Build::WithKafka), [""; 0]);
        let refused = kafka_rules(&given, Build::Plain);
        assert!(refused.len() == 1 && refused[0].contains("built without Kafka"), "{refused:?}");
    }

    #[test]
    fn a_fault_says_what_to_do() {
        for (text, part) in [
            ("brokers = [\"kafka-1\"]", "is not a host with its port"),
            ("brokers = [\"kafka://kafka-1:9092\"]", "without a scheme"),
            ("brokers = [\"kafka-1:9092,kafka-2:9092\"]", "is not a host with its port"),
            ("brokers = [\"kafka-1:0\"]", "is not a host with its port"),
            ("prefix = \"\"", "prefix: 1 to 200"),
            ("prefix = \"sale/one\"", "prefix: 1 to 200"),
            ("timeout_ms = 1", "timeout_ms: 1000"),
            ("in_flight = 0", "in_flight: 1 to 200"),
            ("security = \"sasl_ssl\"", "give a name here"),
            ("security = \"sasl_ssl\"\nusername = \"kim\"", "password or password_file"),
            ("security = \"ssl\"\npassword = \"a\"", "signs nobody in"),
            ("security = \"sasl_ssl\"\nusername = \"kim\"\npassword = \"a\"\npassword_file = \"b\"", "not both"),
            ("ca_file = \"ca.pem\"", "no certificate is looked at"),
        ] {
            let faults = kafka_rules(&kafka(text), Build::WithKafka);
            assert!(faults.len() == 1 && faults[0].contains(part), "{text}: {faults:?}");
        }
        let all = "brokers = [\"[::1]:9092\"]\nsecurity = \"sasl_ssl\"\nusername = \"kim\"\npassword_file = \"b\"\n\
                   ca_file = \"ca.pem\"\nprefix = \"sale.one_2-x\"";
        assert_eq!(kafka_rules(&kafka(all), Build::WithKafka), [""; 0]);
    }
}
