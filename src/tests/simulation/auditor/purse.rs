//! How many points each user must have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Found;
use super::fields::number;

#[derive(Default)]
pub struct Purse {
    granted: BTreeMap<String, i64>,
    /// Amounts that may have been granted or not.
    unknown: BTreeMap<String, Vec<i64>>,
}

impl Purse {
    pub fn granted(&mut self, user: &str, amount: i64) {
        *self.granted.entry(user.to_owned()).or_default() += amount;
    }

    pub fn unknown(&mut self, user: &str, amount: i64) {
        self.unknown.entry(user.to_owned()).or_default().push(amount);
    }

    /// Checks at the end that a user has what was granted, plus what their orders and refunds `moved`.
    pub fn close(&self, user: &str, points: &Value, moved: i64, found: &mut Found) {
        let should = self.granted.get(user).copied().unwrap_or(0) + moved;
        let mut possible = BTreeSet::from([should]);
        for amount in self.unknown.get(user).into_iter().flatten() {
            let more: Vec<i64> = possible.iter().map(|sum| sum + amount).collect();
            possible.extend(more);
        }
        let has = number(points, "balance") - number(points, "debt");
        if !possible.contains(&has) {
            found.says(format!("INV-10: {user} has {has} points and should have one of {possible:?}: {points}"));
        }
        let lots: i64 = points["lots"].as_array().into_iter().flatten().map(|lot| number(lot, "remaining")).sum();
        if lots != number(points, "balance") {
            found.says(format!("INV-10: the lots of {user} are {lots}, the balance is not: {points}"));
        }
    }
}
