//! Calls of the scripts in `lua/seats`: the seat string, holds. The rules stand at `lane::seats`.
//!
//! A hold lies in Redis as two texts: the part that never changes, as JSON that Lua only reads, and its state,
//! `state expires seats prices order`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::args::Args;
use super::call::{NO_TIME, RedisLane};
use super::keys::KeyOwner;
use super::reply::{ReplyRead, ScriptReply, Unreadable};
use super::{events, scripts};
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{EventId, HoldId, OrderId, UserId, VisitorId};
use crate::facts::seat::SeatMap;
use crate::facts::tariff::Tariff;
use crate::facts::terms::Terms;
use crate::facts::time::Millis;
use crate::lane::seats::{HoldAsk, HoldOutcome, Release, ReleaseOutcome, RowRuns, Want};
use crate::lane::{Result, Seats};

#[async_trait]
impl Seats for RedisLane {
    async fn seats(&self, event: &EventId) -> Result<Option<SeatMap>> {
        let reply = self.call(&scripts::SEATS, KeyOwner::Event(event), NO_TIME, Args::new()).await?;
        self.read(reply, |reply| match reply.name {
            "SEATS" => {
                let version = u64::try_from(reply.int()?).map_err(|_| Unreadable::Kind("a version"))?;
                Ok(Some(SeatMap { version, seats: reply.bytes()? }))
            }
            "NO_EVENT" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn hold(&self, now_ms: Millis, ask: HoldAsk) -> Result<HoldOutcome> {
        // Each call sweeps holds that ran out, up to a bound, before it judges. Pulses sweep too, so few holds have run
        // out since the last one. If `SWEEPS_MAX` calls are not enough, nobody pulses.
        for _ in 0..SWEEPS_MAX {
            let reply = self.call(&scripts::HOLD, KeyOwner::Event(&ask.event), now_ms, hold_args(now_ms, &ask)).await?;
            if reply.name != "AGAIN" {
                return self.read(reply, |reply| held(reply, now_ms, &ask));
            }
        }
        Err(self.fault("more holds had run out than may be swept for one"))
    }

    async fn get_hold(&self, now_ms: Millis, event: &EventId, hold: &HoldId) -> Result<Option<HoldFact>> {
        let args = Args::new().text(hold.as_str());
        let reply = self.call(&scripts::GET_HOLD, KeyOwner::Event(event), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "HOLD" => Ok(Some(at(stored(reply)?, now_ms))),
            "NOT_FOUND" => Ok(None),
            _ => Err(reply.unexpected()),
        })
    }

    async fn release(&self, now_ms: Millis, ask: Release) -> Result<ReleaseOutcome> {
        let args = Args::new().text(ask.hold.as_str()).text(ask.user.as_str());
        let reply = self.call(&scripts::RELEASE, KeyOwner::Event(&ask.event), now_ms, args).await?;
        self.read(reply, |reply| match reply.name {
            "RELEASED" => Ok(ReleaseOutcome::Released),
            "ENDED" => Ok(ReleaseOutcome::Ended),
            "ORDERED" => Ok(ReleaseOutcome::Ordered),
            "NOT_OWNER" => Ok(ReleaseOutcome::NotOwner),
            "NOT_FOUND" => Ok(ReleaseOutcome::NotFound),
            _ => Err(reply.unexpected()),
        })
    }
}

/// The part of a hold that never changes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Frame {
    id: HoldId,
    event: EventId,
    user: UserId,
    visitor: VisitorId,
    digest: String,
    #[serde(default)]
    tariff: Tariff,
    #[serde(default)]
    terms: Option<Terms>,
    earn_bp: i64,
    fee_bp: i64,
    created_ms: Millis,
}

impl Frame {
    pub fn of(fact: &HoldFact) -> Self {
        Self {
            id: fact.id.clone(),
            event: fact.event.clone(),
            user: fact.user.clone(),
            visitor: fact.visitor.clone(),
            digest: fact.digest.clone(),
            tariff: fact.tariff.clone(),
            terms: fact.terms.clone(),
            earn_bp: fact.earn_bp,
            fee_bp: fact.fee_bp,
            created_ms: fact.created_ms,
        }
    }

