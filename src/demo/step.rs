//! The steps of a visit. Each step has one status of a good answer, and the codes with which the contract lets the step
//! be refused. Every other answer is unexpected.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuyerStep {
    Enter,
    Poll,
    Leave,
    Seats,
    Hold,
    Release,
    Claim,
    Quote,
    Order,
    Pay,
    Cancel,
    Status,
    Refund,
    RefundStatus,
}

impl BuyerStep {
    pub const ALL: [BuyerStep; 14] = [
        BuyerStep::Enter,
        BuyerStep::Poll,
        BuyerStep::Leave,
        BuyerStep::Seats,
        BuyerStep::Claim,
        BuyerStep::Hold,
        BuyerStep::Release,
        BuyerStep::Quote,
        BuyerStep::Order,
        BuyerStep::Pay,
        BuyerStep::Cancel,
        BuyerStep::Status,
        BuyerStep::Refund,
        BuyerStep::RefundStatus,
    ];

    pub fn name(self) -> &'static str {
        match self {
            BuyerStep::Enter => "enter",
            BuyerStep::Poll => "poll",
            BuyerStep::Leave => "leave",
            BuyerStep::Seats => "seats",
            BuyerStep::Hold => "hold",
            BuyerStep::Release => "release",
            BuyerStep::Claim => "claim",
            BuyerStep::Quote => "quote",
            BuyerStep::Order => "order",
            BuyerStep::Pay => "pay",
            BuyerStep::Cancel => "cancel",
            BuyerStep::Status => "order status",
            BuyerStep::Refund => "refund",
            BuyerStep::RefundStatus => "refund status",
        }
    }

    /// The one status of a step that went well.
    pub fn success(self) -> u16 {
        match self {
            BuyerStep::Enter | BuyerStep::Hold | BuyerStep::Claim => 201,
            BuyerStep::Poll | BuyerStep::Seats | BuyerStep::Quote | BuyerStep::Status | BuyerStep::RefundStatus => 200,
            BuyerStep::Leave | BuyerStep::Release => 204,
            BuyerStep::Order | BuyerStep::Pay | BuyerStep::Cancel | BuyerStep::Refund => 202,
        }
    }

    /// Refusals that belong to a busy sale.
    pub fn refusals(self) -> &'static [&'static str] {
        match self {
            BuyerStep::Enter
            | BuyerStep::Poll
            | BuyerStep::Leave
            | BuyerStep::Seats
            | BuyerStep::Status
            | BuyerStep::Refund
            | BuyerStep::RefundStatus => &[],
            BuyerStep::Hold => &["SEATS_TAKEN", "SOLD_OUT", "ADJACENT_UNAVAILABLE", "PASS_REQUIRED"],
            BuyerStep::Release => &["HOLD_EXPIRED"],
            BuyerStep::Claim => &["SOLD_OUT"],
            BuyerStep::Quote => &["HOLD_EXPIRED"],
            BuyerStep::Order => &["HOLD_EXPIRED"],
            // The deadline may have passed while the buyer was thinking.
            BuyerStep::Pay => &["NOT_PAYABLE", "PAYMENT_IN_PROGRESS"],
            BuyerStep::Cancel => &["NOT_CANCELLABLE"],
        }
    }
}

/// Reasons of rejected orders that belong to a busy sale.
pub const REJECTIONS: &[&str] =
    &["PRICE_CHANGED", "COUPON_UNAVAILABLE", "CANCELLED", "PAYMENT_DECLINED", "PAYMENT_EXPIRED"];
