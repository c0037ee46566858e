//! Frames: length and checksum around a payload. Of the payload only its beginning is known here.

use super::line::PREFIX;

const HEADER: usize = 8;

/// A frame of this payload.
pub fn encode(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("the queue's bound keeps a frame far below 4 GiB");
    let mut frame = Vec::with_capacity(HEADER + payload.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

#[derive(Debug, PartialEq, Eq)]
pub enum FrameRead<'a> {
    End,
    Good { payload: &'a [u8], next: usize },
    Bad(&'static str),
}

/// The frame at `offset`.
pub fn read(bytes: &[u8], offset: usize) -> FrameRead<'_> {
    let rest = &bytes[offset..];
    if rest.is_empty() {
        return FrameRead::End;
    }
    let (Some(length), Some(crc)) = (word(rest, 0), word(rest, 4)) else { return FrameRead::Bad("short header") };
    let Some(payload) = rest[HEADER..].get(..length as usize) else { return FrameRead::Bad("short payload") };
    // The checksum of an empty payload is zero, so a stretch of zeros would otherwise read as empty frames.
    if payload.is_empty() || crc32fast::hash(payload) != crc {
        return FrameRead::Bad("bad checksum");
    }
    FrameRead::Good { payload, next: offset + HEADER + payload.len() }
}

/// Whether a good frame stands anywhere after `offset`. If so, a bad one at `offset` is damage, not a torn end.
pub fn good_after(bytes: &[u8], offset: usize) -> bool {
    let prefix = PREFIX.as_bytes();
    (offset + 1..bytes.len().saturating_sub(HEADER + prefix.len()))
        .filter(|&start| bytes[start + HEADER..].starts_with(prefix))
        .any(|start| matches!(read(bytes, start), FrameRead::Good { .. }))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_and_its_parts_do_not() {
        let payload = format!("{PREFIX}[]}}");
        let frame = encode(payload.as_bytes());
        assert_eq!(read(&frame, 0), FrameRead::Good { payload: payload.as_bytes(), next: frame.len() });
        assert_eq!(read(&frame, frame.len()), FrameRead::End);
        for end in 1..frame.len() {
            assert!(matches!(read(&frame[..end], 0), FrameRead::Bad(_)), "cut at {end}");
        }
        assert!(matches!(read(&[0; 64], 0), FrameRead::Bad(_)), "zeros are no frame");
    }

    #[test]
    fn a_good_frame_behind_a_bad_one_is_found() {
        let good = encode(format!("{PREFIX}[]}}").as_bytes());
        let mut bytes = good.clone();
        bytes[9] ^= 1;
        assert!(!good_after(&bytes, 0));
        bytes.extend_from_slice(&good);
        assert!(good_after(&bytes, 0));
    }
}
