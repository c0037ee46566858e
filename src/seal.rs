//! Seals what the house must keep for a while and nobody may read: not who reads the ledger, nor who finds a copy of it.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of the key.
const KEY_LEN: usize = 32;

/// A key that seals and opens (AES-256-GCM).
pub struct SealKey(RandomizedNonceKey);

impl SealKey {
    /// `text`: 32 bytes, base64. `None`: it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).ok().filter(|bytes| bytes.len() == KEY_LEN)?;
        RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok().map(Self)
    }

    /// The value, to be opened with this key under this name alone.
    pub fn seal(&self, name: &str, value: &impl Serialize) -> String {
        let mut sealed = serde_json::to_vec(value).expect("plain data");
        let nonce = self.0.seal_in_place_append_tag(Aad::from(name), &mut sealed).expect("it is short");
        STANDARD.encode([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// `None`: it was sealed with another key, or under another name.
    pub fn open<T: DeserializeOwned>(&self, name: &str, sealed: &str) -> Option<T> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = rest.to_vec();
        let text = self.0.open_in_place(nonce, Aad::from(name), &mut text).ok()?;
        serde_json::from_slice(text).ok()
    }
}

/// Logs have no keys.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::bank_account::BankAccount;

    fn key(byte: u8) -> SealKey {
        SealKey::parse(&STANDARD.encode([byte; KEY_LEN])).expect("a key")
    }

    #[test]
    fn what_is_sealed_is_opened_with_its_key_under_its_name() {
        let account = BankAccount { bank: "20".into(), number: "1002345678".into(), holder: "Kim Minjun".into() };
        let opened = |key: SealKey, name: &str, sealed: &str| key.open::<BankAccount>(name, sealed);
        let sealed = key(1).seal("r01", &account);
        assert_eq!(opened(key(1), "r01", &sealed), Some(account.clone()));
        for (key, name, sealed) in
            [(key(2), "r01", &*sealed), (key(1), "r02", &sealed), (key(1), "r01", &sealed[4..]), (key(1), "r01", "")]
        {
            assert_eq!(opened(key, name, sealed), None);
        }
        // The same account is never sealed to the same text, so nobody sees that two refunds have one.
        assert_ne!(sealed, key(1).seal("r01", &account));
        assert!(!format!("{account:?} {:?}", key(1)).contains("1002345678"));
    }

    #[test]
    fn a_key_is_32_bytes() {
        for bad in ["", "secret", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
            assert!(SealKey::parse(bad).is_none(), "{bad}");
        }
    }
}
