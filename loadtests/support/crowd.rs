//! The buyers of a load test: the demo's visitors, who take no time to think.

use std::sync::Arc;

use stanchion::demo::client::Client;
use stanchion::demo::persona::Persona;
use stanchion::demo::tally::{CrowdTally, End};
use stanchion::demo::visitor::visit;
use stanchion::demo::world::World;
use tokio::task::JoinSet;

use super::gateway::{Bearers, Gateway};

/// Requests under way at once, and as many again that wait for an order's next status.
const CONNECTIONS: usize = 2_000;

/// Visitors of one gateway. Those under way are stopped when this is dropped.
pub struct Crowd {
    world: World,
    bearers: Bearers,
    visits: JoinSet<()>,
    pub tally: Arc<CrowdTally>,
}

impl Crowd {
    /// `sections`: the ids of each event's sections.
    pub fn at(gateway: &Gateway, sections: &[&str]) -> Self {
        let url = format!("http://{}", gateway.address);
        let world = World::new(Client::new(CONNECTIONS), url, String::new(), "load".to_owned());
        let sections = sections.iter().map(|id| (*id).to_owned()).collect();
        let world = World { sections, ..world };
        Self { tally: world.tally.clone(), world, bearers: Bearers::new(), visits: JoinSet::new() }
    }

    /// Sends somebody to an event.
    pub fn send(&mut self, event: &str, user: &str, persona: Persona) {
        // Forgets those who have gone, and passes on a panic.
        while let Some(visit) = self.visits.try_join_next() {
            visit.expect("a visitor does not panic, or the test should");
        }
        let world = World { event: event.to_owned(), ..self.world.clone() };
        let bearer = format!("Bearer {}", self.bearers.of(user));
        self.visits.spawn(async move { visit(&world, persona, bearer).await });
    }

    /// Visitors who were sent and have not gone.
    pub fn under_way(&mut self) -> usize {
        while self.visits.try_join_next().is_some() {}
        self.visits.len()
    }
}

/// How many visits ended like this.
pub fn ended(tally: &CrowdTally, end: End) -> u64 {
    tally.ends().into_iter().filter(|(other, _)| *other == end).map(|(_, count)| count).sum()
}

/// How many answers the contract does not allow, and how many visits ended in none of these ways. Prints them.
pub fn wrong(tally: &CrowdTally, wanted: &[End]) -> u64 {
    for (what, count, sample) in tally.breaches() {
        println!("{count} times {what}: {sample}");
    }
    let unwanted = tally.ends().into_iter().filter(|(end, _)| !wanted.contains(end) && *end != End::Broken);
    let unwanted: Vec<_> = unwanted.collect();
    for (end, count) in &unwanted {
        println!("{count} visitors {}", end.name());
    }
    tally.breach_count() + unwanted.iter().map(|(_, count)| count).sum::<u64>()
}
