//! The key of a payment at PortOne.

/// A buyer's key, read.
pub(super) struct Key<'a> {
    pub payment: &'a str,
    /// What confirms it; `None`: it needs no confirming.
    pub token: Option<&'a str>,
}

impl<'a> Key<'a> {
    pub fn of(text: &'a str) -> Self {
        match text.split_once('/') {
            Some((payment, token)) => Self { payment, token: Some(token) },
            None => Self { payment: text, token: None },
        }
    }

    /// Whether it is a payment of this order: so nobody pays two orders with one payment.
    pub fn is_of(&self, order: &str) -> bool {
        self.payment.strip_prefix(order).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_of_one_order() {
        for (key, is_of) in [
            ("o12", true),
            ("o12-2", true),
            ("o12/token", true),
            ("o12-2/token", true),
            ("o123", false),
            ("o1", false),
            ("", false),
            ("x/o12", false),
        ] {
            assert_eq!(Key::of(key).is_of("o12"), is_of, "{key}");
        }
    }
}
