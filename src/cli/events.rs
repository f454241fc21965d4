//! `fingerpost events`: what has happened, as the running server remembers it, and what happens next.

use super::api::{Api, EVENTS, Failure, Target};
use super::problem;
use super::signals::Signals;
use super::status::render::ink_of;
use super::style::{self, Palette};
use crate::control::events::{Event, Severity};
use crate::report::Report;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

/// Show what has happened, and why
///
/// Asks the running server for its recent events: verdicts that turned, overrides that were set, removed or ran out,
/// reloads, pools that lost a site or all they had, and their recovery; directors, what comes back, and sites that are
/// full; each with its cause. The server remembers the last thousand since its start; its log has them all. Times are
/// UTC.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost events                   the last 30
  fingerpost events --last 1000       all that the server remembers
  fingerpost events --follow          and then each as it happens, until Ctrl-C
  fingerpost events --json | jq 'select(.severity == \"error\")'

Exit status:
  0  shown, or ended by a signal
  1  the server cannot be asked
  2  the command line was not understood")]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// How many to show
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = LAST_USUAL)]
    last: usize,
    /// Go on and show each event as it happens
    #[arg(short, long)]
    follow: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// A screenful.
const LAST_USUAL: usize = 30;
/// How often the server is asked whether something has happened.
const INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn run(args: Args) -> ExitCode {
    args.target.talk(async |api| {
        let all = ask(api, None).await?;
        print(&all[all.len().saturating_sub(args.last)..], args.json);
        if !args.follow {
            return Ok(ExitCode::SUCCESS);
        }
        let mut signals = Signals::take().map_err(|error| problem("cannot take signals", error))?;
        let mut followed = Followed { last: all.into_iter().next_back() };
        tokio::select! {
            () = follow(api, &mut followed, args.json) => {}
            () = signals.stop_asked() => {}
        }
        Ok::<_, Report>(ExitCode::SUCCESS)
    })
}

/// Shows what happens, for ever. A server that does not answer is told of once and asked on.
async fn follow(api: &Api, followed: &mut Followed, json: bool) {
    let mut trouble = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        match followed.next(api).await {
            Ok(new) => {
                trouble = None;
                print(&new, json);
            }
            Err(failure) => {
                let message = Some(failure.finding.message);
                if trouble != message {
                    style::print_error(message.as_deref().unwrap_or_default());
                }
                trouble = message;
            }
        }
    }
}

/// An event, and the JSON that it came as.
#[derive(Clone, Debug)]
struct Came {
    event: Event,
    json: Value,
}

async fn ask(api: &Api, after: Option<u64>) -> Result<Vec<Came>, Failure> {
    let after = after.map(|seq| seq.to_string());
    let query: Vec<_> = after.iter().map(|seq| ("after", seq.as_str())).collect();
    let text = api.get_text(EVENTS, &query).await?;
    let events: Vec<Event> = api.decode(EVENTS, &text).await?;
    let values: Vec<Value> = api.decode(EVENTS, &text).await?;
    Ok(events.into_iter().zip(values).map(|(event, json)| Came { event, json }).collect())
}

/// How far events have been shown.
struct Followed {
    last: Option<Came>,
}

impl Followed {
    /// What has happened since.
    async fn next(&mut self, api: &Api) -> Result<Vec<Came>, Failure> {
        let after = self.last.as_ref().map(|last| last.event.seq.saturating_sub(1));
        let mut new = self.unseen(ask(api, after).await?);
        if new.is_none() {
            new = Some(ask(api, None).await?);
        }
        let new = new.unwrap_or_default();
        self.last = new.last().cloned().or(self.last.take());
        Ok(new)
    }

    /// Of the last event shown and what came after, what came after; none if the server has begun to count anew, which
    /// shows in that it does not know that last event.
    fn unseen(&self, mut came: Vec<Came>) -> Option<Vec<Came>> {
        let Some(last) = &self.last else { return Some(came) };
        match came.first() {
            Some(first) if first.event == last.event => Some(came.split_off(1)),
            // So much has happened that it is forgotten.
            Some(first) if first.event.seq > last.event.seq => Some(came),
            _ => None,
        }
    }
}

fn print(events: &[Came], json: bool) {
    if !events.is_empty() {
        style::print(render(events, json, Palette::stdout()));
    }
}

fn render(events: &[Came], json: bool, palette: Palette) -> String {
    let lines = events.iter().map(|came| match json {
        true => format!("{}\n", came.json),
        false => line(&came.event, palette),
    });
    lines.collect()
}

/// `2026-03-01 12:45:07  error    endpoint fra-1 is down: connection refused`
fn line(event: &Event, palette: Palette) -> String {
    use super::style::Ink;
    let time = palette.paint(Ink::Faint, event.at.strftime("%Y-%m-%d %H:%M:%S"));
    let severity = palette.paint(ink_of(event.severity), format!("{:7}", event.severity));
    let what = if event.severity == Severity::Info { Ink::Plain } else { Ink::Strong };
    let what = palette.paint(what, &event.what);
    let colon = if event.cause.is_empty() { "" } else { ": " };
    format!("{time}  {severity}  {what}{colon}{}\n", event.cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::events::Kind;

    fn came(seq: u64, at: &str, severity: Severity, what: &str, cause: &str) -> Came {
        let at = at.parse().expect("a time");
        let event = Event { seq, ..Event::new(at, Kind::Verdict, severity, what, cause) };
        let json = serde_json::to_value(&event).expect("JSON");
        Came { event, json }
    }

    fn numbered(seqs: impl IntoIterator<Item = u64>) -> Vec<Came> {
        let at = "2026-03-01T12:45:07.5Z";
        seqs.into_iter().map(|seq| came(seq, at, Severity::Info, "x", "")).collect()
    }

    #[test]
    fn lines_line_up() {
        let events = [
            came(1, "2026-03-01T12:45:07.5Z", Severity::Info, "started", ""),
            came(2, "2026-03-01T12:45:09Z", Severity::Error, "fra-1 is down", "refused"),
        ];
        let expected = "2026-03-01 12:45:07  info     started\n\
                        2026-03-01 12:45:09  error    fra-1 is down: refused\n";
        assert_eq!(render(&events, false, Palette::PLAIN), expected);
        let json = render(&events, true, Palette::PLAIN);
        assert_eq!(json.lines().count(), 2);
        assert!(json.starts_with('{') && json.contains("\"cause\":\"refused\""), "{json}");
        assert!(
            render(&events, false, Palette { colour: true }).contains("\x1b[31merror  \x1b[0m")
        );
    }

    #[test]
    fn a_server_that_counts_anew_is_noticed() {
        let check = |last: Option<u64>, came: Vec<Came>, expected: Option<&[u64]>| {
            let followed = Followed { last: last.and_then(|seq| numbered([seq]).pop()) };
            let unseen = followed.unseen(came);
            let seqs: Option<Vec<u64>> =
                unseen.map(|unseen| unseen.iter().map(|came| came.event.seq).collect());
            assert_eq!(seqs.as_deref(), expected, "{last:?}");
        };
        check(None, numbered(1..=3), Some(&[1, 2, 3]));
        check(Some(3), numbered(3..=3), Some(&[]));
        check(Some(3), numbered(3..=5), Some(&[4, 5]));
        check(Some(3), numbered(2000..=2001), Some(&[2000, 2001]));
        check(Some(3), numbered(1..=2), None);
        check(Some(3), Vec::new(), None);
        let other = came(3, "2026-03-01T13:00:00Z", Severity::Info, "x", "");
        check(Some(3), vec![other], None);
    }
}
