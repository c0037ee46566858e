//! Drives a call to its end while everything else stands still. Other threads (of a database, a disk, a server) do what
//! the call waits for. The time that they take is no part of the history's time.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake};

use tokio::runtime::{Builder, Runtime};

struct Thread(std::thread::Thread);

impl Wake for Thread {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a call that needs no sockets, on this thread.
pub fn finish<T>(call: impl Future<Output = T>) -> T {
    let waker = Arc::new(Thread(std::thread::current())).into();
    let mut call = pin!(tokio::task::unconstrained(call));
    loop {
        match call.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Runs a call that talks to a server, on a runtime where time is real.
pub fn outside<T: Send>(call: impl Future<Output = T> + Send) -> T {
    static WORLD: OnceLock<Runtime> = OnceLock::new();
    let world =
        WORLD.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime"));
    std::thread::scope(|threads| threads.spawn(|| world.block_on(call)).join().expect("no panic"))
}
