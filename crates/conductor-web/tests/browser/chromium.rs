//! Chromium, driven by its own driver as the W3C's WebDriver says, and by commands of its developer tools where that has none.

use std::cell::Cell;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conductor_bed::{Folder, Folders, Identity, Signal, log, process, program, stop, until};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::look::{Look, PROBLEMS, Screen, Theme};

/// How long it may take to be there: an unused one reads four hundred megabytes from the disk.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A browser. Dropping it ends it.
pub(crate) struct Chromium {
    driver: Child,
    port: u16,
    session: String,
    folder: Folder,
    pages: Cell<u32>,
}

impl Chromium {
    /// Starts one that reaches no network: every name is unknown to it, and every address is behind a proxy that is not there.
    pub(crate) async fn start() -> Self {
        let installed = program::find("CONDUCTOR_CHROMIUM", "chromium");
        let folder = Folders { prefix: "conductor-browser-", process: None }.make(Identity::own()).unwrap();
        let mut command = Command::new(installed.join("bin/chromedriver"));
        command.arg("--port=0").stdin(Stdio::null()).current_dir("/");
        // What it writes for itself goes with the folder.
        command.env("HOME", folder.path()).env("TMPDIR", folder.path());
        command.env("XDG_CONFIG_HOME", folder.path()).env("XDG_CACHE_HOME", folder.path());
        if installed != Path::new("/usr") {
            command.env("LD_LIBRARY_PATH", libraries(&installed));
        }
        let printed = folder.file("driver.log");
        log::attach(&mut command, &printed).unwrap();
        let driver = process::spawn(&mut command, Signal::SIGTERM).unwrap_or_else(|error| {
            panic!(
                "Chromium's driver did not start: {error}; expected {} as cargo verify makes it",
                installed.display()
            )
        });
        let port = until("Chromium's driver listens", STARTS_WITHIN, async || {
            let text = std::fs::read_to_string(&printed).ok()?;
            text.split_once("successfully on port ")?.1.split('.').next()?.parse().ok()
        })
        .await;
        let mut browser = Self { driver, port, session: String::new(), folder, pages: Cell::new(0) };
        browser.session = browser.begin(&installed).await;
        // What the page that it begins with has logged is not the report's.
        browser.post("/url", &json!({ "url": "about:blank" })).await;
        for kind in ["browser", "performance"] {
            browser.logged(kind).await;
        }
        browser
    }

    async fn begin(&self, installed: &Path) -> String {
        let profile = format!("--user-data-dir={}", self.folder.file("profile").display());
        let answer = self
            .call(Method::POST, "/session", &json!({ "capabilities": { "alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {
                    "binary": installed.join("lib/chromium/chromium"),
                    "args": [
                        "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-background-networking",
                        // It ends when the driver does, however that ends: it is at the other end of a pipe.
                        "--remote-debugging-pipe",
                        // The page is the project's own; root has no sandbox.
                        "--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9", profile,
                    ],
                },
                "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            } } }))
            .await;
        answer["sessionId"].as_str().unwrap().to_owned()
    }

    /// Keeps a page in a file.
    pub(crate) fn page(&self, html: &str) -> PathBuf {
        let number = self.pages.replace(self.pages.get() + 1);
        self.folder.write(&format!("page-{number}.html"), html).unwrap()
    }

    /// Opens a page and looks at it.
    pub(crate) async fn look(&self, page: &Path, screen: Screen, theme: Theme) -> Look {
        let Screen { width, height } = screen;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.tool("Emulation.setDeviceMetricsOverride", metrics).await;
        let prefers = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme.to_string() }] });
        self.tool("Emulation.setEmulatedMedia", prefers).await;
        self.open(page).await;
        let found = self.post("/execute/sync", &json!({ "script": PROBLEMS, "args": [] })).await;
        let mut problems: Vec<String> = serde_json::from_value(found).unwrap();
        problems.extend(self.logged("browser").await.iter().map(|entry| format!("console: {}", entry["message"])));
        for entry in self.logged("performance").await {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let url = message["message"]["params"]["request"]["url"].as_str().unwrap_or("data:");
            if !url.starts_with("data:") && !url.starts_with("file://") {
                problems.push(format!("the page asks for {url}"));
            }
        }
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.tool("Page.captureScreenshot", whole).await;
        Look { problems, picture: STANDARD.decode(picture["data"].as_str().unwrap()).unwrap() }
    }

    /// A page as PDF.
    pub(crate) async fn print(&self, page: &Path) -> Vec<u8> {
        self.open(page).await;
        let answer =
            self.post("/print", &json!({ "background": false, "page": { "width": 21.0, "height": 29.7 } })).await;
        STANDARD.decode(answer.as_str().unwrap()).unwrap()
    }

    async fn open(&self, page: &Path) {
        self.post("/url", &json!({ "url": format!("file://{}", page.display()) })).await;
    }

    /// What was logged since the last time.
    async fn logged(&self, kind: &str) -> Vec<Value> {
        serde_json::from_value(self.post("/se/log", &json!({ "type": kind })).await).unwrap()
    }

    /// A command of the developer tools.
    async fn tool(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, &format!("/session/{}{path}", self.session), body).await
    }

    /// Calls the driver; its answer's value.
    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header("host", format!("127.0.0.1:{}", self.port));
        let request = request.header("content-type", "application/json").body(Full::new(Bytes::from(body.to_string())));
        let answer = sender.send_request(request.unwrap()).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        connection.abort();
        let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
        let log = || log::end(&self.folder.file("driver.log"));
        assert!(status.is_success(), "{path}: {}\n{}", answer["value"]["message"], log());
        answer["value"].take()
    }
}

impl Chromium {
    /// Asks the driver to end the browser, and waits for its answer: whoever drops a browser cannot await one.
    fn end_session(&self) {
        let address = ("127.0.0.1", self.port);
        let ended = std::net::TcpStream::connect(address).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            let head = format!("DELETE /session/{} HTTP/1.1\r\nhost: 127.0.0.1:{}", self.session, self.port);
            stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes())?;
            stream.read(&mut [0; 256])
        });
        if !ended.is_ok_and(|read| read > 0) && !std::thread::panicking() {
            panic!("the driver did not end its browser\n{}", log::end(&self.folder.file("driver.log")));
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The browser ends with its session; the driver alone would leave it.
        self.end_session();
        stop(&mut self.driver, Signal::SIGTERM, Duration::from_secs(10));
    }
}

/// Libraries that have come with the browser, and that the system may not have.
fn libraries(installed: &Path) -> String {
    let own = installed.join("lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    format!("{0}:{0}/pulseaudio", own.display())
}
