//! Random steps, before the world makes calls of them, and how often each kind of step is drawn.

use proptest::prelude::*;

/// A step, before the world makes calls of it. Each of `picks` chooses something: it is taken modulo the number of
/// things to choose from.
#[derive(Debug, Clone)]
pub struct Choice {
    pub kind: Kind,
    pub picks: [u8; 6],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Wait,
    PutEvent,
    Retire,
    Enter,
    Poll,
    Leave,
    Pulse,
    Look,
    Hold,
    GetHold,
    Release,
    Checkout,
    Churn,
    Pay,
    Cancel,
    Refund,
    Orders,
    Conclude,
    PutCampaign,
    Claim,
    Log,
    Append,
    Lease,
    Restore,
    Reopen,
}

pub fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let kinds = prop_oneof![
        8 => Just(Kind::Wait),
        2 => Just(Kind::PutEvent),
        1 => Just(Kind::Retire),
        14 => Just(Kind::Enter),
        14 => Just(Kind::Poll),
        2 => Just(Kind::Leave),
        12 => Just(Kind::Pulse),
        2 => Just(Kind::Look),
        22 => Just(Kind::Hold),
        2 => Just(Kind::GetHold),
        3 => Just(Kind::Release),
        18 => Just(Kind::Checkout),
        1 => Just(Kind::Churn),
        12 => Just(Kind::Pay),
        4 => Just(Kind::Cancel),
        12 => Just(Kind::Refund),
        2 => Just(Kind::Orders),
        26 => Just(Kind::Conclude),
        1 => Just(Kind::PutCampaign),
        4 => Just(Kind::Claim),
        3 => Just(Kind::Log),
        2 => Just(Kind::Append),
        2 => Just(Kind::Lease),
        1 => Just(Kind::Restore),
        2 => Just(Kind::Reopen),
    ];
    let choice = (kinds, any::<[u8; 6]>()).prop_map(|(kind, picks)| Choice { kind, picks });
    prop::collection::vec(choice, 1..150)
}
