//! Public ids of coupons: `<campaign>.<number>.<32 hex of an HMAC>`, bound to the user who claimed.
//! Knows no stock and no discount.
//!
//! The signature is what lets an order use a coupon whose claim has not reached the ledger yet: an id
//! that verifies was given out by a claim, and whichever writer meets it first inserts it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::ids::{CampaignId, UserId, is_slug};

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

    pub fn sign(&self, campaign: &CampaignId, number: i64, user: &UserId) -> String {
        let tag = signature(&self.0[0], campaign.as_str(), number, user).finalize().into_bytes();
        format!("{campaign}.{number}.{}", hex::encode(&tag[..TAG]))
    }

    /// The whole id of a coupon the ledger calls `<campaign>.<number>`.
    pub fn complete(&self, coupon: &str, user: &UserId) -> Option<String> {
        let (campaign, number) = coupon.split_once('.')?;
        Some(self.sign(&CampaignId::from(campaign), number.parse().ok()?, user))
    }

    /// Campaign and number of an id this house gave to this user; `None`: it did not.
    pub fn verify(&self, id: &str, user: &UserId) -> Option<(CampaignId, i64)> {
        let (campaign, rest) = id.split_once('.')?;
        let (digits, tag) = rest.split_once('.')?;
        let number: i64 = digits.parse().ok()?;
        // One text per coupon: no "+7", no "007", no upper-case hex.
        let canonical = is_slug(campaign) && number >= 1 && number.to_string() == digits;
        if !canonical || tag.len() != 2 * TAG || tag.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let tag = hex::decode(tag).ok()?;
        let signed =
            self.0.iter().any(|key| signature(key, campaign, number, user).verify_truncated_left(&tag).is_ok());
        signed.then(|| (CampaignId::from(campaign), number))
    }
}

/// Every part is preceded by its length, so that none can run into the next.
fn signature(key: &Hmac<Sha256>, campaign: &str, number: i64, user: &UserId) -> Hmac<Sha256> {
    let mut mac = key.clone();
    for part in ["coupon", campaign, &number.to_string(), user.as_str()] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(names: &[&str]) -> CouponIds {
        CouponIds::new(&names.iter().map(|s| s.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn an_id_is_good_for_its_user_only() {
        let ids = secrets(&["one"]);
        let (campaign, kim) = (CampaignId::from("spring"), UserId::from("kim"));
        let id = ids.sign(&campaign, 7, &kim);
        assert!(id.starts_with("spring.7.") && id.len() == "spring.7.".len() + 32, "{id}");
        assert_eq!(ids.verify(&id, &kim), Some((campaign, 7)));
        assert_eq!(ids.verify(&id, &UserId::from("lee")), None);
        assert_eq!(ids.complete("spring.7", &kim), Some(id));
        assert_eq!(ids.complete("spring", &kim), None);
    }

    #[test]
    fn a_changed_id_is_not_ours() {
        let ids = secrets(&["one"]);
        let kim = UserId::from("kim");
        let id = ids.sign(&CampaignId::from("spring"), 7, &kim);
        let tag = &id["spring.7.".len()..];
        for bad in [
            format!("spring.8.{tag}"),
            format!("sprinh.7.{tag}"),
            format!("spring.07.{tag}"),
            format!("spring.+7.{tag}"),
            format!("spring.7.{}", &tag[..30]),
            format!("spring.7.{tag}00"),
            format!("spring.7.{}", tag.to_uppercase()),
            format!("spring.7.{}", "g".repeat(32)),
            format!("spring.7.{}", "é".repeat(16)),
            format!("spring.-1.{tag}"),
            format!("spring.7.{tag}."),
            "spring.7".to_owned(),
            String::new(),
        ] {
            let same = bad == id;
            assert!(same || ids.verify(&bad, &kim).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_rotated_secret_still_verifies() {
        let campaign = CampaignId::from("spring");
        let kim = UserId::from("kim");
        let id = secrets(&["old"]).sign(&campaign, 1, &kim);
        assert_eq!(secrets(&["new", "old"]).verify(&id, &kim), Some((campaign, 1)));
        assert_eq!(secrets(&["new"]).verify(&id, &kim), None);
    }
}
