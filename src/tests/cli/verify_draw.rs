//! `stanchion verify-draw`, as a person who doubts a draw runs it: the order that it prints, and what it says of a draw
//! that does not fit.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Computed in Python: `seed = hmac.digest(bytes(range(32)), b"stanchion draw\0hall\0" + (1).to_bytes(8, "big"),
/// "sha256")`; each draw is `int.from_bytes(hmac.digest(seed, id, "sha256"), "big") >> 210`.
const SEED: &str = "6885cc03a33cf840af1f5379c77ce8d5661c97592be71c714a31563d49d6f9d8";
const COMMITMENT: &str = "d9cec05afaa908eaa05b7420764926772b98268fa7f57f1065de358a41cd90a5";
const ORDER: &str = "1 5063771244448 -9\n2 54723531614288 lee\n3 61488630913131 A\n4 68744475564597 kim\n";

pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

pub fn verify(input: &[u8], arguments: &[&str]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stanchion"))
        .args(["verify-draw", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary of this package starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    // The write fails when the input is too long: the program closes its standard input before it has read everything.
    let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writing.join().expect("writes");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn told() -> Value {
    json!({
        "event": "hall",
        "round": 1,
        "commitment": COMMITMENT,
        "list_digest": "75dc7b64045ad7bb35a27e4c6da2f52b1ec6555906e45ba2b8b425271ed93fd0",
        "seed": SEED,
        "visitors": ["-9", "A", "kim", "lee"],
    })
}

fn verify_json(told: &Value, arguments: &[&str]) -> Ran {
    verify(told.to_string().as_bytes(), arguments)
}

fn refused(told: &Value, arguments: &[&str], code: i32, says: &str) {
    let ran = verify_json(told, arguments);
    assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{}", ran.err);
    assert!(ran.err.contains(says), "{:?} says {says:?}", ran.err);
}

#[test]
fn a_draw_that_fits_prints_everybodys_rank() {
    let ran = verify_json(&told(), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ORDER), "{}", ran.err);
    assert!(ran.err.contains("--commitment"), "the file's own commitment is no proof yet: {}", ran.err);
    let ran = verify_json(&told(), &["--commitment", COMMITMENT]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), ORDER, ""));
}

#[test]
fn the_answer_may_come_from_a_file_and_without_a_commitment() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("draw.json");
    let mut told = told();
    told.as_object_mut().expect("an object").retain(|key, _| key != "commitment");
    std::fs::write(&path, told.to_string()).expect("writes");
    let run = |arguments: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_stanchion")).arg("verify-draw").arg(&path).args(arguments).output();
        ran.expect("the binary of this package starts")
    };
    let ran = run(&["--commitment", &COMMITMENT.to_uppercase()]);
    assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(0), ORDER.as_bytes()));
    let ran = run(&[]);
    assert_eq!((ran.status.code(), ran.stdout.len()), (Some(1), 0), "it proves nothing");
    assert!(String::from_utf8_lossy(&ran.stderr).contains("nothing was compared with a commitment"));
}

#[test]
fn one_visitors_rank() {
    for (visitor, printed) in [("kim", "4 68744475564597 kim\nof 4\n"), ("-9", "1 5063771244448 -9\nof 4\n")] {
        let ran = verify_json(&told(), &["--visitor", visitor]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), printed), "{}", ran.err);
    }
    refused(&told(), &["--visitor", "park"], 1, "park did not take part");
}

#[test]
fn what_does_not_fit_is_said() {
    let changed = |field: &str, value: Value| {
        let mut told = told();
        told[field] = value;
        told
    };
    let other = "00".repeat(32);
    refused(&changed("seed", json!(other)), &[], 1, "the seed is not the one committed to");
    refused(&changed("commitment", json!(other)), &[], 1, "the seed is not the one committed to");
    refused(&told(), &["--commitment", &other], 1, "not the one noted before");
    refused(&changed("list_digest", json!(other)), &[], 1, "not the one its digest was made of");
    refused(&changed("visitors", json!(["-9", "A", "kim"])), &[], 1, "not the one its digest was made of");
    refused(&changed("visitors", json!(["-9", "A", "lee", "kim"])), &[], 1, "lee stands before kim");
    refused(&changed("visitors", json!(["-9", "A", "kim", "kim", "lee"])), &[], 1, "kim is in the list twice");
}

#[test]
fn what_is_no_draw_is_malformed() {
    let changed = |field: &str, value: Value| {
        let mut told = told();
        told[field] = value;
        told
    };
    for seed in [json!("00"), json!("x".repeat(64)), json!(null), json!(7)] {
        refused(&changed("seed", seed), &[], 2, "is no draw");
    }
    // Joined by newlines, this list has the same digest as ["-9", "A", "kim", "lee"].
    refused(&changed("visitors", json!(["-9\nA", "kim", "lee"])), &[], 2, "is no visitor's id");
    refused(&changed("visitors", json!([""])), &[], 2, "is no visitor's id");
    refused(&json!({"seed": SEED}), &[], 2, "is no draw");
    refused(&told(), &["--commitment", "abc"], 2, "64 hexadecimal digits");
    assert_eq!(verify(b"", &[]).code, Some(2));
    let long = verify(&vec![b' '; (64 << 20) + 1], &[]);
    assert_eq!((long.code, long.out.as_str()), (Some(2), ""));
    assert!(long.err.contains("longer than"), "{}", long.err);
    let missing = Command::new(env!("CARGO_BIN_EXE_stanchion")).args(["verify-draw", "/nowhere/draw.json"]).output();
    assert_eq!(missing.expect("starts").status.code(), Some(2));
}

#[test]
fn an_empty_draw_fits() {
    let mut told = told();
    told["visitors"] = json!([]);
    told["list_digest"] = json!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let ran = verify_json(&told, &["--commitment", COMMITMENT]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
}
