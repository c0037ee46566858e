//! The types of PortOne's errors, from its OpenAPI document, version 1.16.0
//! (<https://github.com/portone-io/server-sdk>, `codegen/openapi.json`).

use crate::payment::codes::CodeClass::{Ask, No, Person};
use crate::payment::codes::Codes;

/// Of `POST /payments/{paymentId}/confirm`.
pub(super) const CONFIRM: Codes = &[
    ("INVALID_PAYMENT_TOKEN", No),
    ("INFORMATION_MISMATCH", No),
    ("INVALID_REQUEST", No),
    ("PAYMENT_NOT_FOUND", No),
    ("ALREADY_PAID", Ask),
    ("PG_PROVIDER", Ask),
    ("UNAUTHORIZED", Person),
    ("FORBIDDEN", Person),
];

/// Of `POST /payments/{paymentId}/cancel`. None is a definite no: a cancellation that failed stands in the payment.
pub(super) const CANCEL: Codes = &[
    ("PG_PROVIDER", Ask),
    // Another cancellation came between: look again.
    ("CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN", Ask),
    // Somebody else sent money back, or PortOne refuses our request or our key.
    ("PAYMENT_*", Person),
    ("CANCEL_*", Person),
    ("NEGATIVE_PROMOTION_ADJUSTED_CANCEL_AMOUNT", Person),
    ("PROMOTION_*", Person),
    ("SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT", Person),
    ("INVALID_REQUEST", Person),
    ("UNAUTHORIZED", Person),
    ("FORBIDDEN", Person),
];

/// Of `GET /payments/{paymentId}`.
pub(super) const READ: Codes =
    &[("PAYMENT_NOT_FOUND", No), ("INVALID_REQUEST", Person), ("UNAUTHORIZED", Person), ("FORBIDDEN", Person)];
