//! The secrets in force: given by the configuration, or generated once into the data folder (0600).
//! They are never logged and have no `Debug`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Config, KafkaConfig, PaymentConfig};
use crate::random;

/// What signs and verifies passes.
#[derive(Clone)]
pub struct PassKeys {
    /// PKCS#8 PEM.
    pub private_pem: String,
    /// SPKI PEM.
    pub old_public_pems: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("{what} {path}")]
pub struct SecretError {
    what: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Completes `config`: secrets it does not give are read from the data folder, or generated there.
pub fn fill_secrets(config: &mut Config) -> Result<PassKeys, SecretError> {
    let dir = config.store.data_dir.clone();
    let by_jwks = !config.auth.jwks_file.is_empty() || !config.auth.jwks_url.is_empty();
    if config.auth.hs256_secret.is_empty() && !by_jwks {
        config.auth.hs256_secret = kept(&dir, "auth-hs256.secret", random_text)?;
    }
    if config.queue.secrets.is_empty() {
        config.queue.secrets = vec![kept(&dir, "queue.secret", random_text)?];
    }
    fill_payment_secrets(&mut config.payment)?;
    fill_kafka_secret(&mut config.outbox.kafka)?;
    let private_pem = match config.pass.private_key_file.as_str() {
        "" => kept(&dir, "pass-ed25519.pem", ed25519_pem)?,
        file => read(Path::new(file))?,
    };
    let old = config.pass.old_public_keys.iter().map(|file| read(Path::new(file)));
    Ok(PassKeys { private_pem, old_public_pems: old.collect::<Result<_, _>>()? })
}

/// Reads the secrets of payments from the files that the configuration names.
pub fn fill_payment_secrets(payment: &mut PaymentConfig) -> Result<(), SecretError> {
    for (secret, file) in [
        (&mut payment.account_key, &payment.account_key_file),
        (&mut payment.toss.secret_key, &payment.toss.secret_key_file),
        (&mut payment.portone.secret, &payment.portone.secret_file),
        (&mut payment.portone.webhook_secret, &payment.portone.webhook_secret_file),
    ] {
        if !file.is_empty() {
            *secret = read(Path::new(file))?.trim_end().to_owned();
        }
    }
    Ok(())
}

/// Reads Kafka's password from the file that the configuration names.
fn fill_kafka_secret(kafka: &mut KafkaConfig) -> Result<(), SecretError> {
    if !kafka.password_file.is_empty() {
        kafka.password = read(Path::new(&kafka.password_file))?.trim_end().to_owned();
    }
    Ok(())
}

/// The text in `dir/name`, made by `make` and written 0600 when there is none yet.
fn kept(dir: &Path, name: &str, make: fn() -> String) -> Result<String, SecretError> {
    let path = dir.join(name);
    if path.exists() {
        return read(&path);
    }
    let fail = |what| {
        let path = path.clone();
        move |source| SecretError { what, path, source }
    };
    fs::create_dir_all(dir).map_err(fail("cannot create the folder of"))?;
    let text = make();
    // The text is written to a draft, then linked into place. So two processes that start at once agree on the first
    // one's text.
    let draft = dir.join(format!("{name}.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(fail("cannot write"))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail("cannot write"))?;
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft).map_err(fail("cannot write"))?;
    match linked {
        Ok(()) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(fail("cannot write")(error)),
    }
}

fn read(path: &Path) -> Result<String, SecretError> {
    fs::read_to_string(path).map_err(|source| SecretError { what: "cannot read", path: path.to_owned(), source })
}

/// 256 random bits as 64 hex characters.
fn random_text() -> String {
    hex::encode(random::secret::<32>())
}

/// A new Ed25519 private key, PKCS#8 in PEM.
fn ed25519_pem() -> String {
    let pair = Ed25519KeyPair::generate().expect("the system gives random bytes");
    let der = pair.to_pkcs8v1().expect("a fresh key has an encoding");
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_providers_secret_may_stand_in_a_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("toss");
        fs::write(&file, "a-key\n").expect("written");
        let text = format!("[payment.toss]\nsecret_key_file = {:?}\n", file.to_str().expect("plain"));
        let mut config = crate::config::load_from(&text, std::iter::empty()).expect("good");
        config.store.data_dir = dir.path().to_owned();
        fill_secrets(&mut config).expect("read");
        assert_eq!(config.payment.toss.secret_key, "a-key");
        fs::remove_file(&file).expect("removed");
        let told = fill_secrets(&mut config).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(told, Err(format!("cannot read {}", file.display())));
    }

    #[test]
    fn the_password_of_kafka_may_stand_in_a_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("kafka");
        fs::write(&file, "a-word\n").expect("written");
        let text = format!(
            "[outbox.kafka]\nsecurity = \"sasl_ssl\"\nusername = \"kim\"\npassword_file = {:?}\n",
            file.to_str().expect("plain")
        );
        let mut config = crate::config::load_from(&text, std::iter::empty()).expect("good");
        config.store.data_dir = dir.path().to_owned();
        fill_secrets(&mut config).expect("read");
        assert_eq!(config.outbox.kafka.password, "a-word");
    }

    #[test]
    fn generated_secrets_are_kept_and_private() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = crate::config::load_from("", std::iter::empty()).expect("defaults");
        config.store.data_dir = dir.path().join("data");
        let mut again = config.clone();
        let first = fill_secrets(&mut config).expect("generated");
        let second = fill_secrets(&mut again).expect("read back");
        assert_eq!(config.auth.hs256_secret, again.auth.hs256_secret);
        assert_eq!(config.queue.secrets, again.queue.secrets);
        assert_eq!(first.private_pem, second.private_pem);
        assert!(jsonwebtoken::EncodingKey::from_ed_pem(first.private_pem.as_bytes()).is_ok());
        for name in ["auth-hs256.secret", "queue.secret", "pass-ed25519.pem"] {
            let mode = fs::metadata(config.store.data_dir.join(name)).expect("written").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
