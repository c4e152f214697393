//! A real browser, without a screen.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::{ChromiumLikeCapabilities as _, DesiredCapabilities, WebDriver, WindowHandle};

use crate::client::choose_tls;

const PATIENCE: Duration = Duration::from_secs(20);

/// How many browsers there have been, so that no two share a profile.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// What the browser pretends to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// A window of 1280 by 900 pixels.
    Desktop,
    /// A touch screen of 390 by 844 pixels, whose user prefers dark pages.
    DarkPhone,
}

/// Chromium with one open page. It ends when this is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: WebDriver,
    process: Chromedriver,
    profile: PathBuf,
}

impl Browser {
    /// Starts the browser with a fresh profile below `folder`.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn start(folder: &Path, device: Device) -> Self {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let profile = folder.join(format!("profile-{}-{number}", std::process::id()));
        let process = Chromedriver::start();
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Tests sign their own.
            "--ignore-certificate-errors",
            &format!("--user-data-dir={}", profile.display()),
            "--window-size=1280,900",
        ] {
            capabilities.add_arg(argument).expect("an argument");
        }
        if device == Device::DarkPhone {
            let screen = json!({"deviceMetrics": {"width": 390, "height": 844, "pixelRatio": 2}});
            capabilities.add_experimental_option("mobileEmulation", screen).expect("an option");
            capabilities.add_arg("--blink-settings=preferredColorScheme=0").expect("an argument");
        }
        choose_tls();
        let driver = WebDriver::new(format!("http://127.0.0.1:{}", process.port), capabilities)
            .await
            .expect("a browser");
        Self { driver, process, profile }
    }

    /// Opens a page.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub async fn open(&self, url: &str) {
        self.driver.goto(url).await.expect("the page opens");
    }

    /// Opens another tab with a page, and goes to it. [`go_to`](Self::go_to) leads back to the one
    /// that is returned.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub async fn open_tab(&self, url: &str) -> Tab {
        let left = self.driver.window().await.expect("a tab");
        let tab = self.driver.new_tab().await.expect("a new tab");
        self.driver.switch_to_window(tab).await.expect("the new tab");
        self.open(url).await;
        Tab(left)
    }

    /// Goes to another tab, and returns the one that it leaves.
    ///
    /// # Panics
    ///
    /// When there is no such tab any more.
    pub async fn go_to(&self, tab: Tab) -> Tab {
        let left = self.driver.window().await.expect("a tab");
        self.driver.switch_to_window(tab.0).await.expect("the tab");
        Tab(left)
    }

    /// Closes the tab and goes to another.
    ///
    /// # Panics
    ///
    /// When there is no such tab any more.
    pub async fn close_tab(&self, next: Tab) {
        self.driver.close_window().await.expect("a tab that can be closed");
        self.driver.switch_to_window(next.0).await.expect("the tab");
    }

    /// Runs a script in the page and returns what it returns.
    ///
    /// # Panics
    ///
    /// When it throws.
    pub async fn run(&self, script: &str) -> Value {
        let result = self.driver.execute(script, vec![]).await.expect("the script runs");
        result.json().clone()
    }

    /// Waits until an expression has a value.
    ///
    /// # Panics
    ///
    /// When it has another one after twenty seconds.
    pub async fn wait_for(&self, expression: &str, expected: impl Into<Value>) {
        let expected = expected.into();
        let script = format!("return {expression}");
        let start = Instant::now();
        loop {
            let value = self.run(&script).await;
            if value == expected {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{expression} is {value}, not {expected}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Writes into a field of the page, as a user does.
    ///
    /// # Panics
    ///
    /// When there is no such field.
    pub async fn write(&self, selector: &str, text: &str) {
        let field = self.driver.find(thirtyfour::By::Css(selector)).await.expect("the field");
        field.clear().await.expect("a field that can be cleared");
        field.send_keys(text).await.expect("a field that can be written to");
    }

    /// Clicks on something in the page, as a user does.
    ///
    /// # Panics
    ///
    /// When it cannot be clicked.
    pub async fn click(&self, selector: &str) {
        let target = self.driver.find(thirtyfour::By::Css(selector)).await.expect("the target");
        target.click().await.expect("a target that can be clicked");
    }

    /// Writes what the window shows to a PNG file.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub async fn screenshot(&self, path: &Path) {
        self.driver.screenshot(path).await.expect("a screenshot");
    }

    /// Ends the browser.
    pub async fn quit(self) {
        let _ = self.driver.clone().quit().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.process.end();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// A tab of a [`Browser`].
#[derive(Clone, Debug)]
pub struct Tab(WindowHandle);

/// The driver's process, which ends the browser with itself.
#[derive(Debug)]
struct Chromedriver {
    process: Child,
    port: u16,
}

impl Chromedriver {
    fn start() -> Self {
        let process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs");
        let mut driver = Self { process, port: 0 };
        let output = driver.process.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        driver.port = lines.find_map(|line| port_in(&line)).expect("chromedriver names its port");
        // It must not block on what nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
        driver
    }

    /// Ends the driver in its own way, since it takes the browser with it then.
    fn end(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        let id = self.process.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &id]).status();
        let start = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && start.elapsed() < PATIENCE / 4 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        self.end();
    }
}

fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("successfully on port ")?;
    rest.trim_end_matches('.').parse().ok()
}