    pub fn with_state(self, state: &str) -> ReplyRead<HoldFact> {
        let unreadable = || Unreadable::Kind("a hold's state");
        let mut words = state.splitn(5, ' ');
        let mut word = || words.next().ok_or_else(unreadable);
        let state = match word()? {
            "h" => HoldState::Held,
            "o" => HoldState::Ordered,
            "r" => HoldState::Released,
            "e" => HoldState::Expired,
            _ => return Err(unreadable()),
        };
        let expires_ms = word()?.parse().map_err(|_| unreadable())?;
        let (seats, prices, order) = (word()?, word()?, word()?);
        Ok(HoldFact {
            id: self.id,
            event: self.event,
            user: self.user,
            visitor: self.visitor,
            digest: self.digest,
            state,
            seats: numbers(seats).ok_or_else(unreadable)?,
            prices: numbers(prices).ok_or_else(unreadable)?,
            tariff: self.tariff,
            terms: self.terms,
            earn_bp: self.earn_bp,
            fee_bp: self.fee_bp,
            created_ms: self.created_ms,
            expires_ms,
            order: (!order.is_empty()).then(|| OrderId::from(order)),
        })
    }
}

fn numbers<T: std::str::FromStr>(text: &str) -> Option<Vec<T>> {
    text.split(',').map(|number| number.parse().ok()).collect()
}

/// Numbers with commas between them, as a hold's state has them.
pub fn joined<T: ToString>(numbers: impl IntoIterator<Item = T>) -> String {
    numbers.into_iter().map(|n| n.to_string()).collect::<Vec<_>>().join(",")
}

/// A hold as stored: a frame, a state.
pub fn stored(reply: &mut ScriptReply) -> ReplyRead<HoldFact> {
    let frame: Frame = reply.json()?;
    frame.with_state(&reply.text()?)
}

/// The hold as it reads at `now_ms`: past its time it has expired, swept or not.
fn at(mut fact: HoldFact, now_ms: Millis) -> HoldFact {
    if fact.state == HoldState::Held && fact.expires_ms <= now_ms {
        fact.state = HoldState::Expired;
    }
    fact
}

/// Most calls for one `hold`. Each sweeps up to 500 holds that ran out.
const SWEEPS_MAX: usize = 100;

fn held(reply: &mut ScriptReply, now_ms: Millis, ask: &HoldAsk) -> ReplyRead<HoldOutcome> {
    match reply.name {
        "HELD" => Ok(HoldOutcome::Held(frame(now_ms, ask).with_state(&reply.text()?)?)),
        "REPEATED" => Ok(HoldOutcome::Repeated(at(stored(reply)?, now_ms))),
        "KEY_REUSED" => Ok(HoldOutcome::KeyReused),
        "NO_EVENT" => Ok(HoldOutcome::NoEvent),
        "NOT_OPEN" => Ok(HoldOutcome::NotOpen),
        "NOT_INSIDE" => Ok(HoldOutcome::NotInside),
        "ENDED" => Ok(HoldOutcome::Ended),
        "PLACE_OVER" => Ok(HoldOutcome::PlaceOver),
        "NOT_OWNER" => Ok(HoldOutcome::NotOwner),
        "LIMIT_EXCEEDED" => Ok(HoldOutcome::LimitExceeded { taken: reply.int()? }),
        "TAKEN" => Ok(HoldOutcome::Taken(events::seats(reply)?)),
        "SOLD_OUT" => Ok(HoldOutcome::SoldOut),
        "NO_BLOCK" => Ok(HoldOutcome::NoBlock),
        _ => Err(reply.unexpected()),
    }
}

fn frame(now_ms: Millis, ask: &HoldAsk) -> Frame {
    Frame {
        id: ask.hold.clone(),
        event: ask.event.clone(),
        user: ask.user.clone(),
        visitor: ask.visitor.clone(),
        digest: ask.digest.clone(),
        tariff: ask.tariff.clone(),
        terms: Some(ask.terms.clone()),
        earn_bp: ask.earn_bp,
        fee_bp: ask.fee_bp,
        created_ms: now_ms,
    }
}

fn hold_args(now_ms: Millis, ask: &HoldAsk) -> Args {
    let args = Args::new()
        .text(ask.hold.as_str())
        .text(ask.digest.as_str())
        .text(ask.user.as_str())
        .text(ask.visitor.as_str())
        .json(&frame(now_ms, ask))
        .int(ask.seats_per_user)
        .int(ask.hold_ttl_ms);
    match &ask.want {
        Want::Named(seats) => {
            let count = u32::try_from(seats.len()).unwrap_or(u32::MAX);
            let (indexes, prices) = (seats.iter().map(|(seat, _)| seat), seats.iter().map(|(_, price)| price));
            args.text("named").int(count).text(joined(prices)).text(joined(indexes))
        }
        Want::Adjacent { rows, quantity, price } => {
            args.text("adjacent").int(*quantity).int(*price).text(run_text(rows))
        }
        Want::Separate { rows, quantity, price } => {
            args.text("separate").int(*quantity).int(*price).text(run_text(rows))
        }
    }
}

/// Rows as the script takes them: `first:length,first:length;first:length`.
fn run_text(rows: &[RowRuns]) -> String {
    let mut text = String::new();
    for row in rows {
        for (first, length) in row.runs.iter().filter(|(_, length)| *length > 0) {
            text.push_str(&format!("{first}:{length},"));
        }
        text.push(';');
    }
    text
}

#[cfg(test)]
mod tests;
