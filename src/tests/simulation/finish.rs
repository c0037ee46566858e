//! Drives a call to its end while everything else stands still: what it waits for is done by other threads (a
//! database's, a disk's, a server's), and none of its time is the history's.

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

/// On this thread: for what needs no sockets.
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

/// In the world outside, where time is real and servers are: for what talks to one.
pub fn outside<T: Send>(call: impl Future<Output = T> + Send) -> T {
    static WORLD: OnceLock<Runtime> = OnceLock::new();
    let world =
        WORLD.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime"));
    std::thread::scope(|threads| threads.spawn(|| world.block_on(call)).join().expect("no panic"))
}
