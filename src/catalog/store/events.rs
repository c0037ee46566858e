//! Changes of events: they are checked, stored in the ledger, and taken to the lane.

use std::sync::Arc;

use super::{Applied, Catalog, Edited, Error, PutEventOutcome, Result, TRIES};
use crate::catalog::event::{Event, EventCancellation, EventSpec, SpecFaults};
use crate::catalog::layout::Layout;
use crate::catalog::room::RoomPatch;
use crate::facts::draw::Birth;
use crate::facts::ids::{EventId, SeatIndex};
use crate::facts::notice::{Notice, NoticeKind, Told};
use crate::facts::room::Mode;
use crate::facts::time::Timestamp;
use crate::lane::events::PutEvent;
use crate::ledger::catalog::{EventRow, Put};
use crate::ledger::draws::DrawSecret;

impl Catalog {
    /// Creates or changes an event. The same spec again changes nothing but brings the lane up to date.
    pub async fn put_event(&self, id: &EventId, spec: EventSpec) -> Result<PutEventOutcome> {
        self.edit_event(id, |_| Edited::Spec(Box::new(spec.clone()))).await
    }

    /// Changes some of a room's settings, where `may` allows it.
    pub async fn patch_room(
        &self,
        id: &EventId,
        patch: &RoomPatch,
        may: impl Fn(&Event) -> bool,
    ) -> Result<PutEventOutcome> {
        let patched = |event: &Event| EventSpec { room: patch.apply(&event.spec.room), ..event.spec.clone() };
        let edit = |before: Option<&Event>| match before {
            None => Edited::NotFound,
            Some(event) if !may(event) => Edited::Stale,
            Some(event) => Edited::Spec(Box::new(patched(event))),
        };
        let outcome = self.edit_event(id, edit).await?;
        let inside_room = |(pointer, detail): (String, String)| {
            (pointer.strip_prefix("/room").map(str::to_owned).unwrap_or(pointer), detail)
        };
        Ok(match outcome {
            PutEventOutcome::Invalid(faults) => PutEventOutcome::Invalid(faults.into_iter().map(inside_room).collect()),
            outcome => outcome,
        })
    }

    /// Cancels an event: its room closes, and nothing of it is sold any more. A second time changes nothing.
    pub async fn cancel_event(&self, id: &EventId, reason: &str) -> Result<PutEventOutcome> {
        let now = Timestamp(self.clock.now_ms());
        // One that has left its lane since then has nothing to give back.
        if let Some(event) = self.any_event(id.as_str()).filter(|event| event.spec.cancelled.is_some() && event.away) {
            return Ok(PutEventOutcome::Changed(event));
        }
        self.edit_event(id, |before| {
            let Some(before) = before else { return Edited::NotFound };
            let mut spec = before.spec.clone();
            spec.room.mode = Mode::Closed;
            spec.cancelled.get_or_insert_with(|| EventCancellation { at: now, reason: reason.to_owned() });
            Edited::Cancelled(Box::new(spec))
        })
        .await
    }

    /// Creates or changes an event by what `edit` makes of it; `edit` is asked again when another change came
    /// first.
    pub async fn edit_event(&self, id: &EventId, edit: impl Fn(Option<&Event>) -> Edited) -> Result<PutEventOutcome> {
        for tried in 0..TRIES {
            let before = self.any_event(id.as_str());
            let edited = edit(before.as_deref());
            // A sale can be stopped whatever else is wrong with it by the rules of today.
            let is_cancelled = matches!(edited, Edited::Cancelled(_));
            let spec = match edited {
                Edited::Spec(_) if before.as_deref().is_some_and(|before| before.spec.cancelled.is_some()) => {
                    return Ok(PutEventOutcome::Cancelled);
                }
                Edited::Spec(spec) if spec.cancelled.is_some() => {
                    let text = "told, not set: POST …/cancel cancels an event";
                    return Ok(PutEventOutcome::Invalid(vec![("/cancelled".into(), text.into())]));
                }
                Edited::Spec(spec) | Edited::Cancelled(spec) => *spec,
                Edited::Invalid(faults) => return Ok(PutEventOutcome::Invalid(faults)),
                Edited::NotFound => return Ok(PutEventOutcome::NotFound),
                // What the editor saw may be newer than what this process has.
                Edited::Stale if tried == 0 => {
                    self.refresh().await?;
                    continue;
                }
                Edited::Stale => return Ok(PutEventOutcome::Stale),
            };
            let (spec, mut faults) = self.with_change(spec, before.as_deref());
            faults.extend(spec.faults());
            // An event from before the house had a currency keeps its own.
            let kept = before.as_ref().is_some_and(|before| before.spec.currency == spec.currency);
            if faults.is_empty() && spec.currency != self.currency && !kept {
                let text = format!("this house sells in {} ([money] currency)", self.currency);
                faults.push(("/currency".into(), text));
            }
            let frozen = before.as_ref().map(|before| spec.room.frozen_faults(&before.spec.room, "/room"));
            faults.extend(frozen.filter(|_| faults.is_empty()).into_iter().flatten());
            if !faults.is_empty() && !is_cancelled {
                return Ok(PutEventOutcome::Invalid(faults));
            }
            let after = Arc::new(self.next_event(id, spec, before.as_deref()));
            if !is_cancelled && let Some(sold) = self.would_drop(&after, before.as_deref()).await? {
                return Ok(PutEventOutcome::SeatsSold(sold));
            }
            let unchanged = before.as_ref().is_some_and(|b| b.spec == after.spec && !b.away);
            let after = if unchanged { before.clone().expect("unchanged means there was one") } else { after };
            if !unchanged && !self.store_event(&after, before.as_deref()).await? {
                self.refresh().await?;
                continue;
            }
            return match self.apply_event(&after).await? {
                // This process saw no change, because it had not heard of a newer version.
                Applied::Overtaken if unchanged => {
                    self.refresh().await?;
                    continue;
                }
                Applied::Done | Applied::Overtaken if before.is_none() => Ok(PutEventOutcome::Created(after)),
                Applied::Done | Applied::Overtaken => Ok(PutEventOutcome::Changed(after)),
                Applied::Refused(seats) => {
                    self.revert_event(&after, &seats).await?;
                    Ok(PutEventOutcome::SeatsSold(names(&after.layout, &seats)))
                }
            };
        }
        Err(Error::Contended)
    }

