//! The threads that serve connections, one for each processor, each with a runtime of its own.
//!
//! A connection stays on its thread. In one runtime for all, threads wake each other to take over work: a short answer
//! spends a sixth of its time on that, and on memory that another thread has just written. What a handler spawns or
//! opens (a read connection to the ledger, a connection to a server behind us, a look at a watched room) also stays on
//! its connection's thread, though other connections use it. All other work of the process (stores, pipeline, pulses)
//! runs in the runtime of `app`.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// When this is dropped, the threads end, and so does all that still runs on them.
pub struct Workers(Vec<Worker>);

struct Worker {
    runtime: Handle,
    /// Shared with every connection of this worker, so the count of owners shows how many it has.
    open: Arc<()>,
    thread: Option<Thread>,
}

struct Thread {
    end: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Workers {
    /// A thread for each processor.
    pub fn start() -> io::Result<Self> {
        let many = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        (0..many).map(Worker::start).collect::<io::Result<_>>().map(Self)
    }

    /// No threads: connections run in the runtime that this is called in.
    pub fn here() -> Self {
        Self(vec![Worker { runtime: Handle::current(), open: Arc::default(), thread: None }])
    }

    /// Runs a connection on the worker that has the fewest.
    pub fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let worker = self.0.iter().min_by_key(|worker| Arc::strong_count(&worker.open)).expect("at least one");
        let open = worker.open.clone();
        worker.runtime.spawn(async move {
            connection.await;
            drop(open);
        });
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ending) = oneshot::channel();
        let ended = thread::Builder::new().name(format!("edge-{number}")).spawn(move || run(runtime, ending))?;
        Ok(Self { runtime: handle, open: Arc::default(), thread: Some(Thread { end, ended }) })
    }
}

fn run(runtime: Runtime, ending: oneshot::Receiver<()>) {
    // A message and a dropped sender both end the thread.
    let _ = runtime.block_on(ending);
    // Blocking tasks on threads of their own are not waited for.
    runtime.shutdown_background();
}

impl Drop for Workers {
    fn drop(&mut self) {
        let threads: Vec<_> = self.0.iter_mut().filter_map(|worker| worker.thread.take()).collect();
        let ended: Vec<_> = threads.into_iter().map(|Thread { end, ended }| (drop(end), ended).1).collect();
        for thread in ended {
            if thread.join().is_err() {
                tracing::error!("a thread that served connections ended badly");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn connections_are_shared_out_evenly_and_stay_where_they_are() {
        let workers = Workers((0..3).map(|number| Worker::start(number).expect("a thread")).collect());
        let (tell, mut told) = mpsc::unbounded_channel();
        let (end, ended) = tokio::sync::watch::channel(false);
        for _ in 0..30 {
            let (tell, mut ended) = (tell.clone(), ended.clone());
            workers.spawn(async move {
                let before = thread::current().id();
                let _ = ended.wait_for(|ended| *ended).await;
                assert_eq!(thread::current().id(), before);
                tell.send(before).expect("somebody listens");
            });
        }
        drop(tell);
        end.send_replace(true);
        let mut many: HashMap<_, usize> = HashMap::new();
        while let Some(thread) = told.recv().await {
            *many.entry(thread).or_default() += 1;
        }
        assert_eq!(many.into_values().collect::<Vec<_>>(), [10, 10, 10]);
    }

    #[tokio::test]
    async fn what_still_runs_ends_with_its_thread() {
        let (tell, told) = oneshot::channel::<()>();
        let workers = Workers::start().expect("threads");
        workers.spawn(async move {
            std::future::pending::<()>().await;
            drop(tell);
        });
        drop(workers);
        told.await.expect_err("dropped, nothing sent");
    }
}
