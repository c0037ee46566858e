//! The page's words in each language, and which language a browser wants.

use std::collections::BTreeMap;

/// The languages there are. The first is for browsers that want none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    English,
    Korean,
}

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::English, Lang::Korean];

    pub fn code(self) -> &'static str {
        match self {
            Lang::English => "en",
            Lang::Korean => "ko",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Lang::English => include_str!("en.json"),
            Lang::Korean => include_str!("ko.json"),
        }
    }

    /// The language, of those there are, that the ranges of an `Accept-Language` header want most. Of two that they want
    /// equally, the first.
    pub fn wanted<'a>(ranges: impl Iterator<Item = &'a str>) -> Lang {
        let mut best = (Lang::English, 0.0);
        for range in ranges {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or("");
            let primary = tag.split('-').next().unwrap_or("");
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            let quality = quality.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            let found = Lang::ALL.into_iter().find(|lang| lang.code().eq_ignore_ascii_case(primary));
            if let Some(lang) = found
                && quality > best.1
            {
                best = (lang, quality);
            }
        }
        best.0
    }

    pub(super) fn texts(self) -> Texts {
        Texts(serde_json::from_str(self.source()).expect("the texts are a map of texts (a test reads them)"))
    }
}

/// Words by key.
pub struct Texts(BTreeMap<String, String>);

impl Texts {
    pub fn get(&self, key: &str) -> &str {
        self.0.get(key).map(String::as_str).unwrap_or_else(|| panic!("no text {key:?}"))
    }

    /// A text whose `{name}`s are replaced.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let start = self.get(key).to_owned();
        values.iter().fold(start, |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// For the page's script, safe within a script element. Texts that only the server writes are left out.
    pub fn json(&self) -> String {
        let server_only = |key: &str| ["door_", "error_", "draw_"].iter().any(|prefix| key.starts_with(prefix));
        let texts: BTreeMap<_, _> = self.0.iter().filter(|(key, _)| !server_only(key)).collect();
        serde_json::to_string(&texts).expect("a map of texts").replace('<', "\\u003c")
    }
}

/// A length of time as clocks show it: `4:12`, `1:04:12`. `s` not negative.
pub fn span(s: i64) -> String {
    let (hours, minutes, seconds) = (s / 3_600, s / 60 % 60, s % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A whole number as both languages write it.
pub fn number(n: i64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_the_language_they_want_most() {
        for (accept, lang) in [
            ("", Lang::English),
            ("ko", Lang::Korean),
            ("ko-KR,ko;q=0.9,en-US;q=0.8", Lang::Korean),
            ("en-US,en;q=0.9,ko;q=0.8", Lang::English),
            ("fr, KO;q=0.3, en;q=0.2", Lang::Korean),
            ("ko;q=0, en;q=0.1", Lang::English),
            ("de", Lang::English),
            ("ko;q=x", Lang::English),
        ] {
            assert_eq!(Lang::wanted(accept.split(',')), lang, "{accept}");
        }
    }

    #[test]
    fn every_language_says_everything_with_the_same_blanks() {
        let blanks = |text: &str| {
            let mut found: Vec<String> =
                text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect();
            found.sort();
            found
        };
        let [english, korean] = Lang::ALL.map(|lang| lang.texts().0);
        assert_eq!(english.keys().collect::<Vec<_>>(), korean.keys().collect::<Vec<_>>());
        for (key, text) in &english {
            assert_eq!(blanks(text), blanks(&korean[key]), "{key}");
            assert!(!text.is_empty() && !korean[key].is_empty(), "{key}");
        }
    }

    #[test]
    fn lengths_of_time_are_written_as_clocks_show_them() {
        for (s, text) in [(0, "0:00"), (59, "0:59"), (252, "4:12"), (3_600, "1:00:00"), (3_852, "1:04:12")] {
            assert_eq!(span(s), text);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        let pairs = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-100, "-100")];
        for (n, text) in pairs {
            assert_eq!(number(n), text);
        }
    }
}
