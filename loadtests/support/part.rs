//! The parts of a test, each a process of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

/// The environment variable that tells a process which part it plays. A process that a person starts has none.
const PART: &str = "LOADTEST_PART";

/// A running part. It is killed when this is dropped.
pub struct Part {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Part {
    /// Starts this executable again, as this part.
    pub fn start<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        part: &str,
        arguments: &[&str],
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("an executable has a path"))
            .args(arguments)
            .env(PART, part)
            .envs(environment)
            // This pipe stays open as long as this process lives; see `played`.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this executable starts again");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, lines }
    }

    /// The next line that the part prints.
    pub fn line(&mut self) -> String {
        let line = self.lines.next().expect("a part says what it was started for").expect("text");
        line.trim_end().to_owned()
    }

    /// All that the part prints until it ends.
    pub fn rest(&mut self) -> String {
        let lines: Vec<String> = self.lines.by_ref().map(|line| line.expect("text")).collect();
        lines.join("\n")
    }

    /// The rest of its next line, which must begin with `prefix`.
    pub fn told(&mut self, prefix: &str) -> String {
        let line = self.line();
        line.strip_prefix(prefix).unwrap_or_else(|| panic!("{line:?} starts with {prefix:?}")).to_owned()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The part that this process plays; `None`: it is the test itself. A part exits when the pipe from the test closes, so
/// that it does not outlive the test.
pub fn played() -> Option<String> {
    let part = std::env::var(PART).ok()?;
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        std::process::exit(1);
    });
    Some(part)
}

/// Plays the parts every test has: a gateway, the peer, the load.
pub fn play(part: &str) -> ExitCode {
    match part {
        // The gateway's own command line.
        "gateway" => stanchion::cli::run(),
        "peer" => super::peer::run(),
        "load" => super::load::run(),
        other => panic!("nobody plays {other:?}"),
    }
}
