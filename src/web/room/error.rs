//! The page of an error. It says in the reader's language what happened, and when the page tries again.

use super::texts::Lang;
use super::{Template, escape};

/// What happened, as far as a reader cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCause {
    /// There is no such event.
    Event,
    /// There is nothing at this address.
    Missing,
    /// Too many requests.
    Many,
    /// The gateway cannot do it just now.
    Busy,
    /// The fault is ours.
    Ours,
    /// Anything else: the code says what.
    Refused,
}

/// An error as a page.
pub struct ErrorPage<'a> {
    pub fault: ErrorCause,
    pub lang: Lang,
    pub nonce: &'a str,
    /// As the API calls it.
    pub code: &'a str,
    /// The request's id, for a person who asks about the error.
    pub request_id: &'a str,
    pub again: Option<Again<'a>>,
}

/// When and where the page tries again.
#[derive(Debug, Clone, Copy)]
pub struct Again<'a> {
    pub after_s: u64,
    /// Empty: at the same address.
    pub path: &'a str,
}

impl ErrorCause {
    /// Keys of the headline and of the sentence below it.
    fn words(self) -> [&'static str; 2] {
        match self {
            ErrorCause::Event => ["error_event_head", "error_event_text"],
            ErrorCause::Missing => ["error_missing_head", "error_missing_text"],
            ErrorCause::Many => ["error_many_head", "error_many_text"],
            ErrorCause::Busy => ["error_busy_head", "error_busy_text"],
            ErrorCause::Ours => ["error_fault_head", "error_fault_text"],
            ErrorCause::Refused => ["error_refused_head", "error_refused_text"],
        }
    }
}

impl ErrorPage<'_> {
    /// The page by this template. It has no script: the answer's `Refresh` header makes the browser try again.
    pub fn write(&self, template: &Template) -> String {
        let texts = self.lang.texts();
        let [headline, sentence] = self.fault.words().map(|key| escape(texts.get(key)));
        template.write(|placeholder| match placeholder {
            "lang" => self.lang.code().to_owned(),
            "title" => headline.clone(),
            "nonce" => self.nonce.to_owned(),
            "style" => template.style.clone(),
            "refresh" | "script" => String::new(),
            "room" => {
                let again = self.again.map_or_else(String::new, |Again { after_s, path }| {
                    let soon = texts.fill("error_soon", &[("n", &after_s.to_string())]);
                    format!(
                        "<p id=\"again\">{} <a href=\"{}\">{}</a></p>\n",
                        escape(&soon),
                        escape(path),
                        escape(texts.get("error_again")),
                    )
                });
                format!(
                    "<main id=\"room\">\n<h1 id=\"headline\">{headline}</h1>\n<p id=\"sentence\">{sentence}</p>\n\
                     {again}<p class=\"small hex\">{} · {}</p>\n</main>",
                    escape(self.code),
                    escape(self.request_id),
                )
            }
            other => unreachable!("{other}: templates were checked when they were read"),
        })
    }
}
