//! `fingerpost status --watch`: the same again and again, in place on a terminal, else whenever something has changed.
//!
//! Two halves run side by side: one asks the server each second, the other shows what came and listens for keys and
//! signals, so that a server that hangs holds up nobody's `q`.

mod screen;

use super::{Args, Seen};
use crate::cli::api::{Api, Failure};
use crate::cli::problem;
use crate::cli::signals::Signals;
use crate::cli::style::{self, Ink, Palette};
use crate::control::status::{DirectorView, EndpointFamilyView, Status};
use crate::report::Report;
use screen::{Key, Screen};
use std::fmt::Write;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// How often the server is asked. What it shows per second covers the last ten.
const INTERVAL: Duration = Duration::from_secs(1);

/// Watches until told to stop; the exit status is that of what was seen last.
pub(super) async fn run(args: &Args, api: &Api) -> Result<ExitCode, Report> {
    // A server that cannot be asked at all, or a name that nothing has, ends it before a screen is taken.
    let first = Seen::ask(api).await?;
    first.text(args, api, Palette::PLAIN)?;
    let signals = Signals::take().map_err(|error| problem("cannot take signals", error))?;
    let (send, came) = mpsc::channel(1);
    let shown = async {
        if std::io::stdout().is_terminal() && !args.json {
            on_screen(args, api, signals, came, first).await
        } else {
            in_lines(args, api, signals, came, first).await
        }
    };
    tokio::select! {
        never = ask(api, send) => never,
        code = shown => code,
    }
}

/// Asks for ever, and sends on what came.
async fn ask(api: &Api, send: mpsc::Sender<Result<Seen, Failure>>) -> Result<ExitCode, Report> {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if send.send(Seen::ask(api).await).await.is_err() {
            // The other half has ended, and with it this one.
            std::future::pending::<()>().await;
        }
    }
}

type Updates = mpsc::Receiver<Result<Seen, Failure>>;

async fn on_screen(
    args: &Args,
    api: &Api,
    mut signals: Signals,
    mut came: Updates,
    mut seen: Seen,
) -> Result<ExitCode, Report> {
    let cannot = |error| problem("cannot write to the terminal", error);
    let (mut screen, mut keys) = Screen::open().map_err(cannot)?;
    let mut trouble: Option<String> = None;
    loop {
        let text = picture(&seen, trouble.as_deref(), args, api)?;
        screen.draw(&text).map_err(cannot)?;
        tokio::select! {
            Some(update) = came.recv() => match update {
                Ok(now) => (seen, trouble) = (now, None),
                Err(failure) => trouble = Some(failure.finding.message),
            },
            Some(key) = keys.recv() => match key {
                Key::Quit => return Ok(seen.exit_code()),
                key => screen.scroll(key),
            },
            () = signals.stop_asked() => return Ok(seen.exit_code()),
        }
    }
}

/// What is on the screen. While the server cannot be asked, what it said last stays.
fn picture(seen: &Seen, trouble: Option<&str>, args: &Args, api: &Api) -> Result<String, Report> {
    let palette = Palette::stdout();
    let mut text = String::new();
    if let Some(trouble) = trouble {
        let time = seen.status.server.now.strftime("%H:%M:%S UTC");
        let stale = palette.paint(Ink::Bad, trouble);
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{stale}\nThis is as it was at {time}:\n");
    }
    match seen.text(args, api, palette) {
        Ok(rest) => text.push_str(&rest),
        // What was asked about has gone from the configuration since.
        Err(report) => report.findings.iter().for_each(|finding| {
            let _ = writeln!(text, "{finding}");
        }),
    }
    Ok(text)
}

