//! Answers as the load reads them: HTTP/1.1 with a `content-length`. This only finds the status of an answer and its
//! end.

/// Where things stand in an answer. The answers of one server look alike. So the next answer is read at the places of
/// the last one, and is searched only when it differs. Otherwise a test would measure the search.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shape {
    /// Bytes up to the empty line, which is included.
    head: usize,
    /// Where the digits of `content-length` begin.
    length_at: usize,
}

/// An answer that has come completely.
#[derive(Debug, Clone, Copy)]
pub struct Whole {
    pub status: u16,
    pub head: usize,
    /// Bytes in all.
    pub len: usize,
}

const LENGTH: &[u8] = b"content-length: ";
const END: &[u8] = b"\r\n\r\n";

impl Shape {
    /// The answer with which `bytes` begins; `None`: it is not complete yet.
    pub fn read(&mut self, bytes: &[u8]) -> Option<Whole> {
        if !self.fits(bytes) {
            let head = find(bytes, END)? + END.len();
            let length_at = find(&bytes[..head], LENGTH).expect("every answer has a length") + LENGTH.len();
            *self = Self { head, length_at };
        }
        let digits = bytes[self.length_at..].iter().take_while(|b| b.is_ascii_digit());
        let body = digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
        let status = bytes[9..12].iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        let len = self.head + body;
        (bytes.len() >= len).then_some(Whole { status, head: self.head, len })
    }

    fn fits(self, bytes: &[u8]) -> bool {
        self.head > 0
            && bytes.get(self.head - END.len()..self.head) == Some(END)
            && bytes.get(self.length_at - LENGTH.len()..self.length_at) == Some(LENGTH)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
