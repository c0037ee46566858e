//! What a first start says to a file or a log collector.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use crate::support::client::Client;
use crate::support::gateway::{SECRET, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_is_quiet_and_without_colours() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_stanchion"))
        .arg("serve")
        .env("STANCHION__SERVER__LISTEN", "127.0.0.1:0")
        .env("STANCHION__ADMIN__LISTEN", "127.0.0.1:0")
        .env("STANCHION__STORE__DATA_DIR", folder.path())
        .env("STANCHION__AUTH__HS256_SECRET", SECRET)
        .env("TERM", "xterm-256color")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary of this package starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let said: Vec<String> = lines.take(2).map(|line| line.expect("text")).collect();
    let admin = said[1].strip_prefix("admin on ").unwrap_or_else(|| panic!("{said:?}"));
    let admin = Client::new(admin.to_owned());
    eventually("its lanes are built", async || {
        let Ok(answer) = admin.get("/readyz").try_send().await else { return false };
        answer.status == 200 && answer.json["recovering"].as_array().is_none_or(Vec::is_empty)
    })
    .await;
    child.kill().expect("it runs until it is killed");
    let mut text = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut text).expect("text");
    child.wait().expect("a child can be waited for");
    assert!(!text.is_empty(), "a start is logged");
    assert!(!text.contains('\u{1b}'), "a file is no terminal: {text:?}");
    assert!(!text.contains("rebuil") && !text.contains("was built"), "nothing was lost, and nothing restored: {text}");
}
