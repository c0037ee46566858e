//! Toss Payments as its reference describes it (<https://docs.tosspayments.com/reference>): confirm, read, cancel,
//! idempotency keys, error codes.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::foreign::{Asked, Contract, Server};

pub const SECRET_KEY: &str = "test_sk_of_the_suite";

#[derive(Default)]
pub struct Toss {
    payments: Mutex<HashMap<String, Payment>>,
    /// Answers by what makes a call the same: key, method and path.
    answered: Mutex<HashMap<String, (u16, Value)>>,
}

struct Payment {
    order: String,
    amount: i64,
    status: &'static str,
    cancels: Vec<Value>,
    failure: Option<(&'static str, &'static str)>,
    /// The buyer pays into an account.
    is_account: bool,
    /// The accounts that money went back to.
    went_to: Vec<Value>,
}

impl Payment {
    fn cancelled(&self) -> i64 {
        self.cancels.iter().filter_map(|cancel| cancel["cancelAmount"].as_i64()).sum()
    }

    fn document(&self, key: &str) -> Value {
        json!({
            "version": "2022-11-16", "paymentKey": key, "orderId": self.order, "orderName": "tickets",
            "mId": "tosspayments", "currency": "KRW", "method": "카드", "status": self.status,
            // Amounts may come with decimals.
            "totalAmount": self.amount as f64, "balanceAmount": self.amount - self.cancelled(),
            "cancels": if self.cancels.is_empty() { Value::Null } else { json!(self.cancels) },
            "virtualAccount": self.is_account.then(|| json!({
                "accountType": "일반", "accountNumber": "X6505636518308", "bankCode": "20", "customerName": "박토스",
                "dueDate": "2099-01-01T21:00:00+09:00", "refundStatus": "NONE", "expired": false,
            })),
            "failure": self.failure.map(|(code, message)| json!({"code": code, "message": message})),
            "a_new_field": {"that": "nobody knows"},
        })
    }
}

fn error(status: u16, code: &str) -> (u16, Value) {
    (status, json!({"code": code, "message": format!("message of {code}")}))
}

impl Toss {
    /// A payment that the buyer has authenticated and nobody has confirmed. Returns its key.
    pub fn open(&self, order: &str, amount: i64) -> String {
        let mut payments = self.payments.lock();
        let key = format!("tgen_{}_{order}", payments.len());
        let payment = Payment {
            order: order.to_owned(),
            amount,
            status: "IN_PROGRESS",
            cancels: Vec::new(),
            failure: None,
            is_account: false,
            went_to: Vec::new(),
        };
        payments.insert(key.clone(), payment);
        key
    }

    /// As `open`, for a buyer who wants to pay into an account.
    pub fn open_account(&self, order: &str, amount: i64) -> String {
        let key = self.open(order, amount);
        self.payments.lock().get_mut(&key).expect("opened").is_account = true;
        key
    }

    /// The accounts that money of a deposit went back to.
    pub fn went_to(&self, key: &str) -> Vec<Value> {
        self.payments.lock()[key].went_to.clone()
    }

    pub fn forget(&self, key: &str) {
        self.payments.lock().remove(key);
    }

    pub fn set(&self, key: &str, status: &'static str) {
        self.payments.lock().get_mut(key).expect("opened").status = status;
    }

    pub fn fail(&self, key: &str, code: &'static str, message: &'static str) {
        let mut payments = self.payments.lock();
        let payment = payments.get_mut(key).expect("opened");
        (payment.status, payment.failure) = ("ABORTED", Some((code, message)));
    }

