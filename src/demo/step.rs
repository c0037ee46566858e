//! The steps of a visit: what a good answer is, and with which codes the contract lets it be refused. Everything else
//! is unexpected.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
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

impl Step {
    pub const ALL: [Step; 14] = [
        Step::Enter,
        Step::Poll,
        Step::Leave,
        Step::Seats,
        Step::Claim,
        Step::Hold,
        Step::Release,
        Step::Quote,
        Step::Order,
        Step::Pay,
        Step::Cancel,
        Step::Status,
        Step::Refund,
        Step::RefundStatus,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Step::Enter => "enter",
            Step::Poll => "poll",
            Step::Leave => "leave",
            Step::Seats => "seats",
            Step::Hold => "hold",
            Step::Release => "release",
            Step::Claim => "claim",
            Step::Quote => "quote",
            Step::Order => "order",
            Step::Pay => "pay",
            Step::Cancel => "cancel",
            Step::Status => "order status",
            Step::Refund => "refund",
            Step::RefundStatus => "refund status",
        }
    }

    /// The one status of a step that went well.
    pub fn success(self) -> u16 {
        match self {
            Step::Enter | Step::Hold | Step::Claim => 201,
            Step::Poll | Step::Seats | Step::Quote | Step::Status | Step::RefundStatus => 200,
            Step::Leave | Step::Release => 204,
            Step::Order | Step::Pay | Step::Cancel | Step::Refund => 202,
        }
    }

    /// Refusals that belong to a busy sale.
    pub fn refusals(self) -> &'static [&'static str] {
        match self {
            Step::Enter | Step::Poll | Step::Leave | Step::Seats | Step::Status | Step::Refund | Step::RefundStatus => {
                &[]
            }
            Step::Hold => &["SEATS_TAKEN", "SOLD_OUT", "ADJACENT_UNAVAILABLE", "PASS_REQUIRED"],
            Step::Release => &["HOLD_EXPIRED"],
            Step::Claim => &["SOLD_OUT"],
            Step::Quote => &["HOLD_EXPIRED"],
            Step::Order => &["HOLD_EXPIRED"],
            // The deadline may have passed while the buyer was thinking.
            Step::Pay => &["NOT_PAYABLE", "PAYMENT_IN_PROGRESS"],
            Step::Cancel => &["NOT_CANCELLABLE"],
        }
    }
}

/// Reasons of rejected orders that belong to a busy sale.
pub const REJECTIONS: &[&str] =
    &["PRICE_CHANGED", "COUPON_UNAVAILABLE", "CANCELLED", "PAYMENT_DECLINED", "PAYMENT_EXPIRED"];
