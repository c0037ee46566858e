//! One visitor of the crowd: when they come, what they want, how patient they are, how they pay. All of it is drawn
//! from the seed and the visitor's number, so the same seed sends the same crowd. What the crowd meets at the gateway
//! still depends on who is faster.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Share of the crowd that comes in the burst after the doors open.
const BURST_PER_CENT: u32 = 70;
/// How long the burst lasts, and how long the tail after it, in which fewer and fewer come. Both are shorter for a
/// crowd below `CROWD`.
const BURST: Duration = Duration::from_secs(5);
const TAIL: Duration = Duration::from_secs(40);
const CROWD: usize = 5_000;

/// Whom to draw.
#[derive(Debug, Clone, Copy)]
pub struct PersonaDraw {
    pub seed: u64,
    pub number: usize,
    /// How many visitors the crowd has.
    pub crowd: usize,
    /// How many seated sections the hall has. The number after them is the standing section.
    pub sections: usize,
}

#[derive(Debug)]
pub struct Persona {
    pub number: usize,
    pub arrives_after: Duration,
    pub patience: Patience,
    pub wish: Wish,
    /// Seats wanted, 1 to 4.
    pub party: usize,
    pub wants_coupon: bool,
    pub points: PointsWish,
    pub intent: Intent,
    /// Whether the payment is given in the order itself, or afterwards in a call of its own.
    pub pays: Pays,
    pub wallet: BankHabit,
    pub regret: Regret,
    pub haste: Haste,
    /// Draws what is decided on the way: which of the seats they like, how long they think.
    pub rng: StdRng,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Polls as told until it is their turn or nothing is left.
    Waits,
    /// Leaves the line after this many polls.
    Leaves { polls: u32 },
    /// Stops polling without a word; comes back after a while, or never.
    Silent { polls: u32, back_after: Option<Duration> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Points at seats on the map, as far in front as they can.
    Named { section: usize },
    /// Takes the best seats that the gateway finds in a section.
    Best { section: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointsWish {
    None,
    Some(i64),
    Max,
}

/// What they do with their hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    Buy,
    /// Gives the hold back.
    Release,
    /// Closes the page; the hold runs out.
    WalkAway,
    /// Orders and never pays; half of them cancel the order.
    OrderOnly {
        cancels: Cancels,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancels {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pays {
    WithTheOrder,
    Afterwards,
}

/// What their bank does with the first attempt. After a decline the second attempt succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BankHabit {
    Ok,
    Declines,
    TimesOutThenOk,
    ErrorThenOk,
}

impl BankHabit {
    /// The payment key that tells the sandbox provider how to answer.
    pub fn key(self) -> &'static str {
        match self {
            BankHabit::Ok => "ok",
            BankHabit::Declines => "decline",
            BankHabit::TimesOutThenOk => "timeout-then-ok",
            BankHabit::ErrorThenOk => "error-then-ok",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regret {
    None,
    OneLine,
    Everything,
}

/// How fast they go from one step to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// With a pause for thought.
    Person,
    /// At once, as a load test wants it.
    Machine,
}

impl Persona {
    /// One who comes at once and buys the best seats of the first section, with a card that works.
    pub fn buyer(number: usize, party: usize) -> Self {
        Self {
            number,
            arrives_after: Duration::ZERO,
            patience: Patience::Waits,
            wish: Wish::Best { section: 0 },
            party,
            wants_coupon: false,
            points: PointsWish::None,
            intent: Intent::Buy,
            pays: Pays::WithTheOrder,
            wallet: BankHabit::Ok,
            regret: Regret::None,
            haste: Haste::Machine,
            rng: StdRng::seed_from_u64(number as u64),
        }
    }

    pub fn draw(PersonaDraw { seed, number, crowd, sections }: PersonaDraw) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            number,
            arrives_after: arrival(&mut rng).mul_f64(crowd.min(CROWD) as f64 / CROWD as f64),
            patience: patience(&mut rng),
            wish: wish(&mut rng, sections),
            party: one_of(&mut rng, &[(25, 1), (50, 2), (15, 3), (10, 4)]),
            wants_coupon: rng.random_range(0..100) < 45,
            points: one_of(
                &mut rng,
                &[
                    (30, PointsWish::None),
                    (40, PointsWish::Max),
                    (15, PointsWish::Some(2_500)),
                    (15, PointsWish::Some(7_777)),
                ],
            ),
            intent: one_of(
                &mut rng,
                &[
                    (90, Intent::Buy),
                    (3, Intent::Release),
                    (3, Intent::WalkAway),
                    (2, Intent::OrderOnly { cancels: Cancels::Yes }),
                    (2, Intent::OrderOnly { cancels: Cancels::No }),
                ],
            ),
            pays: one_of(&mut rng, &[(50, Pays::WithTheOrder), (50, Pays::Afterwards)]),
            wallet: one_of(
                &mut rng,
                &[
                    (86, BankHabit::Ok),
                    (8, BankHabit::Declines),
                    (3, BankHabit::TimesOutThenOk),
                    (3, BankHabit::ErrorThenOk),
                ],
            ),
            regret: one_of(&mut rng, &[(90, Regret::None), (5, Regret::OneLine), (5, Regret::Everything)]),
            haste: Haste::Person,
            rng,
        }
    }

    /// The user this visitor signs in as.
    pub fn user(&self) -> String {
        user(self.number)
    }

    /// A pause between these bounds, ms.
    pub fn pause(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(least_ms..=most_ms))
    }
}

/// The `sub` of visitor `number`.
pub fn user(number: usize) -> String {
    format!("visitor-{number:06}")
}

fn arrival(rng: &mut StdRng) -> Duration {
    if rng.random_range(0..100) < BURST_PER_CENT {
        return BURST.mul_f64(rng.random::<f64>());
    }
    // The square of a uniform draw: many early, few late.
    let share = rng.random::<f64>();
    BURST + TAIL.mul_f64(share * share)
}

fn patience(rng: &mut StdRng) -> Patience {
    let polls = rng.random_range(1..6);
    match rng.random_range(0..100) {
        0..84 => Patience::Waits,
        84..92 => Patience::Leaves { polls },
        92..96 => Patience::Silent { polls, back_after: Some(Duration::from_secs(rng.random_range(15..45))) },
        _ => Patience::Silent { polls, back_after: None },
    }
}

fn wish(rng: &mut StdRng, sections: usize) -> Wish {
    match rng.random_range(0..100) {
        0..50 => Wish::Named { section: rng.random_range(0..sections) },
        50..80 => Wish::Best { section: rng.random_range(0..sections) },
        _ => Wish::Best { section: sections },
    }
}

/// Draws by weights, which sum to 100.
fn one_of<T: Copy>(rng: &mut StdRng, weighted: &[(u32, T)]) -> T {
    debug_assert_eq!(weighted.iter().map(|w| w.0).sum::<u32>(), 100);
    let mut draw = rng.random_range(0..100);
    for &(weight, value) in weighted {
        if draw < weight {
            return value;
        }
        draw -= weight;
    }
    weighted[0].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(seed: u64) -> Vec<Persona> {
        (0..CROWD).map(|number| Persona::draw(PersonaDraw { seed, number, crowd: CROWD, sections: 3 })).collect()
    }

    #[test]
    fn one_seed_sends_one_crowd() {
        let all = |seed| crowd(seed).iter().map(|p| format!("{p:?}")).collect::<Vec<_>>();
        assert_eq!(all(7), all(7));
        assert_ne!(all(7), all(8));
    }

    #[test]
    fn every_kind_of_visitor_comes() {
        let crowd = crowd(1);
        let share = |is: &dyn Fn(&Persona) -> bool| crowd.iter().filter(|p| is(p)).count() * 100 / CROWD;
        assert!((65..75).contains(&share(&|p| p.arrives_after <= BURST)));
        assert!((80..88).contains(&share(&|p| p.patience == Patience::Waits)));
        assert!(share(&|p| matches!(p.patience, Patience::Silent { back_after: None, .. })) >= 2);
        assert!(share(&|p| matches!(p.wish, Wish::Best { section: 3 })) >= 17);
        assert!((86..94).contains(&share(&|p| p.intent == Intent::Buy)));
        for wallet in [BankHabit::Ok, BankHabit::Declines, BankHabit::TimesOutThenOk, BankHabit::ErrorThenOk] {
            assert!(share(&|p| p.wallet == wallet) >= 1, "{wallet:?}");
        }
        assert!(crowd.iter().all(|p| (1..=4).contains(&p.party) && p.arrives_after <= BURST + TAIL));
    }
}
