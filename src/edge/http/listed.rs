//! Headers that are lists and that other programs write too.

use http::HeaderMap;
use http::header::HeaderName;

/// The elements of a header that is a list, of all its lines. An element that is no text is left out; it hides none of
/// the others.
pub fn listed<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let elements = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    elements.filter_map(|element| std::str::from_utf8(element.trim_ascii()).ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::ACCEPT_LANGUAGE;

    use super::*;

    #[test]
    fn an_element_of_other_bytes_hides_none_of_the_others() {
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT_LANGUAGE, HeaderValue::from_bytes(b"x\xff;q=1, ko ;q=0.9").expect("a value"));
        headers.append(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        assert_eq!(listed(&headers, &ACCEPT_LANGUAGE).collect::<Vec<_>>(), ["ko ;q=0.9", "en"]);
    }
}
