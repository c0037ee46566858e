//! One visit from arrival to the end: the line, then the shop. This module owns the order of the steps. What each step
//! asks and checks is in the step's own module.

use http::Method;
use serde_json::Value;

use super::client::RequestKind;
use super::persona::{Haste, Intent, Persona, Regret};
use super::step::BuyerStep;
use super::tally::{Count, End};
use super::world::{VisitorRequest, World, WorldReply};
use super::{buy, coupon, line, refund, seat};

/// A visitor, with the tokens that they have got so far.
pub struct Visitor<'a> {
    pub world: &'a World,
    pub persona: Persona,
    /// `Bearer …`
    pub bearer: String,
    pub queue_token: String,
    pub pass: String,
    /// Keys given out so far.
    keys: u32,
}

/// Comes, does what the persona wants, goes; the end is counted.
pub async fn visit(world: &World, persona: Persona, bearer: String) {
    tokio::time::sleep(persona.arrives_after).await;
    world.tally.add(Count::Arrived, 1);
    let (queue_token, pass) = (String::new(), String::new());
    let mut visitor = Visitor { world, persona, bearer, queue_token, pass, keys: 0 };
    let end = match visitor.go().await {
        Ok(end) | Err(end) => end,
    };
    world.tally.ended(end);
}

impl Visitor<'_> {
    async fn go(&mut self) -> Result<End, End> {
        line::stand(self).await?;
        self.think(200, 1_500).await;
        if self.persona.wants_coupon {
            coupon::claim(self).await?;
        }
        let hold = seat::hold(self).await?;
        self.think(300, 2_000).await;
        match self.persona.intent {
            Intent::Buy | Intent::OrderOnly { .. } => {}
            Intent::Release => {
                seat::release(self, &hold).await?;
                line::leave(self).await?;
                return Ok(End::GaveTheHoldBack);
            }
            Intent::WalkAway => return Ok(End::WalkedAway),
        }
        let order = match buy::buy(self, &hold).await {
            Err(End::Cancelled) => {
                line::leave(self).await?;
                return Ok(End::Cancelled);
            }
            bought => bought?,
        };
        if self.persona.regret == Regret::None {
            return Ok(End::Bought);
        }
        self.think(500, 3_000).await;
        refund::refund(self, &order).await?;
        Ok(match self.persona.regret {
            Regret::Everything => End::BoughtAndRefunded,
            Regret::OneLine | Regret::None => End::Bought,
        })
    }

    /// A person's pause between two steps.
    pub async fn think(&mut self, least_ms: u64, most_ms: u64) {
        if self.persona.haste == Haste::Person {
            self.wait(least_ms, most_ms).await;
        }
    }

    /// A pause before the same question is asked again.
    pub async fn wait(&mut self, least_ms: u64, most_ms: u64) {
        tokio::time::sleep(self.persona.pause(least_ms, most_ms)).await;
    }

    /// A new Idempotency-Key, for each new thing that the visitor asks for.
    pub fn new_key(&mut self) -> String {
        self.keys += 1;
        format!("{}-{}-{}", self.world.run, self.persona.number, self.keys)
    }

    /// Asks as the signed-in user.
    pub async fn get(&self, step: BuyerStep, kind: RequestKind, path: &str) -> Result<Value, End> {
        let headers = [("authorization", self.bearer.as_str())];
        self.world.must(VisitorRequest { step, method: Method::GET, path, headers: &headers, body: None, kind }).await
    }

    /// Posts as the signed-in user, with a key of its own; a hold carries the pass, too.
    pub async fn post(&mut self, step: BuyerStep, path: &str, body: &Value) -> Result<WorldReply, End> {
        let key = self.new_key();
        let mut headers = vec![("authorization", self.bearer.as_str()), ("idempotency-key", key.as_str())];
        if step == BuyerStep::Hold {
            headers.push(("stanchion-pass", self.pass.as_str()));
        }
        let call = VisitorRequest {
            step,
            method: Method::POST,
            path,
            headers: &headers,
            body: Some(body),
            kind: RequestKind::Short,
        };
        self.world.ask(call).await
    }

    /// Deletes as the signed-in user.
    pub async fn delete(&self, step: BuyerStep, path: &str) -> Result<WorldReply, End> {
        let headers = [("authorization", self.bearer.as_str())];
        let call = VisitorRequest {
            step,
            method: Method::DELETE,
            path,
            headers: &headers,
            body: None,
            kind: RequestKind::Short,
        };
        self.world.ask(call).await
    }
}
