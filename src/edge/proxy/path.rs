//! A path as a server may read it.

use percent_encoding::percent_decode_str;

/// A path that is decoded once, with one slash for several and for a backslash, without `.` and `..`, and with each
/// segment cut at its first `;`. Servlet containers take the rest of a segment for parameters: they would find `/vip`
/// in `/shop/..;/vip` and in `/vip;x`.
#[derive(Debug)]
pub struct Plain(Vec<u8>);

impl Plain {
    /// `None`: the path does not begin with `/`, or has dot segments in any spelling. Servers differ in what they make
    /// of those.
    pub fn of(raw: &str) -> Option<Self> {
        if !raw.starts_with('/') {
            return None;
        }
        let mut plain = Vec::with_capacity(raw.len());
        let decoded: Vec<u8> = percent_decode_str(raw).collect();
        for segment in decoded.split(|b| matches!(b, b'/' | b'\\')) {
            let segment = segment.split(|b| *b == b';').next().unwrap_or_default();
            match segment {
                b"." | b".." => return None,
                b"" => {}
                segment => {
                    plain.push(b'/');
                    plain.extend_from_slice(segment);
                }
            }
        }
        Some(Self(plain))
    }

    /// Whether the path is `prefix` or stands below it; everything is below "".
    pub fn is_under(&self, prefix: &str) -> bool {
        self.0.strip_prefix(prefix.as_bytes()).is_some_and(|rest| rest.first().is_none_or(|b| *b == b'/'))
    }
}
