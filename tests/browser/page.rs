//! The page in a window: looking, waiting, typing.

use super::driver::{self, Driver};
use super::stage::Stage;
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, Locator};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a story waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Presses of Tab after which something is not to be reached by keyboard.
const TABS_MAX: usize = 80;

/// Windows are shown one after the other: a story times what it sees.
static TURN: Mutex<()> = Mutex::new(());

/// Plays a story on a stage of its own, in a window of its own, and looks at the console afterwards. `token` is what
/// the API asks for; `allowed` are parts of messages that the story provokes.
pub fn tell<F>(token: Option<&'static str>, phone_width_px: Option<u32>, allowed: &[&str], story: F)
where
    F: AsyncFnOnce(&mut Stage, &Page),
{
    if !driver::available() {
        return;
    }
    // A story that failed says so itself.
    let _turn = TURN.lock().unwrap_or_else(|failed| failed.into_inner());
    let mut stage = Stage::set(token);
    let driver = Driver::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(driver.window(phone_width_px));
    let page = Page { client: client.clone() };
    let played = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            page.client.goto(&stage.url()).await.expect("the page");
            story(&mut stage, &page).await;
        });
    }));
    // Chromium ends with its window, whatever became of the story.
    let said = runtime.block_on(async {
        let said = driver::console(&client).await;
        client.close().await.expect("the window closed");
        said
    });
    if let Err(panic) = played {
        eprintln!("--- the console said:\n{said:#?}");
        resume_unwind(panic);
    }
    let is_bad = |(level, text): &&(String, String)| {
        level != "DEBUG" && !allowed.iter().any(|part| text.contains(part))
    };
    let bad: Vec<_> = said.iter().filter(is_bad).collect();
    assert!(bad.is_empty(), "on the console: {bad:#?}");
}

/// A window that shows the page.
pub struct Page {
    client: Client,
}

impl Page {
    /// Waits for an element that is shown.
    pub async fn shows(&self, css: &str) -> Element {
        self.shows_within(css, PATIENCE).await
    }

    /// Waits for an element that is shown; panics when it takes longer.
    pub async fn shows_within(&self, css: &str, patience: Duration) -> Element {
        let start = Instant::now();
        loop {
            if let Ok(element) = self.client.find(Locator::Css(css)).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return element;
            }
            assert!(start.elapsed() < patience, "no {css} within {patience:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until an element is gone.
    pub async fn lacks(&self, css: &str) {
        let gone = format!("return document.querySelector({css:?}) === null");
        self.holds(&gone).await;
    }

    /// Waits until an element holds a text.
    pub async fn says(&self, css: &str, text: &str) {
        let script = format!(
            "return (document.querySelector({css:?})?.textContent ?? '').includes({text:?})"
        );
        self.holds(&script).await;
    }

    /// Waits until a script returns true.
    pub async fn holds(&self, script: &str) {
        let start = Instant::now();
        while self.run(script).await != Value::Bool(true) {
            assert!(start.elapsed() < PATIENCE, "within {PATIENCE:?} not: {script}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Runs a script in the page.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.expect("a script that runs")
    }

    /// Clicks; once more where the page drew the element anew between look and click.
    pub async fn click(&self, css: &str) {
        let start = Instant::now();
        loop {
            match self.shows(css).await.click().await {
                Err(error) if error.is_stale_element_reference() && start.elapsed() < PATIENCE => {}
                clicked => return clicked.expect("an element that can be clicked"),
            }
        }
    }

    /// Types into a field in place of what it held.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.shows(css).await;
        field.clear().await.expect("a field");
        field.send_keys(text).await.expect("a field that takes keys");
    }

    /// Presses keys wherever the keyboard is; once more where that was drawn anew in between.
    pub async fn press(&self, keys: &str) {
        let start = Instant::now();
        loop {
            let focused =
                self.client.active_element().await.expect("a focused element, if only the page");
            match focused.send_keys(keys).await {
                Err(error) if error.is_stale_element_reference() && start.elapsed() < PATIENCE => {}
                pressed => return pressed.expect("an element that takes keys"),
            }
        }
    }

    pub async fn press_key(&self, key: Key) {
        self.press(&key.to_string()).await;
    }

    /// Presses Tab until the keyboard is at an element.
    pub async fn tab_to(&self, css: &str) {
        let is_there = format!("return document.activeElement.matches({css:?})");
        for _ in 0..TABS_MAX {
            if self.run(&is_there).await == Value::Bool(true) {
                return;
            }
            self.press_key(Key::Tab).await;
        }
        panic!("{css} is not reached by {TABS_MAX} presses of Tab");
    }
}
