//! The dashboard as a person has it: the program itself serves a configuration of ours, Debian's Chromium shows the
//! page, and each story does what an operator would, by mouse, by keyboard, or on a phone.
//!
//! The stories need `chromium` and `chromedriver`, which `.ci/run` installs. Where they are missing the tests fail and
//! say so, unless [`WITHOUT`] is set: a dashboard that no browser has shown is not tested.

#[path = "../kit/mod.rs"]
mod kit;

mod driver;
mod page;
mod stage;
mod stories;

/// Set to anything, the stories are passed over.
const WITHOUT: &str = "FINGERPOST_TESTS_WITHOUT_BROWSER";
