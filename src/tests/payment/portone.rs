//! PortOne, version 2, as its OpenAPI document describes it: read, confirm, cancel, typed errors.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::foreign::{Asked, Contract, Server};

pub const SECRET: &str = "secret-of-the-suite";
pub const STORE: &str = "store-of-the-suite";
pub const WEBHOOK_SECRET: &str = "whsec_c2VjcmV0LW9mLXRoZS1zdWl0ZS0wMTIzNDU2Nzg5";

#[derive(Default)]
pub struct Portone {
    payments: Mutex<HashMap<String, Payment>>,
}

struct Payment {
    total: i64,
    status: &'static str,
    cancellations: Vec<Value>,
    /// What a cancellation becomes.
    cancels_as: &'static str,
    /// `LIVE` or `TEST`.
    channel: &'static str,
    /// The shop said that no tax is inside.
    is_tax_free: bool,
    /// The buyer pays into an account.
    is_account: bool,
    /// The accounts that money went back to.
    went_to: Vec<Value>,
}

impl Payment {
    fn cancelled(&self) -> i64 {
        let done = self.cancellations.iter().filter(|one| one["status"] == "SUCCEEDED");
        done.filter_map(|one| one["totalAmount"].as_i64()).sum()
    }

    fn document(&self, id: &str) -> Value {
        json!({
            "status": self.status, "id": id, "transactionId": "tx", "merchantId": "m", "storeId": STORE,
            "version": "V2", "currency": "KRW", "channel": {"type": self.channel, "pgProvider": "TOSSPAYMENTS"}, "orderName": "tickets",
            "amount": {
                "total": self.total, "taxFree": if self.is_tax_free { self.total } else { 0 }, "discount": 0, "paid": self.total, "cancelled": self.cancelled(),
                "cancelledTaxFree": 0,
            },
            "method": self.is_account.then(|| json!({
                "type": "PaymentMethodVirtualAccount", "bank": "SHINHAN", "accountNumber": "56211234567890",
                "remitteeName": "Stanchion", "expiredAt": "2099-01-01T12:00:00Z", "issuedAt": "2026-11-30T00:00:00Z",
            })),
            "cancellations": self.cancellations, "a_new_field": [1, 2],
            "failure": (self.status == "FAILED").then(|| json!({"reason": "no funds", "pgCode": "51"})),
        })
    }
}

fn error(status: u16, kind: &str) -> (u16, Value) {
    (status, json!({"type": kind, "message": format!("message of {kind}")}))
}

impl Portone {
    /// A payment in this state.
    pub fn set(&self, id: &str, total: i64, status: &'static str) {
        let payment = Payment {
            total,
            status,
            cancellations: Vec::new(),
            cancels_as: "SUCCEEDED",
            channel: "LIVE",
            is_tax_free: false,
            is_account: false,
            went_to: Vec::new(),
        };
        self.payments.lock().insert(id.to_owned(), payment);
    }

    /// The buyer pays into an account.
    pub fn account(&self, id: &str, total: i64) {
        self.set(id, total, "VIRTUAL_ACCOUNT_ISSUED");
        self.payments.lock().get_mut(id).expect("set").is_account = true;
    }

    /// Another status of the same payment.
    pub fn becomes(&self, id: &str, status: &'static str) {
        self.payments.lock().get_mut(id).expect("set").status = status;
    }

