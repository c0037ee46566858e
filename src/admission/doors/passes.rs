//! Checks passes: whether their holders are inside.

use super::{Admission, INSIDE_MS, is_other};
use crate::admission::board::KnownBoard;
use crate::admission::passes::Pass;
use crate::facts::ids::{EventId, VisitorId};
use crate::facts::place::Token;
use crate::facts::room::Mode;
use crate::facts::room::Room;
use crate::lane;

impl Admission {
    /// The visitor of a pass of this room. Only signature, type and time are checked here. The lane checks whether the
    /// visitor is still inside, where that matters.
    pub fn read_pass(&self, event: &EventId, text: &str) -> Option<VisitorId> {
        let pass = self.passes.verify(self.clock.now_ms(), text).ok()?;
        (pass.event == *event).then_some(pass.visitor)
    }

    /// The visitor of a pass, if they are inside; that answer may be a second old.
    pub async fn verify_pass(&self, room: &Room, text: &str) -> lane::Result<Option<VisitorId>> {
        let now_ms = self.clock.now_ms();
        let Ok(pass) = self.passes.verify(now_ms, text) else { return Ok(None) };
        if pass.event != room.event || is_other(pass.birth, room.birth) {
            return Ok(None);
        }
        let tick = self.tick();
        let key = (pass.event.clone(), pass.visitor.clone());
        let expires_ms = match self.inside.get(&key, tick) {
            Some(known) => known,
            None => {
                let asked = match self.lane(room)?.inside(now_ms, &key.0, &key.1).await? {
                    None if self.put_back(room, &pass).await? => Some(pass.expires_ms),
                    asked => asked,
                };
                self.inside.put(tick, key.clone(), asked, tick.plus(INSIDE_MS));
                asked
            }
        };
        Ok(expires_ms.filter(|expires_ms| *expires_ms > now_ms).map(|_| key.1))
    }

    /// Puts the holder of a verified pass back into a room that is recovering; `true`: the holder is inside.
    pub(super) async fn put_back(&self, room: &Room, pass: &Pass) -> lane::Result<bool> {
        let KnownBoard::Board(board) = self.view(room).await? else { return Ok(false) };
        if board.counts.mode != Mode::Recovering {
            return Ok(false);
        }
        let Pass { event, visitor, round, score, birth: _, expires_ms } = pass.clone();
        self.lane(room)?.readmit(self.clock.now_ms(), Token { event, visitor, score, round }, expires_ms).await
    }
}
