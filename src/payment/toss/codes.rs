//! The error codes of Toss Payments, from <https://docs.tosspayments.com/reference/error-codes> (read 2026-11-30).

use crate::payment::codes::CodeClass::{Ask, No, Person};
use crate::payment::codes::Codes;

/// Of `POST /v1/payments/confirm`.
pub(super) const CONFIRM: Codes = &[
    // Our key, or our contract with them.
    ("INVALID_API_KEY", Person),
    ("UNAUTHORIZED_KEY", Person),
    ("INCORRECT_BASIC_AUTH_FORMAT", Person),
    ("FORBIDDEN_REQUEST", Person),
    ("INVALID_IDEMPOTENCY_KEY", Person),
    ("NOT_FOUND_TERMINAL_ID", Person),
    ("INVALID_UNREGISTERED_SUBMALL", Person),
    ("NOT_REGISTERED_BUSINESS", Person),
    // Done already, or not decided.
    ("ALREADY_PROCESSED_PAYMENT", Ask),
    ("IDEMPOTENT_REQUEST_PROCESSING", Ask),
    ("PROVIDER_ERROR", Ask),
    ("CARD_PROCESSING_ERROR", Ask),
    ("UNKNOWN_PAYMENT_ERROR", Ask),
    ("COMMON_ERROR", Ask),
    ("FAILED_*", Ask),
    // Declined.
    ("REJECT_*", No),
    ("INVALID_*", No),
    ("EXCEED_*", No),
    ("NOT_ALLOWED_*", No),
    ("NOT_SUPPORTED_*", No),
    ("NOT_AVAILABLE_*", No),
    ("RESTRICTED_TRANSFER_ACCOUNT", No),
    ("BELOW_MINIMUM_AMOUNT", No),
    ("UNAPPROVED_ORDER_ID", No),
    ("DUPLICATED_ORDER_ID", No),
    ("FDS_ERROR", No),
    // The key is of no payment, or its time is over.
    ("NOT_FOUND_PAYMENT", No),
    ("NOT_FOUND_PAYMENT_SESSION", No),
    ("PAY_PROCESS_*", No),
];

/// Of `POST /v1/payments/{paymentKey}/cancel`.
pub(super) const CANCEL: Codes = &[
    ("INVALID_API_KEY", Person),
    ("UNAUTHORIZED_KEY", Person),
    ("INCORRECT_BASIC_AUTH_FORMAT", Person),
    ("FORBIDDEN_REQUEST", Person),
    ("INVALID_IDEMPOTENCY_KEY", Person),
    ("INVALID_REQUEST", Person),
    // Somebody else sent money back.
    ("ALREADY_CANCELED_PAYMENT", Person),
    ("NOT_CANCELABLE_AMOUNT", Person),
    ("NOT_MATCHES_REFUNDABLE_AMOUNT", Person),
    ("NOT_FOUND_PAYMENT", Person),
    // Not decided, or not now.
    ("FORBIDDEN_CONSECUTIVE_REQUEST", Ask),
    ("IDEMPOTENT_REQUEST_PROCESSING", Ask),
    ("NOT_AVAILABLE_BANK", Ask),
    ("PROVIDER_ERROR", Ask),
    ("COMMON_ERROR", Ask),
    ("FAILED_*", Ask),
    // Refused.
    ("NOT_CANCELABLE_PAYMENT*", No),
    ("NOT_ALLOWED_PARTIAL_REFUND*", No),
    ("EXCEED_*", No),
    ("INVALID_REFUND_ACCOUNT_*", No),
    ("INVALID_BANK", No),
];

/// A definite no.
pub(super) struct TossNo {
    pub code: String,
    /// For the buyer.
    pub detail: String,
}

impl TossNo {
    /// The money cannot go to the account that the buyer named.
    pub fn is_about_account(&self) -> bool {
        self.code.starts_with("INVALID_REFUND_ACCOUNT_") || self.code == "INVALID_BANK"
    }
}

/// Of reading a payment.
pub(super) const READ: Codes = &[
    ("INVALID_API_KEY", Person),
    ("UNAUTHORIZED_KEY", Person),
    ("INCORRECT_BASIC_AUTH_FORMAT", Person),
    ("FORBIDDEN_REQUEST", Person),
    ("NOT_FOUND_PAYMENT", No),
];
