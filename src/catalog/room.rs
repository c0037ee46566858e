//! The settings of an event's room, and the check of their ranges.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::{SpecFaults, TTL_S_MAX};
use crate::facts::room::{AdmissionOrder, Control, Mode, ReleaseOn, RoomSettings};
use crate::facts::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomIdentity)]
pub enum Identity {
    /// A random id for each browser.
    Browser,
    /// Signed in: one person, one place.
    User,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = RoomSettings)]
pub struct RoomSpec {
    pub mode: Mode,
    pub order: AdmissionOrder,
    pub identity: Identity,
    #[schema(example = 500)]
    pub capacity: i64,
    #[schema(example = 3000)]
    pub rate_per_min: i64,
    #[schema(example = 600)]
    pub pass_ttl_s: i64,
    #[schema(example = 60)]
    pub claim_ttl_s: i64,
    #[schema(example = 60)]
    pub absent_after_s: i64,
    #[schema(example = 300)]
    pub late_grace_s: i64,
    #[schema(example = 75)]
    pub recover_s: i64,
    pub release_on: ReleaseOn,
    pub control: Control,
}

impl Default for RoomSpec {
    fn default() -> Self {
        let RoomSettings {
            mode,
            opens_at_ms: _,
            closes_at_ms: _,
            capacity,
            rate_per_min,
            pass_ttl_s,
            claim_ttl_s,
            absent_after_s,
            late_grace_s,
            release_on,
            order,
            control,
        } = RoomSettings::default();
        Self {
            mode,
            order,
            identity: Identity::Browser,
            capacity,
            rate_per_min,
            pass_ttl_s,
            claim_ttl_s,
            absent_after_s,
            late_grace_s,
            recover_s: 75,
            release_on,
            control,
        }
    }
}

/// `PATCH /v1/admin/events/{event}/room`: any of the room's fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = RoomPatch, example = json!({"mode": "paused", "rate_per_min": 1200}))]
pub struct RoomPatch {
    pub mode: Option<Mode>,
    pub order: Option<AdmissionOrder>,
    pub identity: Option<Identity>,
    pub capacity: Option<i64>,
    pub rate_per_min: Option<i64>,
    pub pass_ttl_s: Option<i64>,
    pub claim_ttl_s: Option<i64>,
    pub absent_after_s: Option<i64>,
    pub late_grace_s: Option<i64>,
    pub recover_s: Option<i64>,
    pub release_on: Option<ReleaseOn>,
    pub control: Option<Control>,
}

impl RoomPatch {
    pub fn apply(&self, room: &RoomSpec) -> RoomSpec {
        RoomSpec {
            mode: self.mode.unwrap_or(room.mode),
            order: self.order.unwrap_or(room.order),
            identity: self.identity.unwrap_or(room.identity),
            capacity: self.capacity.unwrap_or(room.capacity),
            rate_per_min: self.rate_per_min.unwrap_or(room.rate_per_min),
            pass_ttl_s: self.pass_ttl_s.unwrap_or(room.pass_ttl_s),
            claim_ttl_s: self.claim_ttl_s.unwrap_or(room.claim_ttl_s),
            absent_after_s: self.absent_after_s.unwrap_or(room.absent_after_s),
            late_grace_s: self.late_grace_s.unwrap_or(room.late_grace_s),
            recover_s: self.recover_s.unwrap_or(room.recover_s),
            release_on: self.release_on.unwrap_or(room.release_on),
            control: self.control.unwrap_or(room.control),
        }
    }
}

impl RoomSpec {
    /// The settings that the lane has, with the event's times; `None`: no such time.
    pub fn settings(&self, opens_at: Option<Timestamp>, closes_at: Option<Timestamp>) -> RoomSettings {
        RoomSettings {
            mode: self.mode,
            opens_at_ms: opens_at.map_or(0, |at| at.0),
            closes_at_ms: closes_at.map_or(0, |at| at.0),
            capacity: self.capacity,
            rate_per_min: self.rate_per_min,
            pass_ttl_s: self.pass_ttl_s,
            claim_ttl_s: self.claim_ttl_s,
            absent_after_s: self.absent_after_s,
            late_grace_s: self.late_grace_s,
            release_on: self.release_on,
            order: self.order,
            control: self.control,
        }
    }

    /// Faults of what may not change any more: visitors got their places, and perhaps draws, by these fields.
    pub fn frozen_faults(&self, before: &RoomSpec, pointer: &str) -> SpecFaults {
        let fields = [("order", self.order != before.order), ("identity", self.identity != before.identity)];
        let changed = fields.into_iter().filter(|(_, changed)| *changed);
        changed.map(|(field, _)| (format!("{pointer}/{field}"), "set when the event is created".into())).collect()
    }

    pub fn faults(&self, pointer: &str) -> SpecFaults {
        let mut faults = SpecFaults::new();
        let mut range = |value: i64, least: i64, most: i64, field: &str| {
            if !(least..=most).contains(&value) {
                faults.push((format!("{pointer}/{field}"), format!("{least} to {most}")));
            }
        };
        // All fields by name, so that a new one is not forgotten here.
        let &Self {
            mode: _,
            order,
            identity,
            capacity,
            rate_per_min,
            pass_ttl_s,
            claim_ttl_s,
            absent_after_s,
            late_grace_s,
            recover_s,
            release_on: _,
            control: _,
        } = self;
        range(capacity, 0, 10_000_000, "capacity");
        range(rate_per_min, 0, 10_000_000, "rate_per_min");
        range(pass_ttl_s, 1, TTL_S_MAX, "pass_ttl_s");
        range(claim_ttl_s, 1, TTL_S_MAX, "claim_ttl_s");
        range(absent_after_s, 1, TTL_S_MAX, "absent_after_s");
        range(late_grace_s, 0, TTL_S_MAX, "late_grace_s");
        range(recover_s, 1, TTL_S_MAX, "recover_s");
        if order == AdmissionOrder::Lottery && identity != Identity::User {
            faults.push((format!("{pointer}/order"), "a lottery needs identity \"user\": one person, one draw".into()));
        }
        faults
    }
}
