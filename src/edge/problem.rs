//! The one table of error codes, and the RFC 9457 answer made of them. Handlers choose the code for a stage's outcome.

use http::StatusCode;
use serde::Serialize;

use super::api::queue::challenge::ChallengeView;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident => $text:literal, $status:literal, $retry:ident, $title:literal;)*) => {
        /// Every error code of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The text clients match on, the status, whether the same request may succeed later, the title.
            fn row(self) -> (&'static str, u16, Retry, &'static str) {
                match self { $(Code::$name => ($text, $status, Retry::$retry, $title),)* }
            }
        }
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// The same request again gets the same answer.
    Never,
    /// The same request may succeed a little later.
    Later,
}

codes! {
    BadJson => "BAD_JSON", 400, Never, "The body is not well-formed JSON";
    BadWebhook => "BAD_WEBHOOK", 400, Never, "This is not a webhook of that provider, or it is old";
    Validation => "VALIDATION", 400, Never, "The request does not fit its schema";
    IdempotencyKeyMissing => "IDEMPOTENCY_KEY_MISSING", 400, Never, "An Idempotency-Key of 1 to 255 printable ASCII characters is required";

    Unauthenticated => "UNAUTHENTICATED", 401, Never, "A valid bearer token is required";
    QueueTokenInvalid => "QUEUE_TOKEN_INVALID", 401, Never, "The queue token is not one of ours for this event";
    /// The answer `PASS_REQUIRED` to another server that asks about a visitor's pass, like nginx with `auth_request`.
    PassUnverified => "PASS_REQUIRED", 401, Never, "A live pass of this event is required";

    AdminRequired => "ADMIN_REQUIRED", 403, Never, "The scope admin is required";
    BadOrigin => "BAD_ORIGIN", 403, Never, "A cookie-carried request must come from our own origin";
    /// The answer `PASS_REQUIRED` to the visitor or user who lacks the pass.
    PassRequired => "PASS_REQUIRED", 403, Never, "A live pass of this event is required";
    ProofRequired => "PROOF_REQUIRED", 403, Later, "Many are entering: a proof of work is required";
    ProofInvalid => "PROOF_INVALID", 403, Never, "The proof of work does not hold";
    NotOwner => "NOT_OWNER", 403, Never, "This belongs to another user";

    NotFound => "NOT_FOUND", 404, Never, "There is nothing here";
    EventNotFound => "EVENT_NOT_FOUND", 404, Never, "No such event";
    SeatNotFound => "SEAT_NOT_FOUND", 404, Never, "No such seat";
    SectionNotFound => "SECTION_NOT_FOUND", 404, Never, "No such section";
    HoldNotFound => "HOLD_NOT_FOUND", 404, Never, "No such hold";
    CampaignNotFound => "CAMPAIGN_NOT_FOUND", 404, Never, "No such campaign";
    OrderNotFound => "ORDER_NOT_FOUND", 404, Never, "No such order";

    MethodNotAllowed => "METHOD_NOT_ALLOWED", 405, Never, "This method is not allowed here";
    RequestTimeout => "REQUEST_TIMEOUT", 408, Later, "The body did not arrive in time";

    EventCancelled => "EVENT_CANCELLED", 409, Never, "This event was cancelled";
    RoomClosed => "ROOM_CLOSED", 409, Never, "The room takes nobody in";
    DrawNotOpen => "DRAW_NOT_OPEN", 409, Never, "The draw is not open yet";
    SeatsTaken => "SEATS_TAKEN", 409, Never, "Some of these seats are taken";
    SoldOut => "SOLD_OUT", 409, Never, "Not enough is left";
    AdjacentUnavailable => "ADJACENT_UNAVAILABLE", 409, Never, "No block of adjacent seats is left";
    SaleNotOpen => "SALE_NOT_OPEN", 409, Never, "The sale is not open";
    HoldAlreadyOrdered => "HOLD_ALREADY_ORDERED", 409, Never, "This hold has been ordered";
    AlreadyClaimed => "ALREADY_CLAIMED", 409, Never, "The limit of this campaign for one user is reached";
    CampaignNotOpen => "CAMPAIGN_NOT_OPEN", 409, Never, "The campaign is not open";
    AmountBelowMinimum => "AMOUNT_BELOW_MINIMUM", 409, Never, "The amount is below what a payment provider takes";
    AmountMismatch => "AMOUNT_MISMATCH", 409, Never, "The amount is not what is due";
    PaymentInProgress => "PAYMENT_IN_PROGRESS", 409, Later, "A payment of this order is under way";
    NotPayable => "NOT_PAYABLE", 409, Never, "This order does not wait for a payment";
    ProviderNotAllowed => "PROVIDER_NOT_ALLOWED", 409, Never, "This payment provider is not a configured one";
    DepositClosed => "DEPOSIT_CLOSED", 409, Never, "It is too late to pay by deposit";
    NotCancellable => "NOT_CANCELLABLE", 409, Never, "This order can no longer be cancelled";
    NotRefundable => "NOT_REFUNDABLE", 409, Never, "This order cannot be refunded";
    AccountNotAwaited => "ACCOUNT_NOT_AWAITED", 409, Never, "This refund waits for no account";
    OverRefund => "OVER_REFUND", 409, Never, "More than is left to refund";
    PeriodNotOver => "PERIOD_NOT_OVER", 409, Never, "This month is not over";
    EarlierPeriodOpen => "EARLIER_PERIOD_OPEN", 409, Never, "An earlier month has to be closed first";
    SettlementNotClosed => "SETTLEMENT_NOT_CLOSED", 409, Later, "This settlement is not closed";
    SettlementPaid => "SETTLEMENT_PAID", 409, Never, "This settlement was paid with another reference";
    PayoutDiffers => "PAYOUT_DIFFERS", 409, Never, "This payout was booked with other amounts";
    SeatsSold => "SEATS_SOLD", 409, Never, "The change would drop seats that are taken";
    StockClaimed => "STOCK_CLAIMED", 409, Never, "More coupons are claimed than the wanted stock";

    HoldExpired => "HOLD_EXPIRED", 410, Never, "The hold has expired";

    PreconditionFailed => "PRECONDITION_FAILED", 412, Never, "Somebody changed it since you read it";

    BodyTooLarge => "BODY_TOO_LARGE", 413, Never, "The body is too large";
    UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE", 415, Never, "The body must be application/json";

    IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED", 422, Never, "This Idempotency-Key was used with another body";
    LimitExceeded => "LIMIT_EXCEEDED", 422, Never, "The limit of seats for one user would be passed";
    DuplicateSeat => "DUPLICATE_SEAT", 422, Never, "A seat is named twice";
    Empty => "EMPTY", 422, Never, "Nothing was asked for";
    TypeNotFound => "TYPE_NOT_FOUND", 422, Never, "No such ticket type";
    LineNotFound => "LINE_NOT_FOUND", 422, Never, "No such line in this order";

    TooManyRequests => "TOO_MANY_REQUESTS", 429, Later, "Too many requests";

    Internal => "INTERNAL", 500, Never, "Something went wrong on our side";

    /// The server behind us cannot be reached, or does not speak HTTP.
    UpstreamUnreachable => "UPSTREAM_UNREACHABLE", 502, Later, "The server behind the gateway is away";

    Overloaded => "OVERLOADED", 503, Later, "The gateway is at its limit";
    Unavailable => "UNAVAILABLE", 503, Later, "A part of the gateway is away";
    Recovering => "RECOVERING", 503, Later, "This sale is being rebuilt";

    UpstreamTimeout => "UPSTREAM_TIMEOUT", 504, Later, "The server behind the gateway did not answer in time";
}

