use http_body_util::Full;

use super::*;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    #[serde(default)]
    points: i64,
    #[serde(default)]
    seats: Vec<String>,
}

fn refusal(text: &[u8]) -> (Code, String) {
    let problem = parse::<Ask>(text).expect_err("refused");
    (problem.code, problem.errors.first().map(|e| e.pointer.clone()).unwrap_or_default())
}

#[test]
fn malformed_bodies_are_bad_json() {
    let deep = "[".repeat(100_000);
    for text in ["", "{", "{}x", "{\"points\":1,\"points\":1}", "\"\\ud800\"", "nul", &deep] {
        assert_eq!(refusal(text.as_bytes()).0, Code::BadJson, "{text:.40}");
    }
    assert_eq!(refusal(b"{\"points\":\xff}").0, Code::BadJson);
}

#[test]
fn misfits_are_validation_with_a_pointer() {
    let misfit = |text: &str, pointer: &str| {
        assert_eq!(refusal(text.as_bytes()), (Code::Validation, pointer.to_owned()), "{text}");
    };
    misfit(r#"{"points":"1"}"#, "/points");
    misfit(r#"{"points":99999999999999999999}"#, "/points");
    misfit(r#"{"points":1.5}"#, "/points");
    misfit(r#"{"points":1e999}"#, "");
    misfit(r#"{"seats":["a",1]}"#, "/seats/1");
    misfit(r#"{"a/b~":1}"#, "/a~1b~0");
    misfit("[]", "");
}

#[test]
fn equal_values_have_equal_digests() {
    let one = parse::<Ask>(br#"{"points":1,"seats":["a"]}"#).expect("fits");
    let two = parse::<Ask>(br#" {"seats": ["a"], "points": 1} "#).expect("fits");
    assert_eq!(one.digest, two.digest);
    assert_eq!((one.value.points, two.value.seats.len()), (1, 1));
}

#[tokio::test]
async fn a_body_is_bounded() {
    let second = Duration::from_secs(1);
    let body = |n: usize| Full::new(Bytes::from(vec![b' '; n]));
    assert_eq!(receive(body(8), 8, second).await.expect("fits").len(), 8);
    assert_eq!(receive(body(9), 8, second).await.expect_err("too large").code, Code::BodyTooLarge);
    // A body without a known length is measured as it arrives.
    let frames = futures_util::stream::iter(
        (0..3).map(|_| Ok::<_, std::convert::Infallible>(hyper::body::Frame::data(Bytes::from_static(b"abc")))),
    );
    let streamed = http_body_util::StreamBody::new(frames);
    assert_eq!(receive(streamed, 8, second).await.expect_err("too large").code, Code::BodyTooLarge);
}
