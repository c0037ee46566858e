//! Claiming a coupon.

use serde_json::json;

use super::sample;
use super::step::BuyerStep;
use super::tally::{Count, End};
use super::visitor::Visitor;
use super::world::WorldReply;

/// Claims a coupon. When there is none, the visit goes on.
pub async fn claim(visitor: &mut Visitor<'_>) -> Result<(), End> {
    let path = format!("/v1/coupons/{}/claims", visitor.world.campaign);
    let WorldReply::Done(answer) = visitor.post(BuyerStep::Claim, &path, &json!({})).await? else {
        return Ok(());
    };
    let world = visitor.world;
    world.tally.add(Count::Claimed, 1);
    let number = answer.body["number"].as_u64().unwrap_or(0);
    world.expect((1..=sample::COUPONS).contains(&number), BuyerStep::Claim, "a number out of range", &answer.body);
    world.expect(world.witness.claimed(number), BuyerStep::Claim, "a number given twice", &answer.body);
    Ok(())
}
