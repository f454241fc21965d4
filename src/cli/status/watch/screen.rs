//! A terminal's second screen, drawn in place, scrolled by keys, and given back as it was.

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{cursor, execute, queue, style::Print};
use std::io::{self, Stdout, Write, stdout};
use std::time::Duration;
use tokio::sync::mpsc;
use unicode_width::UnicodeWidthChar;

/// How long the thread that reads keys waits before it looks whether anybody still wants them.
const KEY_POLL: Duration = Duration::from_millis(200);
/// Where the terminal does not tell its size: columns and lines.
const SIZE_USUAL: (u16, u16) = (80, 24);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// To leave.
    Quit,
    /// So many lines up, or down if positive.
    Lines(isize),
    /// So many screens up, or down if positive.
    Pages(isize),
    /// The first line.
    Home,
    /// The last lines.
    End,
    /// Nothing but to be drawn again, as after a change of size.
    Redraw,
}

/// The second screen, until it is dropped.
pub(super) struct Screen {
    out: Stdout,
    window: Window,
}

/// The part of a text that is shown.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// Its first line.
    top: usize,
    /// Lines of the text when it was last drawn.
    lines: usize,
    /// Lines that fit.
    fit: usize,
}

impl Window {
    fn scroll(&mut self, key: Key) {
        let last = self.lines.saturating_sub(self.fit);
        let page = self.fit.saturating_sub(1).max(1) as isize;
        let by = match key {
            Key::Lines(lines) => lines,
            Key::Pages(pages) => pages * page,
            Key::Home => isize::MIN,
            Key::End => isize::MAX,
            Key::Quit | Key::Redraw => 0,
        };
        self.top = self.top.saturating_add_signed(by).min(last);
    }
}

impl Screen {
    /// Takes the terminal over. Where no keys can be read, signals still end it.
    pub fn open() -> io::Result<(Self, mpsc::Receiver<Key>)> {
        let (send, keys) = mpsc::channel(16);
        if enable_raw_mode().is_ok() {
            std::thread::spawn(move || read_keys(&send));
        }
        let mut screen = Self { out: stdout(), window: Window::default() };
        execute!(screen.out, EnterAlternateScreen, cursor::Hide)?;
        Ok((screen, keys))
    }

    /// Moves the part that is shown when it is next drawn.
    pub fn scroll(&mut self, key: Key) {
        self.window.scroll(key);
    }

    /// Draws over what was there, without blanking it first.
    pub fn draw(&mut self, text: &str) -> io::Result<()> {
        let (columns, rows) = size().unwrap_or(SIZE_USUAL);
        let lines: Vec<&str> = text.lines().collect();
        // One row is for what can be done.
        let fit = usize::from(rows).saturating_sub(1);
        (self.window.lines, self.window.fit) = (lines.len(), fit);
        // Fewer lines than before may leave the window beyond the last.
        self.window.scroll(Key::Redraw);
        let Window { top, .. } = self.window;
        queue!(self.out, BeginSynchronizedUpdate, cursor::MoveTo(0, 0))?;
        for line in lines.iter().skip(top).take(fit) {
            let line = clip(line, usize::from(columns));
            queue!(self.out, Print(line), Clear(ClearType::UntilNewLine), Print("\r\n"))?;
        }
        queue!(self.out, Clear(ClearType::FromCursorDown))?;
        queue!(self.out, cursor::MoveTo(0, rows.saturating_sub(1)))?;
        let help = match (top, lines.len().saturating_sub(top + fit)) {
            (0, 0) => "q leaves".to_owned(),
            (above, below) => {
                format!("{above} lines above, {below} below: arrows scroll, q leaves")
            }
        };
        queue!(self.out, Print(clip(&help, usize::from(columns).saturating_sub(1))))?;
        queue!(self.out, EndSynchronizedUpdate)?;
        self.out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Where the terminal has gone there is nothing to give back.
        drop(execute!(self.out, cursor::Show, LeaveAlternateScreen));
        drop(disable_raw_mode());
    }
}