impl Code {
    pub fn text(self) -> &'static str {
        self.row().0
    }

    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().1).expect("the table holds only real statuses")
    }

    pub fn retryable(self) -> bool {
        self.row().2 == Retry::Later
    }

    /// `WWW-Authenticate`: every 401 names the credential it wants (RFC 9110 §11.6.1).
    pub fn challenge(self) -> Option<&'static str> {
        match self {
            Code::QueueTokenInvalid => Some("Stanchion-Queue realm=\"stanchion\""),
            Code::PassUnverified => Some("Stanchion-Pass realm=\"stanchion\""),
            _ => (self.status() == StatusCode::UNAUTHORIZED).then_some("Bearer realm=\"stanchion\""),
        }
    }

    pub fn title(self) -> &'static str {
        self.row().3
    }
}

/// What is wrong with one field, named by an RFC 6901 pointer into the body (or `?name` of the query).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    #[schema(example = "/seats/1")]
    pub pointer: String,
    #[schema(example = "an id of a seat: SECTION-ROW-NUMBER")]
    pub detail: String,
}

/// The fault behind a problem. It goes to the log, never to the client.
#[derive(Debug)]
pub struct ProblemCause {
    /// The part that failed: one of a closed set, because it is a metric's label.
    pub part: &'static str,
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A refusal or fault on its way to the client.
#[derive(Debug)]
pub struct Problem {
    pub code: Code,
    /// For the reader of the answer; nothing internal.
    pub detail: Option<String>,
    pub errors: Vec<FieldError>,
    pub conflicts: Vec<String>,
    pub challenge: Option<Box<ChallengeView>>,
    pub retry_after_s: Option<u32>,
    /// `Allow` of a 405.
    pub allow: Option<Box<str>>,
    /// Logged once, by the service, with the request's id.
    pub cause: Option<Box<ProblemCause>>,
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            conflicts: Vec::new(),
            challenge: None,
            retry_after_s: None,
            allow: None,
            cause: None,
        }
    }

    /// A `VALIDATION` of one field.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// A `VALIDATION` of several fields; `errors` is not empty.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::Validation) }
    }

    /// 503 `UNAVAILABLE` for a part that did not answer, or answered nonsense. The cause goes to the log.
    pub fn unavailable(part: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Unavailable).caused_by(part, source)
    }

    /// Adds the cause, for the log; `part` is one of a closed set.
    pub fn caused_by(self, part: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(Box::new(ProblemCause { part, source: source.into() })), ..self }
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub fn conflicts(mut self, conflicts: Vec<String>) -> Self {
        self.conflicts = conflicts;
        self
    }

    pub fn challenge(mut self, challenge: ChallengeView) -> Self {
        self.challenge = Some(Box::new(challenge));
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
        self
    }

    /// Seconds of `Retry-After`: 429 and 503 always carry one.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let always = matches!(self.code.status().as_u16(), 429 | 503);
        self.retry_after_s.map(u64::from).or(always.then_some(1))
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<crate::facts::fault::Fault> for Problem {
    fn from(fault: crate::facts::fault::Fault) -> Self {
        use crate::facts::fault::Fault;
        match fault {
            // Readiness and a gauge show a recovering lane already, so it needs no log line for each request.
            Fault::Recovering(_) => Self::new(Code::Recovering).retry_after(2),
            Fault::Unavailable { .. } => Self::unavailable("lane", fault),
            Fault::Contract { .. } => Self::new(Code::Internal).caused_by("contract", fault),
        }
    }
}