    /// Notes when a material change is made; only a change of this kind moves that time.
    fn with_change(&self, spec: EventSpec, before: Option<&Event>) -> (EventSpec, SpecFaults) {
        let former = before.and_then(|before| before.spec.material_change_at);
        let mut faults = SpecFaults::new();
        if spec.material_change && before.is_none() {
            faults.push(("/material_change".into(), "of a new event nothing is sold that it could change".into()));
        }
        if spec.material_change_at != former {
            let text = "told, not set: name \"material_change\": true when date or venue change";
            faults.push(("/material_change_at".into(), text.into()));
        }
        let now = Some(Timestamp(self.clock.now_ms()));
        let material_change_at = if spec.material_change { now } else { former };
        (EventSpec { material_change: false, material_change_at, ..spec }, faults)
    }

    fn next_event(&self, id: &EventId, spec: EventSpec, before: Option<&Event>) -> Event {
        let layout = Layout::of(&spec, before.map_or(&Layout::default(), |b| &b.layout));
        let lane = before.map_or_else(|| self.lane_of(id.as_str()), |b| b.lane);
        // An event from before there were draws gets a secret with its first change. An event that comes back is
        // another sale and gets a new secret: no earlier token is good for it, and nobody knows its draws.
        let kept = before.filter(|b| !b.away).map(|b| b.draw.clone());
        let draw = kept.filter(|draw| draw.bytes().is_some());
        let draw = draw.unwrap_or_else(DrawSecret::random);
        Event {
            id: id.clone(),
            lane,
            version: before.map_or(1, |b| b.version + 1),
            spec,
            layout,
            birth: born(&draw),
            draw,
            away: false,
            returned: before.is_some_and(|b| b.returned),
        }
    }

    /// Names of seats that the change would drop and that are taken now. The lane has the last word;
    /// this only spares the ledger a change that would have to be taken back.
    async fn would_drop(&self, after: &Event, before: Option<&Event>) -> Result<Option<Vec<String>>> {
        if before.is_none() {
            return Ok(None);
        }
        let Some(map) = self.lane(after.lane).seats(&after.id).await? else { return Ok(None) };
        let taken = |index: &SeatIndex| map.seats.get(*index as usize).is_some_and(|b| matches!(b, b'h' | b'p' | b's'));
        let seats: Vec<SeatIndex> = after.layout.blocked().into_iter().flat_map(|(from, to)| from..to).collect();
        let dropped: Vec<SeatIndex> = seats.into_iter().filter(taken).take(20).collect();
        Ok((!dropped.is_empty()).then(|| names(&after.layout, &dropped)))
    }

    /// `false`: another change came first.
    async fn store_event(&self, event: &Arc<Event>, before: Option<&Event>) -> Result<bool> {
        let row = EventRow {
            id: event.id.clone(),
            lane: event.lane,
            version: event.version,
            seq: 0,
            spec: serde_json::to_string(&event.spec).expect("a spec is plain data"),
            layout: serde_json::to_string(&event.layout).expect("a layout is plain data"),
            draw: event.draw.clone(),
            away: false,
            returned: event.returned,
            told: told(event, before),
        };
        let expected = before.map(|b| b.version);
        match self.ledger.put_event(row, expected, self.clock.now_ms()).await? {
            Put::Done => {
                self.remember(std::slice::from_ref(event), &[]);
                Ok(true)
            }
            Put::Conflict => Ok(false),
        }
    }

