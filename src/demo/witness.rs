//! A check beside the audit: which orders were told that a seat is theirs, and which coupon numbers were given out. It
//! sees only what buyers see.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

#[derive(Debug, Default)]
pub struct Witness {
    /// Named seats of confirmed orders, each with its order.
    sold: Mutex<HashMap<String, String>>,
    coupons: Mutex<HashSet<u64>>,
}

impl Witness {
    /// `order` was confirmed with `seat`; `Err` names another order that has it, too.
    pub fn sold(&self, seat: &str, order: &str) -> Result<(), String> {
        match self.sold.lock().insert(seat.to_owned(), order.to_owned()) {
            Some(other) if other != order => Err(other),
            Some(_) | None => Ok(()),
        }
    }

    /// The buyer is about to ask for a refund: from now on the seat may be another's.
    pub fn given_back(&self, seat: &str, order: &str) {
        let mut sold = self.sold.lock();
        if sold.get(seat).is_some_and(|owner| owner == order) {
            sold.remove(seat);
        }
    }

    /// A claim got this number; `false` when somebody else had got it before.
    pub fn claimed(&self, number: u64) -> bool {
        self.coupons.lock().insert(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_has_one_owner_until_it_is_given_back() {
        let witness = Witness::default();
        assert_eq!(witness.sold("a-1-1", "o1"), Ok(()));
        assert_eq!(witness.sold("a-1-1", "o1"), Ok(()));
        assert_eq!(witness.sold("a-1-1", "o2"), Err("o1".to_owned()));
        witness.given_back("a-1-1", "o1");
        assert_eq!(witness.sold("a-1-1", "o3"), Err("o2".to_owned()));
        witness.given_back("a-1-1", "o3");
        assert_eq!(witness.sold("a-1-1", "o4"), Ok(()));
    }

    #[test]
    fn a_number_is_given_once() {
        let witness = Witness::default();
        assert!(witness.claimed(1) && witness.claimed(2) && !witness.claimed(1));
    }
}
