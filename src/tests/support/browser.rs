//! Headless Chromium over plain WebDriver: one browser with a profile of its own for each test.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use serde_json::{Value, json};

use super::client::Client;
use super::servers::{self, Driver};

/// A browser with its window. It ends when this is dropped.
pub struct Browser {
    client: Client,
    url: String,
    session: String,
}

/// How the browser is set up.
#[derive(Debug, Clone, Copy)]
pub struct Visitor {
    pub language: &'static str,
    pub width: u32,
    pub height: u32,
    pub dark: bool,
    /// Whether the browser keeps cookies.
    pub cookies: bool,
}

impl Default for Visitor {
    fn default() -> Self {
        Self { language: "en-US", width: 1024, height: 900, dark: false, cookies: true }
    }
}

/// A tab of the browser.
pub struct Tab(Value);

impl Browser {
    pub async fn start(visitor: Visitor) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Driver { url, dir } = servers::chromedriver().await;
        let profile = dir.join(format!("profile-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            // With a pipe between driver and browser, the browser ends when its driver does.
            "--remote-debugging-pipe".to_owned(),
            format!("--window-size={},{}", visitor.width, visitor.height),
            format!("--user-data-dir={}", profile.display()),
        ];
        // Chromium's values: 1 allows, 2 blocks.
        let cookies = if visitor.cookies { 1 } else { 2 };
        let prefs = json!({
            "intl.accept_languages": visitor.language, "profile.default_content_setting_values.cookies": cookies,
        });
        let options = json!({"args": arguments, "prefs": prefs});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let client = Client::new(url.clone());
        let started = client.post("/session").json(&wanted).send().await.expect(200);
        let session = started.json["value"]["sessionId"].as_str().expect("a session").to_owned();
        let browser = Self { client, url, session };
        // The window cannot be narrower than its frame, but the view can.
        let view = json!({"width": visitor.width, "height": visitor.height, "deviceScaleFactor": 1, "mobile": false});
        browser.devtools("Emulation.setDeviceMetricsOverride", view).await;
        let scheme = json!({"name": "prefers-color-scheme", "value": if visitor.dark { "dark" } else { "light" }});
        browser.devtools("Emulation.setEmulatedMedia", json!({"features": [scheme]})).await;
        browser
    }

    async fn command(&self, what: &str, body: Value) -> Value {
        let path = format!("/session/{}/{what}", self.session);
        self.client.post(&path).json(&body).send().await.expect(200).json["value"].clone()
    }

    pub async fn open(&self, url: &str) {
        self.command("url", json!({"url": url})).await;
    }

    pub async fn refresh(&self) {
        self.command("refresh", json!({})).await;
    }

    /// The value of this JavaScript expression on the page.
    pub async fn value(&self, expression: &str) -> Value {
        self.command("execute/sync", json!({"script": format!("return {expression}"), "args": []})).await
    }

    /// The visible text of the element with this id; empty when it is hidden or not there.
    pub async fn seen(&self, id: &str) -> String {
        // Without this check, the text of an element that is not rendered would be returned as well.
        let text = format!("(e => e && e.checkVisibility() ? e.innerText : '')(document.getElementById('{id}'))");
        let text = self.value(&text).await;
        text.as_str().expect("text").to_owned()
    }

    /// Sends a DevTools command, for what WebDriver cannot do.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.command("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// Clicks the element that this selector finds.
    pub async fn press(&self, selector: &str) {
        let found = self.command("element", json!({"using": "css selector", "value": selector})).await;
        let element = found.as_object().and_then(|map| map.values().next()).and_then(Value::as_str);
        self.command(&format!("element/{}/click", element.expect("an element")), json!({})).await;
    }

    /// Opens another tab and switches to it. Returns the tab that was in front before.
    pub async fn open_tab(&self) -> Tab {
        let window = self.client.get(&format!("/session/{}/window", self.session)).send().await.expect(200);
        let opened = self.command("window/new", json!({"type": "tab"})).await;
        self.command("window", json!({"handle": opened["handle"]})).await;
        Tab(window.json["value"].clone())
    }

    /// Switches to a tab.
    pub async fn look_at(&self, tab: &Tab) {
        self.command("window", json!({"handle": tab.0})).await;
    }

    /// The entries of the browser's log.
    pub async fn complaints(&self) -> Vec<Value> {
        let log = self.command("se/log", json!({"type": "browser"})).await;
        log.as_array().expect("a list").clone()
    }

    /// Saves a picture of what the window shows, for people to look at.
    pub async fn picture(&self, path: &Path) {
        let shot = self.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": false})).await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().expect("a picture"));
        std::fs::write(path, bytes.expect("base64")).expect("a folder to write to");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let (url, path) = (self.url.clone(), format!("/session/{}", self.session));
        // The test's runtime may have only one thread, which is busy with this drop.
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            // A browser that is gone already is fine.
            runtime.block_on(async { Client::new(url).delete(&path).try_send().await.is_ok() })
        });
        let _ = ended.join();
    }
}