    pub fn status(&self, key: &str) -> &'static str {
        self.payments.lock()[key].status
    }

    /// What of each cancellation was said to be tax-free.
    pub fn tax_free(&self, key: &str) -> Vec<i64> {
        let payments = self.payments.lock();
        payments[key].cancels.iter().filter_map(|cancel| cancel["taxFreeAmount"].as_i64()).collect()
    }

    /// What went back, in all.
    pub fn cancelled(&self, key: &str) -> i64 {
        self.payments.lock()[key].cancelled()
    }

    pub fn reasons(&self, key: &str) -> Vec<String> {
        let payments = self.payments.lock();
        payments[key].cancels.iter().map(|cancel| cancel["cancelReason"].as_str().unwrap_or("").to_owned()).collect()
    }

    fn confirm(&self, body: &Value) -> (u16, Value) {
        let (Some(key), Some(order), Some(amount)) =
            (body["paymentKey"].as_str(), body["orderId"].as_str(), body["amount"].as_i64())
        else {
            return error(400, "INVALID_REQUEST");
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=');
        if !(6..=64).contains(&order.len()) || !order.chars().all(legal) {
            return error(400, "INVALID_REQUEST");
        }
        let mut payments = self.payments.lock();
        let Some(payment) = payments.get_mut(key) else { return error(404, "NOT_FOUND_PAYMENT") };
        match payment.status {
            _ if payment.order != order || payment.amount != amount => error(400, "INVALID_REQUEST"),
            "IN_PROGRESS" => {
                payment.status = if payment.is_account { "WAITING_FOR_DEPOSIT" } else { "DONE" };
                (200, payment.document(key))
            }
            "EXPIRED" | "READY" => error(404, "NOT_FOUND_PAYMENT_SESSION"),
            "WAITING_FOR_DEPOSIT" => (200, payment.document(key)),
            _ => error(400, "ALREADY_PROCESSED_PAYMENT"),
        }
    }

    fn cancel(&self, key: &str, body: &Value) -> (u16, Value) {
        let mut payments = self.payments.lock();
        let Some(payment) = payments.get_mut(key) else { return error(404, "NOT_FOUND_PAYMENT") };
        let reason = body["cancelReason"].as_str().unwrap_or_default();
        if reason.is_empty() || reason.chars().count() > 200 {
            return error(400, "INVALID_REQUEST");
        }
        let left = payment.amount - payment.cancelled();
        match payment.status {
            "DONE" | "PARTIAL_CANCELED" | "WAITING_FOR_DEPOSIT" => {}
            "CANCELED" => return error(400, "ALREADY_CANCELED_PAYMENT"),
            _ => return error(403, "NOT_CANCELABLE_PAYMENT"),
        }
        let account = &body["refundReceiveAccount"];
        if payment.is_account && payment.status != "WAITING_FOR_DEPOSIT" {
            let number = account["accountNumber"].as_str().unwrap_or_default();
            if account["holderName"].as_str().is_none_or(str::is_empty) || account["bank"] != "20" {
                return error(400, "INVALID_REFUND_ACCOUNT_INFO");
            }
            if number.len() < 6 || number.starts_with('0') || !number.bytes().all(|digit| digit.is_ascii_digit()) {
                return error(400, "INVALID_REFUND_ACCOUNT_NUMBER");
            }
        }
        let amount = match &body["cancelAmount"] {
            Value::Null => left,
            amount => amount.as_i64().unwrap_or(0),
        };
        if amount <= 0 || amount > left {
            return error(403, "NOT_CANCELABLE_AMOUNT");
        }
        if !account.is_null() {
            payment.went_to.push(account.clone());
        }
        payment.cancels.push(json!({
            "cancelAmount": amount, "taxFreeAmount": body["taxFreeAmount"].as_i64().unwrap_or(0), "cancelReason": reason, "cancelStatus": "DONE", "transactionKey": "t",
        }));
        payment.status = if amount == left { "CANCELED" } else { "PARTIAL_CANCELED" };
        (200, payment.document(key))
    }
}

impl Contract for Toss {
    fn answer(&self, asked: &Asked) -> (u16, Value) {
        let expected = format!("Basic {}", STANDARD.encode(format!("{SECRET_KEY}:")));
        if asked.header("authorization") != Some(&expected) {
            return error(401, "UNAUTHORIZED_KEY");
        }
        let same = asked.header("idempotency-key").map(|key| format!("{key} {} {}", asked.method, asked.path));
        if let Some(answer) = same.as_ref().and_then(|same| self.answered.lock().get(same).cloned()) {
            return answer;
        }
        let segments: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
        let answer = match (asked.method.clone(), segments.as_slice()) {
            (Method::POST, ["v1", "payments", "confirm"]) => self.confirm(&asked.body),
            (Method::POST, ["v1", "payments", key, "cancel"]) => self.cancel(key, &asked.body),
            (Method::GET, ["v1", "payments", key]) => match self.payments.lock().get(*key) {
                Some(payment) => (200, payment.document(key)),
                None => error(404, "NOT_FOUND_PAYMENT"),
            },
            _ => error(404, "NOT_FOUND"),
        };
        if let Some(same) = same {
            self.answered.lock().insert(same, answer.clone());
        }
        answer
    }
}

pub async fn start() -> Server<Toss> {
    Server::start(Toss::default()).await
}