async fn in_lines(
    args: &Args,
    api: &Api,
    mut signals: Signals,
    mut came: Updates,
    mut seen: Seen,
) -> Result<ExitCode, Report> {
    style::print(seen.text(args, api, Palette::stdout())?);
    let mut trouble: Option<String> = None;
    loop {
        let update = tokio::select! {
            Some(update) = came.recv() => update,
            () = signals.stop_asked() => return Ok(seen.exit_code()),
        };
        match update {
            Ok(now) => {
                let same = gist(&now.status) == gist(&seen.status);
                seen = now;
                if trouble.take().is_some() || !same {
                    let separator = if args.json { "" } else { "\n" };
                    let text = seen.text(args, api, Palette::stdout())?;
                    style::print(format_args!("{separator}{text}"));
                }
            }
            Err(failure) => {
                let message = failure.finding.message;
                if trouble.as_ref() != Some(&message) {
                    style::print_error(&message);
                }
                trouble = Some(message);
            }
        }
    }
}

/// The status without everything that moves by itself: times, rates, counts, and the details of single probes.
fn gist(status: &Status) -> Status {
    let mut gist = status.clone();
    // What is wrong is worth a line, what to do about it may say how long it is yet.
    gist.wrong.iter_mut().for_each(|wrong| wrong.help.clear());
    let server = &mut gist.server;
    (server.now, server.queries_total, server.queries_per_s) = (server.started, 0, 0.0);
    // A reading that changes nothing is no change, unless it finds something.
    gist.reload.at = server.started;
    if gist.reload.outcome == "unchanged" {
        gist.reload.outcome = "published".to_owned();
    }
    for site in &mut gist.sites {
        (site.answers_total, site.answers_per_s) = (0, 0.0);
    }
    for endpoint in gist.pools.iter_mut().flat_map(|pool| &mut pool.endpoints) {
        (endpoint.answers_total, endpoint.answers_per_s) = (0, 0.0);
        for family in &mut endpoint.families {
            still_family(family);
        }
    }
    let families = gist.pools.iter_mut().flat_map(|pool| &mut pool.families);
    for site in families.flat_map(|family| &mut family.sites) {
        // Whether a site sends clients on is worth a line, how many is not.
        for part in [&mut site.admission, &mut site.admission_by_load] {
            *part = part.floor();
        }
        site.utilisation = None;
    }
    gist.directors.iter_mut().for_each(still_director);
    gist
}

/// Weights that grow or follow load move by themselves, and shares with them.
fn still_family(family: &mut EndpointFamilyView) {
    (family.share, family.weight_now) = (0.0, 0.0);
    family.weight_because.clear();
    // How long it is held yet is in its words.
    if family.standing == "held" {
        family.because.clear();
    }
    if let Some(comeback) = &mut family.comeback {
        comeback.share = 0.0;
    }
    if let Some(check) = &mut family.check {
        check.last = None;
    }
}

fn still_director(director: &mut DirectorView) {
    (director.sessions, director.response_ms) = (None, None);
    if let Some(feed) = &mut director.feed {
        (feed.heard_at, feed.latency_ms) = (None, None);
        (feed.asked_total, feed.failed_total) = (0, 0);
        feed.failed_by.clear();
    }
    for real in &mut director.reals {
        real.sessions = None;
        if let Some(check) = &mut real.check {
            check.last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{all_well, fra_is_down};
    use super::*;

    #[test]
    fn a_change_is_what_does_not_move_by_itself() {
        let mut later = all_well();
        later.server.now = "2026-03-01T12:10:01Z".parse().expect("a time");
        later.server.queries_total += 12;
        later.reload.outcome = "unchanged".into();
        later.sites[0].answers_per_s += 1.0;
        later.pools[0].endpoints[0].answers_total += 5;
        later.pools[0].endpoints[0].families[0].weight_now = 0.5;
        later.pools[0].endpoints[0].families[0].weight_because.push("slow start".into());
        if let Some(check) = &mut later.pools[0].endpoints[0].families[0].check {
            check.last = None;
        }
        assert_eq!(gist(&later), gist(&all_well()));
        assert_ne!(gist(&fra_is_down()), gist(&all_well()));
    }
}
