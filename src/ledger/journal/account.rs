//! The chart of accounts.

/// An account of the journal. Its text is its name, then what it is of, with colons between.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ledger) enum Account {
    /// Asset: what a payment provider took from buyers and has not paid out to the house.
    ProviderReceivable(String),
    /// Asset: the house's money at the bank: what providers paid out to it, less what it paid to organizers.
    Payouts,
    /// Liability: the points that users can spend, less what they owe.
    PointsLiability,
    /// Liability: points that pay for orders which are not confirmed yet.
    PointsInOrders,
    /// Liability: points of refunds under way. The users have these points already.
    RefundsPending,
    /// Liability: money of buyers that pays for nothing, until it is sent back.
    DepositsInSuspense,
    /// Liability: what an organizer is owed, by what it is owed for.
    OrganizerPayable(String, PayablePart),
    /// Liability: the tax inside what the house itself sells: the booking fees.
    VatPayable,
    /// Revenue: booking fees without their tax, and the platform's fees on sales.
    FeeRevenue,
    /// Revenue: points that nobody spent in time.
    PointsExpired,
    /// Expense: what a payment provider keeps for its service.
    ProviderFees(String),
    /// Expense: points that were given or earned.
    PointsExpense,
    /// Expense: discounts of coupons that the platform pays for.
    CouponExpense,
}

/// What an organizer is owed for, or owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ledger) enum PayablePart {
    /// Tickets at their list price.
    Tickets,
    /// Discounts of coupons that the organizer pays for.
    Coupons,
    /// The platform's fee on the sale.
    PlatformFee,
    /// Fees of buyers who cancelled.
    CancellationFees,
    /// What was paid to the organizer.
    Payouts,
}

impl PayablePart {
    /// The parts that sales and refunds post to, and settlements are made of.
    pub const OWED: [PayablePart; 4] =
        [PayablePart::Tickets, PayablePart::Coupons, PayablePart::PlatformFee, PayablePart::CancellationFees];

    /// This part of an organizer's account.
    pub fn account(self, organizer: &str) -> Account {
        Account::OrganizerPayable(organizer.to_owned(), self)
    }

    /// The last word of the account's text.
    pub fn as_str(self) -> &'static str {
        match self {
            PayablePart::Tickets => "tickets",
            PayablePart::Coupons => "coupons",
            PayablePart::PlatformFee => "platform_fee",
            PayablePart::CancellationFees => "cancellation_fees",
            PayablePart::Payouts => "payouts",
        }
    }
}

impl Account {
    pub fn text(&self) -> String {
        match self {
            Account::ProviderReceivable(provider) => format!("provider_receivable:{provider}"),
            Account::Payouts => "payouts".into(),
            Account::PointsLiability => "points_liability".into(),
            Account::PointsInOrders => "points_in_orders".into(),
            Account::RefundsPending => "refunds_pending".into(),
            Account::DepositsInSuspense => "deposits_in_suspense".into(),
            Account::OrganizerPayable(organizer, part) => format!("organizer_payable:{organizer}:{}", part.as_str()),
            Account::VatPayable => "vat_payable".into(),
            Account::FeeRevenue => "fee_revenue".into(),
            Account::PointsExpired => "points_expired".into(),
            Account::ProviderFees(provider) => format!("provider_fees:{provider}"),
            Account::PointsExpense => "points_expense".into(),
            Account::CouponExpense => "coupon_expense".into(),
        }
    }
}
