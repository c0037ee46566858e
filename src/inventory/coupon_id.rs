//! Public ids of coupons: `<campaign>.<number>.<version>.<32 hex of an HMAC>`, bound to the user who claimed.
//!
//! Because of the signature, an order can use a coupon whose claim has not reached the ledger yet: an id that verifies
//! was given out by a claim, and the first writer to meet it inserts it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::facts::ids::{CouponRef, UserId};

/// Bytes of the signature that are shown.
const TAG: usize = 16;

/// Signs with the first secret, verifies with all of them.
pub struct CouponIds(Vec<Hmac<Sha256>>);

impl CouponIds {
    pub fn new(secrets: &[Vec<u8>]) -> Self {
        assert!(!secrets.is_empty(), "the first secret signs");
        let key = |secret: &Vec<u8>| Hmac::<Sha256>::new_from_slice(secret).expect("an HMAC takes keys of any length");
        Self(secrets.iter().map(key).collect())
    }

    pub fn sign(&self, coupon: &CouponRef, user: &UserId) -> String {
        let tag = signature(&self.0[0], coupon, user).finalize().into_bytes();
        format!("{coupon}.{}", hex::encode(&tag[..TAG]))
    }

    /// The whole id of a coupon that an order's status names without its signature.
    pub fn complete(&self, coupon: &str, user: &UserId) -> Option<String> {
        Some(self.sign(&CouponRef::parse(coupon)?, user))
    }

    /// The coupon of an id this house gave to this user; `None`: it did not.
    pub fn verify(&self, id: &str, user: &UserId) -> Option<CouponRef> {
        // One text per coupon: no "+7", no "007", no upper-case hex.
        let (coupon, tag) = id.rsplit_once('.')?;
        let coupon = CouponRef::parse(coupon)?;
        if tag.len() != 2 * TAG || tag.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let tag = hex::decode(tag).ok()?;
        let signed = self.0.iter().any(|key| signature(key, &coupon, user).verify_truncated_left(&tag).is_ok());
        signed.then_some(coupon)
    }
}

/// Every part is preceded by its length, so that none can run into the next.
fn signature(key: &Hmac<Sha256>, coupon: &CouponRef, user: &UserId) -> Hmac<Sha256> {
    let mut mac = key.clone();
    let mut add = |part: &str| {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    };
    ["coupon", coupon.campaign.as_str(), &coupon.number.to_string(), user.as_str()].into_iter().for_each(&mut add);
    // Ids from before versions were kept are signed without one.
    if coupon.version > 0 {
        add(&coupon.version.to_string());
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coupon(number: i64, version: i64) -> CouponRef {
        CouponRef { campaign: "spring".into(), number, version }
    }

    fn secrets(names: &[&str]) -> CouponIds {
        CouponIds::new(&names.iter().map(|s| s.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn an_id_is_good_for_its_user_only() {
        let ids = secrets(&["one"]);
        let kim = UserId::from("kim");
        let id = ids.sign(&coupon(7, 2), &kim);
        assert!(id.starts_with("spring.7.2.") && id.len() == "spring.7.2.".len() + 32, "{id}");
        assert_eq!(ids.verify(&id, &kim), Some(coupon(7, 2)));
        assert_eq!(ids.verify(&id, &UserId::from("lee")), None);
        assert_eq!(ids.complete("spring.7.2", &kim), Some(id));
        assert_eq!(ids.complete("spring", &kim), None);
    }

    #[test]
    fn a_changed_id_is_not_ours() {
        let ids = secrets(&["one"]);
        let kim = UserId::from("kim");
        let id = ids.sign(&coupon(7, 2), &kim);
        let tag = &id["spring.7.2.".len()..];
        for bad in [
            format!("spring.8.2.{tag}"),
            format!("spring.7.3.{tag}"),
            format!("spring.7.{tag}"),
            format!("spring.7.0.{tag}"),
            format!("spring.7.02.{tag}"),
            format!("spring.7.2.1.{tag}"),
            format!("sprinh.7.2.{tag}"),
            format!("spring.07.2.{tag}"),
            format!("spring.+7.2.{tag}"),
            format!("spring.7.2.{}", &tag[..30]),
            format!("spring.7.2.{tag}00"),
            format!("spring.7.2.{}", tag.to_uppercase()),
            format!("spring.7.2.{}", "g".repeat(32)),
            format!("spring.7.2.{}", "é".repeat(16)),
            format!("spring.-1.2.{tag}"),
            format!("spring.7.2.{tag}."),
            "spring.7.2".to_owned(),
            String::new(),
        ] {
            let same = bad == id;
            assert!(same || ids.verify(&bad, &kim).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_rotated_secret_still_verifies() {
        let kim = UserId::from("kim");
        let id = secrets(&["old"]).sign(&coupon(1, 1), &kim);
        assert_eq!(secrets(&["new", "old"]).verify(&id, &kim), Some(coupon(1, 1)));
        assert_eq!(secrets(&["new"]).verify(&id, &kim), None);
    }

    #[test]
    fn an_id_from_before_versions_were_kept_is_good() {
        let ids = secrets(&["one"]);
        let kim = UserId::from("kim");
        // As it was signed then.
        let mut mac = ids.0[0].clone();
        for part in ["coupon", "spring", "7", "kim"] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let id = format!("spring.7.{}", hex::encode(&mac.finalize().into_bytes()[..TAG]));
        assert_eq!(ids.verify(&id, &kim), Some(coupon(7, 0)));
    }
}
