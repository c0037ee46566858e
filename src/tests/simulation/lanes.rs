//! The lanes that all processes of a history share, and ways to lose, cut and set them back.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use stanchion::config::load_from;
use stanchion::facts::ids::LaneId;
use stanchion::lane::memory::{open, volatile};
use stanchion::lane::{Lane, Lanes, redis};

use super::finish::{finish, outside};
use super::support::servers::OwnRedis;

pub const LANES: u16 = 2;

pub struct Store {
    lanes: Mutex<Vec<Arc<dyn Lane>>>,
    ground: Ground,
    copy: Mutex<Option<Vec<u8>>>,
}

/// Where lanes are kept.
pub enum Ground {
    Memory,
    /// A WAL in this folder.
    File(PathBuf),
    Redis(Borrowed),
}

impl Store {
    pub fn new(ground: Ground) -> Arc<Self> {
        let lanes = Mutex::new(opened(&ground));
        Arc::new(Self { lanes, ground, copy: Mutex::default() })
    }

    pub fn lane(&self, id: LaneId) -> Arc<dyn Lane> {
        self.lanes.lock()[usize::from(id.0)].clone()
    }

    pub fn all(&self) -> Lanes {
        Lanes::new(self.lanes.lock().clone())
    }

    /// Drives a step to its end.
    pub fn drive<T: Send>(&self, step: impl Future<Output = T> + Send) -> T {
        match self.ground {
            Ground::Memory | Ground::File(_) => finish(step),
            Ground::Redis(_) => outside(step),
        }
    }

    /// The last id of each lane's log.
    pub fn log_ends(&self) -> Vec<u64> {
        self.all().iter().map(|lane| self.drive(lane.meta()).map_or(0, |meta| meta.log_last.0)).collect()
    }

    /// Whether no record waits in any log, so that the ledger has everything that was accepted.
    pub fn is_written(&self) -> bool {
        let lanes = self.all();
        lanes.iter().all(|lane| self.drive(lane.meta()).is_ok_and(|meta| meta.backlog == 0))
    }

    /// Makes a lane forget everything. Where all lanes are in one file or server, all of them forget. Returns false and
    /// does nothing while a log has records that the ledger does not have, because nobody could restore those.
    pub fn lose(&self, number: usize) -> bool {
        if !self.is_written() {
            return false;
        }
        match &self.ground {
            Ground::Memory => {
                let empty = opened(&self.ground).swap_remove(number);
                self.lanes.lock()[number] = empty;
            }
            Ground::File(_) => self.reopen(|wal| fs::remove_file(wal).expect("it is there")),
            Ground::Redis(server) => server.get().flush(),
        }
        true
    }

    /// The length of the WAL in bytes; 0: there is none.
    pub fn wal_len(&self) -> u64 {
        self.wal().map_or(0, |wal| fs::metadata(wal).expect("it is there").len())
    }

    /// Cuts the WAL at this byte, and opens it again.
    pub fn tear(&self, at: u64) {
        self.reopen(|wal| {
            let file = fs::File::options().write(true).open(wal).expect("it is there");
            file.set_len(at).expect("a file that can be cut");
        });
    }

    /// Keeps a copy of the WAL as it is now; false: there is no WAL.
    pub fn keep_copy(&self) -> bool {
        let copy = self.wal().map(|wal| fs::read(wal).expect("it is there"));
        let has_one = copy.is_some();
        *self.copy.lock() = copy;
        has_one
    }

    /// Puts the copy in place. Everything since the copy is lost.
    pub fn set_back(&self) {
        let copy = self.copy.lock().take().expect("a copy was kept");
        self.reopen(|wal| fs::write(wal, copy).expect("room for a WAL"));
    }

    fn wal(&self) -> Option<PathBuf> {
        match &self.ground {
            Ground::File(folder) => Some(folder.join("lanes.wal")),
            Ground::Memory | Ground::Redis(_) => None,
        }
    }

    fn reopen(&self, change: impl FnOnce(PathBuf)) {
        let mut lanes = self.lanes.lock();
        // The store gives the folder free when all its lanes are dropped.
        lanes.clear();
        change(self.wal().expect("lanes with a file"));
        *lanes = opened(&self.ground);
    }
}

fn opened(ground: &Ground) -> Vec<Arc<dyn Lane>> {
    let lanes = match ground {
        Ground::Memory => volatile(LANES),
        Ground::File(folder) => open(folder, LANES).expect("a good WAL"),
        Ground::Redis(server) => return server.lanes(),
    };
    lanes.iter().cloned().collect()
}

/// A Redis server that one history has, empty at first. The next history gets it again.
pub struct Borrowed(Option<OwnRedis>);

static FREE: Mutex<Vec<OwnRedis>> = Mutex::new(Vec::new());

impl Borrowed {
    pub fn new() -> Self {
        let known = FREE.lock().pop();
        let server = known.unwrap_or_else(|| outside(OwnRedis::with(&["--appendonly", "no"])));
        server.flush();
        Self(Some(server))
    }

    fn get(&self) -> &OwnRedis {
        self.0.as_ref().expect("there until dropped")
    }

    fn lanes(&self) -> Vec<Arc<dyn Lane>> {
        let mut config = load_from("", std::iter::empty()).expect("the defaults are good").redis;
        config.url = self.get().url();
        // The history's time differs from the server's.
        config.skew_max_ms = 0;
        outside(redis::connect(&config, LANES)).expect("a server that is there")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        FREE.lock().extend(self.0.take());
    }
}