    /// Takes back a change that the ledger has and the lane refuses because of these seats. The newest former spec that
    /// has them all becomes a newer version in the ledger. (A new event cannot be refused: none of its seats is taken.)
    pub(super) async fn revert_event(&self, refused: &Event, seats: &[SeatIndex]) -> Result<()> {
        for text in self.ledger.former_events(&refused.id, refused.version).await? {
            let unreadable = |source| Error::Unreadable { what: "event", id: refused.id.to_string(), source };
            let mut spec: EventSpec = serde_json::from_str(&text).map_err(unreadable)?;
            // A cancellation is never taken back.
            if let Some(cancelled) = &refused.spec.cancelled {
                (spec.cancelled, spec.room.mode) = (Some(cancelled.clone()), Mode::Closed);
            }
            let restored = self.next_event(&refused.id, spec, Some(refused));
            let blocked = restored.layout.blocked();
            if seats.iter().any(|seat| blocked.iter().any(|(from, to)| (from..to).contains(&seat))) {
                continue;
            }
            let restored = Arc::new(restored);
            if self.store_event(&restored, Some(refused)).await? {
                self.apply_event(&restored).await?;
            }
            return Ok(());
        }
        tracing::error!(event = %refused.id, "no former hall that is kept has the seats that are taken; it waits for a new PUT");
        Ok(())
    }

    pub(super) async fn apply_event(&self, event: &Event) -> Result<Applied<Vec<SeatIndex>>> {
        self.unapplied.lock().events.add(&event.id, event.version);
        let outcome = self.lane(event.lane).put_event(self.clock.now_ms(), event.lane_put()).await?;
        if !matches!(outcome, PutEvent::SeatsTaken(_)) {
            self.unapplied.lock().events.taken(&event.id, event.version);
        }
        Ok(match outcome {
            PutEvent::Done => Applied::Done,
            PutEvent::Stale(_) => Applied::Overtaken,
            PutEvent::Missing => {
                // What was sold of the event is in the ledger, so the lane is rebuilt from there.
                self.lane(event.lane).seal().await?;
                Applied::Done
            }
            PutEvent::SeatsTaken(seats) => Applied::Refused(seats),
        })
    }
}

impl Event {
    pub(super) fn from_row(row: EventRow) -> Result<Self> {
        let unreadable = |source| Error::Unreadable { what: "event", id: row.id.to_string(), source };
        let spec = serde_json::from_str(&row.spec).map_err(unreadable)?;
        let layout = serde_json::from_str(&row.layout).map_err(unreadable)?;
        let birth = born(&row.draw);
        let EventRow { id, lane, version, draw, away, returned, .. } = row;
        Ok(Self { id, lane, version, spec, layout, birth, draw, away, returned })
    }
}

fn born(draw: &DrawSecret) -> Option<Birth> {
    draw.bytes().as_ref().map(Birth::of)
}

/// What this change tells the world.
fn told(event: &Event, before: Option<&Event>) -> Option<Told> {
    let EventSpec { name, venue, timezone, starts_at, refunds_close_at, .. } = &event.spec;
    let cancelled = event.spec.cancelled.as_ref();
    let kind = match before {
        None => NoticeKind::EventCreated,
        Some(before) if before.spec.cancelled.is_none() && cancelled.is_some() => NoticeKind::EventCancelled,
        Some(_) => NoticeKind::EventChanged,
    };
    let material_at = |event: &Event| event.spec.material_change_at;
    let data = serde_json::json!({
        "event": event.id, "version": event.version, "name": name, "venue": venue, "timezone": timezone,
        "starts_at": starts_at, "refunds_close_at": refunds_close_at,
        "material_change": before.is_some_and(|before| material_at(before) < material_at(event)),
        "cancelled": cancelled.map(|cancelled| &cancelled.reason),
    });
    let notices = vec![Notice::Event { kind, event: event.id.clone(), data }];
    Some(Told { order: None, notices })
}

fn names(layout: &Layout, seats: &[SeatIndex]) -> Vec<String> {
    let name = |seat: SeatIndex| {
        layout.name(seat).or_else(|| layout.section_of(seat).map(|s| s.id.clone())).unwrap_or_default()
    };
    let mut names: Vec<String> = seats.iter().map(|&seat| name(seat)).collect();
    names.dedup();
    names
}