fn read_keys(send: &mpsc::Sender<Key>) {
    while !send.is_closed() {
        let key = match event::poll(KEY_POLL).and_then(|ready| ready.then(event::read).transpose())
        {
            Ok(None) => continue,
            Ok(Some(event)) => key_of(&event),
            Err(_) => {
                // Without raw mode Ctrl-C is a signal again, so there is still a way out.
                drop(disable_raw_mode());
                return;
            }
        };
        if key.is_some_and(|key| send.blocking_send(key).is_err()) {
            return;
        }
    }
}

fn key_of(event: &Event) -> Option<Key> {
    let key = match event {
        Event::Resize(..) => return Some(Key::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => *key,
        _ => return None,
    };
    let KeyEvent { code, modifiers, .. } = key;
    Some(match code {
        KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => Key::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
        KeyCode::Up | KeyCode::Char('k') => Key::Lines(-1),
        KeyCode::Down | KeyCode::Char('j') => Key::Lines(1),
        KeyCode::PageUp => Key::Pages(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => Key::Pages(1),
        KeyCode::Home | KeyCode::Char('g') => Key::Home,
        KeyCode::End | KeyCode::Char('G') => Key::End,
        _ => return None,
    })
}

/// As much of a line as fits, colours whole: a line that wraps would push the others off the screen.
fn clip(line: &str, columns: usize) -> String {
    let (mut clipped, mut width, mut in_colour) = (String::new(), 0, false);
    for letter in line.chars() {
        // Colours are all that is written here: ESC [ digits m.
        in_colour |= letter == '\u{1b}';
        if in_colour {
            in_colour = letter != 'm';
        } else {
            width += letter.width().unwrap_or(0);
            if width > columns {
                let ends = if clipped.contains('\u{1b}') { "\u{1b}[0m" } else { "" };
                return clipped + ends;
            }
        }
        clipped.push(letter);
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_clipped_by_what_is_seen() {
        let check = |line: &str, columns: usize, expected: &str| {
            assert_eq!(clip(line, columns), expected, "{line:?} to {columns}");
        };
        check("abc", 3, "abc");
        check("abc", 2, "ab");
        check("", 0, "");
        check("\u{1b}[31mabc\u{1b}[0m", 3, "\u{1b}[31mabc\u{1b}[0m");
        check("\u{1b}[31mabc\u{1b}[0m", 2, "\u{1b}[31mab\u{1b}[0m");
        // Two columns each.
        check("東京", 4, "東京");
        check("東京", 3, "東");
    }

    #[test]
    fn scrolling_stays_within_the_text() {
        let mut window = Window { top: 0, lines: 30, fit: 10 };
        let mut check = |key: Key, top: usize| {
            window.scroll(key);
            assert_eq!(window.top, top, "{key:?}");
        };
        check(Key::Lines(-1), 0);
        check(Key::Lines(1), 1);
        check(Key::Pages(1), 10);
        check(Key::Pages(5), 20);
        check(Key::Home, 0);
        check(Key::End, 20);
        check(Key::Redraw, 20);
    }

    #[test]
    fn keys_are_understood() {
        let check = |code: KeyCode, modifiers: KeyModifiers, expected: Option<Key>| {
            let event = Event::Key(KeyEvent::new(code, modifiers));
            assert_eq!(key_of(&event), expected, "{event:?}");
        };
        check(KeyCode::Char('q'), KeyModifiers::NONE, Some(Key::Quit));
        check(KeyCode::Char('c'), KeyModifiers::CONTROL, Some(Key::Quit));
        check(KeyCode::Char('c'), KeyModifiers::NONE, None);
        check(KeyCode::PageDown, KeyModifiers::NONE, Some(Key::Pages(1)));
        assert_eq!(key_of(&Event::Resize(80, 24)), Some(Key::Redraw));
    }
}
