//! The WAL's thread: group commit. All entries that are queued while one commit is on its way to the disk make the
//! next commit.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use metrics::{Gauge, Histogram, gauge, histogram};
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::compact::compact;
use super::file::WalFile;
use super::line::WalLine;
use super::{States, line};
use crate::clock;
use crate::facts::ids::LaneId;
use crate::lane::memory::effect::Effect;
use crate::metrics::{LANE_WAL_BYTES, LANE_WAL_SYNC_SECONDS};

/// While more bytes than this are queued, new operations wait before they begin.
const QUEUED_MAX: usize = 16 * 1024 * 1024;

/// Where lanes queue their entries. Dropping it writes what is queued and unlocks the folder.
pub struct Wal {
    shared: Arc<WalShared>,
    thread: Option<JoinHandle<()>>,
    /// Holds the folder's lock; dropped after the thread has ended.
    _lock: File,
}

struct WalShared {
    queue: Mutex<WalQueue>,
    filled: Condvar,
    queued_bytes: AtomicUsize,
    /// Number of the last entry on disk.
    durable: watch::Sender<u64>,
}

struct WalQueue {
    /// Lines of the next commit, with commas between them.
    lines: String,
    /// Number of the last entry queued.
    last: u64,
    closing: bool,
}

impl Wal {
    /// `last`: number of the last entry in `file`.
    pub fn start(file: WalFile, last: u64, states: States, lock: File) -> Self {
        let shared = Arc::new(WalShared {
            queue: Mutex::new(WalQueue { lines: String::new(), last, closing: false }),
            filled: Condvar::new(),
            queued_bytes: AtomicUsize::new(0),
            durable: watch::Sender::new(last),
        });
        let writer = WalWriter {
            shared: shared.clone(),
            file,
            states,
            bytes: gauge!(LANE_WAL_BYTES),
            sync_seconds: histogram!(LANE_WAL_SYNC_SECONDS),
        };
        let thread = std::thread::Builder::new().name("wal".to_owned()).spawn(|| writer.run());
        Self { shared, thread: Some(thread.expect("a process that starts can start a thread")), _lock: lock }
    }

    /// Waits while too much is queued. Called before a lane is locked, never while one is: compaction locks lanes.
    pub async fn admit(&self) {
        if self.shared.queued_bytes.load(Ordering::Relaxed) > QUEUED_MAX {
            let mut durable = self.shared.durable.subscribe();
            let is_open = |_: &u64| self.shared.queued_bytes.load(Ordering::Relaxed) <= QUEUED_MAX;
            durable.wait_for(is_open).await.expect("the sender lives as long as the WAL");
        }
    }

    /// Queues an entry under the next number. Called with the lane locked, so that a lane's entries are
    /// queued in the order of its steps.
    pub fn append(&self, lane: LaneId, effects: &[Effect]) -> u64 {
        let mut queue = self.shared.queue.lock();
        queue.last += 1;
        let n = queue.last;
        let text = WalLine::Entry { lane, n, effects: effects.into() }.text();
        if !queue.lines.is_empty() {
            queue.lines.push(',');
        }
        queue.lines.push_str(&text);
        self.shared.queued_bytes.store(queue.lines.len(), Ordering::Relaxed);
        self.shared.filled.notify_one();
        n
    }

    /// Waits until entry `n` is on disk.
    pub async fn durable(&self, n: u64) {
        if *self.shared.durable.borrow() < n {
            let mut durable = self.shared.durable.subscribe();
            durable.wait_for(|last| *last >= n).await.expect("the sender lives as long as the WAL");
        }
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        self.shared.queue.lock().closing = true;
        self.shared.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // An error is a panic of the thread, which has been reported where it happened.
            let _ = thread.join();
        }
    }
}

struct WalWriter {
    shared: Arc<WalShared>,
    file: WalFile,
    states: States,
    bytes: Gauge,
    sync_seconds: Histogram,
}

impl WalWriter {
    fn run(mut self) {
        while let Some((lines, last)) = self.next() {
            let started = clock::instant();
            self.file.append(&line::payload(&lines)).unwrap_or_else(|error| die("append to", &error));
            self.sync_seconds.record(started.elapsed());
            self.shared.durable.send_replace(last);
            if self.file.has_doubled() {
                self.file = compact(&self.file, &self.states).unwrap_or_else(|error| die("compact", &error));
            }
            self.bytes.set(self.file.len as f64);
        }
    }

    /// Everything that is queued, as soon as there is something. `None`: closing, and nothing is left.
    fn next(&self) -> Option<(String, u64)> {
        let mut queue = self.shared.queue.lock();
        while queue.lines.is_empty() {
            if queue.closing {
                return None;
            }
            self.shared.filled.wait(&mut queue);
        }
        self.shared.queued_bytes.store(0, Ordering::Relaxed);
        Some((std::mem::take(&mut queue.lines), queue.last))
    }
}

/// Stops the process: memory is ahead of the disk now, and no answer may be given from it.
fn die(doing: &str, error: &io::Error) -> ! {
    tracing::error!(%error, "cannot {doing} the WAL; stopping");
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;
    use crate::lane::memory::state::LaneState;

    const CHILD: &str = "STANCHION_TEST_WAL_WITHOUT_DISK";
    const SIGABRT: i32 = 6;

    /// The process that stops is a child: this test again, with `CHILD` set in its environment.
    #[tokio::test]
    async fn a_failed_append_stops_the_process() {
        if std::env::var_os(CHILD).is_some() {
            return append_to_a_full_disk().await;
        }
        let this = std::env::current_exe().expect("the test binary");
        let name = "lane::memory::wal::writer::tests::a_failed_append_stops_the_process";
        let child = Command::new(this).args([name, "--exact"]).env(CHILD, "1").output().expect("a child");
        assert_eq!(child.status.signal(), Some(SIGABRT), "{child:?}");
    }

    async fn append_to_a_full_disk() {
        let dir = tempfile::tempdir().expect("a folder");
        let lock = File::create(dir.path().join("lock")).expect("a file");
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let file = WalFile::with_snapshot(dir.path().join("wal"), full, 0);
        let states = Arc::new(vec![Arc::new(Mutex::new(LaneState::default()))]);
        let wal = Wal::start(file, 0, states, lock);
        let n = wal.append(LaneId(0), &[Effect::RestoreEnded]);
        wal.durable(n).await;
        unreachable!("nothing was written, so nothing may be answered");
    }
}
