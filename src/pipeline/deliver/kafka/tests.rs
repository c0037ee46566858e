use super::*;
use crate::config::load_from;

fn config(text: &str) -> KafkaConfig {
    let text = format!("[outbox.kafka]\nbrokers = [\"127.0.0.1:9\", \"[::1]:9\"]\n{text}");
    load_from(&text, std::iter::empty()).unwrap_or_else(|faults| panic!("{faults}")).outbox.kafka
}

#[test]
fn all_replicas_acknowledge_and_nothing_is_reordered() {
    let settings = settings(&config("timeout_ms = 4000\n"));
    for (name, value) in [
        ("bootstrap.servers", "127.0.0.1:9,[::1]:9"),
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("message.timeout.ms", "4000"),
        ("security.protocol", "plaintext"),
    ] {
        assert_eq!(settings.get(name), Some(value), "{name}");
    }
    assert_eq!((settings.get("sasl.password"), settings.get("ssl.ca.location")), (None, None));
}

/// librdkafka refuses a setting that it does not know, and a mechanism that it was built without.
#[tokio::test]
async fn every_way_to_sign_in_is_compiled_in() {
    for security in ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] {
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
            let text = format!(
                "security = {security:?}\nmechanism = {mechanism:?}\nusername = \"kim\"\npassword = \"secret-word\"\n"
            );
            let config =
                config(if security.starts_with("sasl") { &text } else { text.split('\n').next().expect("one") });
            Kafka::open(&config).unwrap_or_else(|fault| panic!("{security}, {mechanism}: {fault}"));
        }
    }
}

#[tokio::test]
async fn a_setting_that_is_wrong_is_said_at_the_start() {
    let fault = Kafka::open(&config("security = \"ssl\"\nca_file = \"/no/such.pem\"\n")).err().expect("refused");
    assert!(
        fault.to_string().starts_with("outbox.kafka: ") && fault.to_string().contains("ssl.ca.location"),
        "{fault}"
    );
}
