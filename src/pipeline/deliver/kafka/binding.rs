//! A notice as a message of Kafka: CloudEvents' Kafka protocol binding 1.0.2, binary content mode.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::facts::notice::NoticeKind;
use crate::pipeline::deliver::broker::BrokerFault;

/// An envelope, as it waits in the ledger.
#[derive(Deserialize)]
struct CloudEvent<'e> {
    #[serde(borrow)]
    specversion: Cow<'e, str>,
    #[serde(borrow)]
    id: Cow<'e, str>,
    #[serde(borrow)]
    source: Cow<'e, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'e, str>,
    #[serde(borrow)]
    subject: Cow<'e, str>,
    #[serde(borrow)]
    time: Cow<'e, str>,
    #[serde(borrow)]
    datacontenttype: Cow<'e, str>,
    #[serde(borrow)]
    sequence: Cow<'e, str>,
    #[serde(borrow)]
    partitionkey: Cow<'e, str>,
    #[serde(borrow)]
    data: &'e RawValue,
}

/// What is written to a topic.
pub(super) struct KafkaMessage<'e> {
    pub topic: String,
    /// Messages with the same key are in one partition.
    pub key: Cow<'e, str>,
    pub headers: [(&'static str, Cow<'e, str>); 9],
    pub value: &'e str,
}

impl<'e> KafkaMessage<'e> {
    /// `prefix`: what the names of all topics begin with.
    pub fn of(envelope: &'e str, prefix: &str) -> Result<Self, BrokerFault> {
        let event: CloudEvent<'e> =
            serde_json::from_str(envelope).map_err(|error| BrokerFault::Unknown(error.to_string()))?;
        let kind = NoticeKind::ALL.into_iter().find(|kind| kind.cloud_type() == event.kind);
        let kind = kind.ok_or_else(|| BrokerFault::Unknown(event.kind.clone().into_owned()))?;
        Ok(Self {
            topic: format!("{prefix}.{}.v1", topic(kind)),
            key: event.partitionkey.clone(),
            headers: [
                ("content-type", event.datacontenttype),
                ("ce_specversion", event.specversion),
                ("ce_id", event.id),
                ("ce_source", event.source),
                ("ce_type", event.kind),
                ("ce_subject", event.subject),
                ("ce_time", event.time),
                ("ce_sequence", event.sequence),
                ("ce_partitionkey", event.partitionkey),
            ],
            value: event.data.get(),
        })
    }
}

/// The topic of a kind, without prefix and version. Notices with the same key that must come in their order are in one
/// topic: tickets and refunds are among the orders, rooms among the events.
fn topic(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::OrderPlaced
        | NoticeKind::OrderConfirmed
        | NoticeKind::OrderDepositUndone
        | NoticeKind::OrderRejected
        | NoticeKind::OrderPartiallyRefunded
        | NoticeKind::OrderRefunded
        | NoticeKind::TicketIssued
        | NoticeKind::TicketSuspended
        | NoticeKind::TicketVoided
        | NoticeKind::RefundRequested
        | NoticeKind::RefundAwaitingAccount
        | NoticeKind::RefundDone
        | NoticeKind::RefundFailed => "orders",
        NoticeKind::CouponClaimed | NoticeKind::CouponUsed | NoticeKind::CouponReturned => "coupons",
        NoticeKind::PointsEarned
        | NoticeKind::PointsSpent
        | NoticeKind::PointsRestored
        | NoticeKind::PointsClawedBack
        | NoticeKind::PointsCorrected
        | NoticeKind::PointsExpired => "points",
        NoticeKind::EventCreated
        | NoticeKind::EventChanged
        | NoticeKind::EventCancelled
        | NoticeKind::EventSoldOut
        | NoticeKind::RoomOpened
        | NoticeKind::RoomPaused
        | NoticeKind::RoomClosed => "events",
        NoticeKind::SettlementClosed | NoticeKind::SettlementPaid => "settlements",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ENVELOPE: &str = r#"{"specversion": "1.0", "id": "3-1045-0", "source": "/lanes/3", "subject": "o1\u00e9",
        "type": "stanchion.order.confirmed.v1", "time": "2026-11-20T10:03:21.000Z", "datacontenttype": "application/json",
        "sequence": "00000000000004280320", "partitionkey": "o1", "data": {"user":  "kim", "b": [1.50]}}"#;

    #[test]
    fn the_attributes_are_headers_and_the_value_is_the_data_alone() {
        let message = KafkaMessage::of(ENVELOPE, "sale").expect("a notice");
        assert_eq!((message.topic.as_str(), &*message.key), ("sale.orders.v1", "o1"));
        assert_eq!(message.value, r#"{"user":  "kim", "b": [1.50]}"#, "byte for byte");
        let headers: BTreeMap<_, _> = message.headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let wanted = [
            ("content-type", "application/json"),
            ("ce_specversion", "1.0"),
            ("ce_id", "3-1045-0"),
            ("ce_source", "/lanes/3"),
            ("ce_type", "stanchion.order.confirmed.v1"),
            ("ce_subject", "o1é"),
            ("ce_time", "2026-11-20T10:03:21.000Z"),
            ("ce_sequence", "00000000000004280320"),
            ("ce_partitionkey", "o1"),
        ];
        assert_eq!(headers, BTreeMap::from(wanted));
    }

    #[test]
    fn a_kind_has_one_topic() {
        let mut topics = BTreeMap::<&str, Vec<&str>>::new();
        for kind in NoticeKind::ALL {
            let noun = kind.as_str().split('.').next().expect("a noun");
            let nouns = topics.entry(topic(kind)).or_default();
            if !nouns.contains(&noun) {
                nouns.push(noun);
            }
        }
        let wanted = [
            ("coupons", vec!["coupon"]),
            ("events", vec!["event", "room"]),
            ("orders", vec!["order", "ticket", "refund"]),
            ("points", vec!["points"]),
            ("settlements", vec!["settlement"]),
        ];
        assert_eq!(topics, BTreeMap::from(wanted));
    }

    #[test]
    fn what_a_later_release_wrote_waits_for_it() {
        let later = ENVELOPE.replace("order.confirmed", "order.framed");
        let refused = KafkaMessage::of(&later, "sale").err().expect("no topic");
        assert_eq!(refused.to_string(), "no notice that this release knows: stanchion.order.framed.v1");
    }
}