/// The JSON of a problem; [`ProblemSchema`] describes it.
#[derive(Debug, Serialize)]
pub struct ProblemView<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: &'static str,
    pub status: u16,
    pub detail: &'a str,
    /// One of the codes of the contract.
    pub code: &'static str,
    /// The same request may succeed later.
    pub retryable: bool,
    pub request_id: &'a str,
    /// `VALIDATION` only.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: &'a [FieldError],
    /// `SEATS_TAKEN` and `SEATS_SOLD` only: ids of seats.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub conflicts: &'a [String],
    /// `PROOF_REQUIRED` and `PROOF_INVALID` only: what to solve.
    #[serde(flatten)]
    pub challenge: Option<&'a ChallengeView>,
}

/// A problem as the API's document describes it: every field of [`ProblemView`], optional where some codes lack it.
#[derive(utoipa::ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "only described")]
pub struct ProblemSchema {
    #[schema(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    /// One of the codes of the contract.
    code: String,
    /// The same request may succeed later.
    retryable: bool,
    request_id: String,
    /// `VALIDATION` only.
    errors: Option<Vec<FieldError>>,
    /// `SEATS_TAKEN` and `SEATS_SOLD` only: ids of seats.
    conflicts: Option<Vec<String>>,
    /// What to solve. This field and the five after it are for `PROOF_REQUIRED` and `PROOF_INVALID` only.
    challenge: Option<String>,
    bits: Option<u8>,
    algorithm: Option<String>,
    expires_at: Option<String>,
    expires_in_s: Option<i64>,
    required: Option<bool>,
}

impl Problem {
    pub fn view<'a>(&'a self, request_id: &'a str) -> ProblemView<'a> {
        ProblemView {
            kind: "about:blank",
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.as_deref().unwrap_or(self.code.title()),
            code: self.code.text(),
            retryable: self.code.retryable(),
            request_id,
            errors: &self.errors,
            conflicts: &self.conflicts,
            challenge: self.challenge.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests;