    pub fn status(&self, id: &str) -> &'static str {
        self.payments.lock()[id].status
    }

    /// The accounts that money of a deposit went back to.
    pub fn went_to(&self, id: &str) -> Vec<Value> {
        self.payments.lock()[id].went_to.clone()
    }

    /// No tax is inside the payment.
    pub fn set_tax_free(&self, id: &str) {
        self.payments.lock().get_mut(id).expect("set").is_tax_free = true;
    }

    /// What of each cancellation was said to be tax-free.
    pub fn tax_free(&self, id: &str) -> Vec<i64> {
        self.payments.lock()[id].cancellations.iter().filter_map(|one| one["taxFreeAmount"].as_i64()).collect()
    }

    /// The payment was made on a test channel.
    pub fn test(&self, id: &str) {
        self.payments.lock().get_mut(id).expect("set").channel = "TEST";
    }

    pub fn cancels_as(&self, id: &str, status: &'static str) {
        self.payments.lock().get_mut(id).expect("set").cancels_as = status;
    }

    /// What the bank says later of cancellations that were only asked for.
    pub fn settle(&self, id: &str, status: &'static str) {
        let mut payments = self.payments.lock();
        for one in &mut payments.get_mut(id).expect("set").cancellations {
            if one["status"] == "REQUESTED" {
                one["status"] = json!(status);
            }
        }
    }

    pub fn cancelled(&self, id: &str) -> i64 {
        self.payments.lock()[id].cancelled()
    }

    fn confirm(&self, id: &str, body: &Value) -> (u16, Value) {
        let mut payments = self.payments.lock();
        let Some(payment) = payments.get_mut(id) else { return error(404, "PAYMENT_NOT_FOUND") };
        match payment.status {
            _ if body["paymentToken"] != "token" => error(400, "INVALID_PAYMENT_TOKEN"),
            _ if body["totalAmount"] != payment.total || body["currency"] != "KRW" => {
                error(409, "INFORMATION_MISMATCH")
            }
            "READY" => {
                payment.status = "PAID";
                (200, json!({"status": "PAID", "pgTxId": "pg", "paidAt": "2026-11-30T00:00:00Z"}))
            }
            _ => error(409, "ALREADY_PAID"),
        }
    }

    fn cancel(&self, id: &str, body: &Value) -> (u16, Value) {
        let mut payments = self.payments.lock();
        let Some(payment) = payments.get_mut(id) else { return error(404, "PAYMENT_NOT_FOUND") };
        if body["storeId"] != STORE || body["reason"].as_str().is_none_or(str::is_empty) {
            return error(400, "INVALID_REQUEST");
        }
        let left = payment.total - payment.cancelled();
        match payment.status {
            "PAID" | "PARTIAL_CANCELLED" | "VIRTUAL_ACCOUNT_ISSUED" => {}
            "CANCELLED" => return error(409, "PAYMENT_ALREADY_CANCELLED"),
            _ => return error(409, "PAYMENT_NOT_PAID"),
        }
        if body["currentCancellableAmount"].as_i64().is_some_and(|current| current != left) {
            return error(409, "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN");
        }
        let amount = body["amount"].as_i64().unwrap_or(left);
        if amount > left {
            return error(409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT");
        }
        let account = &body["refundAccount"];
        let needs_account = payment.is_account && payment.status != "VIRTUAL_ACCOUNT_ISSUED";
        let is_whole = ["bank", "number", "holderName"].iter().all(|field| account[*field].is_string());
        if needs_account && !is_whole {
            return error(400, "INVALID_REQUEST");
        }
        // What the bank does not know, it refuses after PortOne has taken the request.
        let cancels_as = match account["number"].as_str() {
            Some(number) if number.starts_with('0') => "FAILED",
            Some(_) => {
                payment.went_to.push(account.clone());
                payment.cancels_as
            }
            None => payment.cancels_as,
        };
        let one = json!({
            "status": cancels_as, "id": format!("c{}", payment.cancellations.len()), "totalAmount": amount,
            "taxFreeAmount": body["taxFreeAmount"].as_i64().unwrap_or(0), "vatAmount": 0, "reason": body["reason"], "requestedAt": "2026-11-30T00:00:00Z",
        });
        payment.cancellations.push(one.clone());
        if cancels_as == "SUCCEEDED" {
            payment.status = if amount == left { "CANCELLED" } else { "PARTIAL_CANCELLED" };
        }
        (200, json!({ "cancellation": one }))
    }
}

impl Contract for Portone {
    fn answer(&self, asked: &Asked) -> (u16, Value) {
        if asked.header("authorization") != Some(&format!("PortOne {SECRET}")) {
            return error(401, "UNAUTHORIZED");
        }
        let segments: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
        match (asked.method.clone(), segments.as_slice()) {
            (Method::POST, ["payments", id, "confirm"]) => self.confirm(id, &asked.body),
            (Method::POST, ["payments", id, "cancel"]) => self.cancel(id, &asked.body),
            (Method::GET, ["payments", id]) => match self.payments.lock().get(*id) {
                Some(payment) => (200, payment.document(id)),
                None => error(404, "PAYMENT_NOT_FOUND"),
            },
            _ => error(404, "NOT_FOUND"),
        }
    }
}

pub async fn start() -> Server<Portone> {
    Server::start(Portone::default()).await
}

/// The headers of a webhook as Standard Webhooks signs it.
pub fn signed(id: &'static str, at_s: i64, body: &[u8]) -> [(&'static str, String); 3] {
    let secret = STANDARD.decode(&WEBHOOK_SECRET["whsec_".len()..]).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a key");
    mac.update(format!("{id}.{at_s}.").as_bytes());
    mac.update(body);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at_s.to_string()),
        ("webhook-signature", format!("v1,{signature}")),
    ]
}
