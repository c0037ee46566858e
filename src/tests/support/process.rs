//! The gateway as a separate process that a test can kill. It is on the embedded store unless told otherwise.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use stanchion::edge::router::Listener;

use super::client::Client;
use super::contract;
use super::gateway::{SECRET, eventually};

/// A running `stanchion serve`. It is killed when this is dropped.
pub struct Process {
    child: Child,
    pub public: Client,
    pub admin: Client,
}

impl Process {
    /// Starts it on the store in `dir` and waits until no lane is recovering.
    pub async fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[]).await
    }

    /// As [`Process::start`], with more environment variables.
    pub async fn start_with(dir: &Path, more: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stanchion"))
            .arg("serve")
            .env("STANCHION__SERVER__LISTEN", "127.0.0.1:0")
            .env("STANCHION__ADMIN__LISTEN", "127.0.0.1:0")
            .env("STANCHION__STORE__DATA_DIR", dir)
            .env("STANCHION__STORE__LANES", "4")
            .env("STANCHION__AUTH__HS256_SECRET", SECRET)
            .env("STANCHION__LIMITS__CLIENT_RPS", "0")
            .env("STANCHION__LIMITS__VISITOR_RPS", "0")
            .env("STANCHION__LIMITS__JOIN_RPS", "0")
            .env("STANCHION__LOG__LEVEL", "warn")
            .envs(more.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary of this package starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut url = |prefix: &str| {
            let line = lines.next().expect("serve prints a line a listener").expect("text");
            line.strip_prefix(prefix).unwrap_or_else(|| panic!("{line:?} starts with {prefix:?}")).to_owned()
        };
        let mut client = |prefix: &str, listener| Client::new(url(prefix)).held_to(contract::of(listener, false));
        let (public, admin) = (client("listening on ", Listener::Public), client("admin on ", Listener::Admin));
        let process = Self { child, public, admin };
        eventually("the process is ready", async || {
            let Ok(answer) = process.admin.get("/readyz").try_send().await else { return false };
            answer.status == 200 && answer.json["recovering"].as_array().is_none_or(Vec::is_empty)
        })
        .await;
        process
    }

    /// Sends SIGKILL, and returns when the process has ended.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs until it is killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Sends SIGTERM; returns the exit code once the process has drained.
    pub fn terminate(mut self) -> Option<i32> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "a running child can be signalled");
        self.child.wait().expect("a child can be waited for").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
