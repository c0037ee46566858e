//! Fields of answers.

use serde_json::Value;

/// Whether a room still has places when nobody comes any more. A line in front of a sold-out hall does not count:
/// nobody is called, so nobody can be found absent.
pub fn is_kept(room: &Value) -> bool {
    let is_over = room["room"] == "sold_out" || room["room"] == "closed";
    room["inside"] != 0 || room["waiting"] != 0 && !is_over
}

pub fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

pub fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or(0)
}

/// A time that is shown; 0: none is.
pub fn moment(value: &Value, field: &str) -> i64 {
    value[field].as_str().and_then(stanchion::facts::time::parse_rfc3339).unwrap_or(0)
}
