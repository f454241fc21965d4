//! `$GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE RDATA`: BIND's way to write many records as one.
//!
//! In owner and RDATA a `$` stands for the number of the turn, `${OFFSET,WIDTH,BASE}` for a changed one (bases
//! `d o x X`, and `n N` for reversed nibbles as in ip6.arpa), `$$` and `\$` for a dollar sign. RDATA of several fields
//! may stand bare or, as BIND wants it, in one pair of quotes. Each turn makes a line of text that is read like any
//! other, so what is wrong with it is found by the same code and shown at the directive, once.

use super::fault::Fault;
use super::fields::Fields;
use super::lexer::{Lexer, Token};
use super::record::{Line, Scope, header};
use super::{CurrentFile, GENERATED_RECORDS_MAX, Reader};
use crate::report::{Finding, Place};
use std::fmt::Write;
use std::ops::Range;

/// Widest field: nothing wider fits a name.
const WIDTH_MAX: usize = 255;
/// BIND's bound of the range.
const NUMBER_MAX: i64 = i32::MAX as i64;

/// The numbers to go through.
struct Turns {
    start: i64,
    stop: i64,
    step: i64,
}

/// A text with places for the number of the turn.
struct Template(Vec<Part>);

enum Part {
    Text(String),
    Number { offset: i64, width: usize, base: Base },
}

#[derive(Clone, Copy)]
enum Base {
    Decimal,
    Octal,
    Hex { upper: bool },
    Nibbles { upper: bool },
}

impl Reader<'_> {
    /// Carries out the directive that `tokens` make.
    pub fn generate(
        &mut self,
        file: &mut CurrentFile,
        tokens: &[Token],
        scope: &mut Scope,
    ) -> Result<(), Fault> {
        let text = file.source.text.as_str();
        let mut fields = Fields::new(text, tokens, 1, &[]);
        let (word, place) = fields.word("range")?;
        let turns = Turns::parse(word).ok_or_else(|| {
            Fault::new(place.clone(), format!("{word:?} is not a range"))
                .help("write START-STOP or START-STOP/STEP, e.g. 1-100/2")
        })?;
        let count = turns.count();
        self.generated_left = self.generated_left.checked_sub(count).ok_or_else(|| {
            let message = format!(
                "{count} records: $GENERATE makes at most {GENERATED_RECORDS_MAX} for a zone"
            );
            Fault::new(place, message)
        })?;
        let owner_token = fields.token("owner name")?;
        let owner = Template::parse(file.word(owner_token), owner_token.span.start)?;
        // Reading type and RDATA once up front refuses a wrong one at its own place.
        let header = header(&Line { text, tokens, indented: false }, 3)?;
        let rdata = rdata_template(file, &tokens[header.taken..])?;

        let whole = tokens[0].span.start..owner_token.span.end;
        let mut line = String::new();
        for number in turns.numbers() {
            line.clear();
            let written = owner.write(number, &mut line).and_then(|()| {
                let ttl = header.ttl_s.map_or_else(String::new, |ttl_s| ttl_s.to_string());
                // Writing to a String never fails.
                let _ = write!(line, " {ttl} {} ", header.rtype);
                rdata.write(number, &mut line)
            });
            let place = Place::new(file.source, whole.clone());
            let done = match written {
                Ok(()) => self.generated(&line, scope, place),
                Err(message) => Err(Fault::new(0..0, message)),
            };
            let warning = done.map_err(|fault| {
                let made = format!("with {number} for $: {}", fault.message);
                // A line of a screen or two helps; one of a megabyte does not.
                let line =
                    (line.len() <= 200).then(|| format!("the line made is: {}", line.trim()));
                Fault { span: whole.clone(), message: made, help: fault.help.or(line) }
            })?;
            if let Some(warning) = warning {
                self.found(file, Fault { span: whole.clone(), ..warning }, Finding::warning);
            }
        }
        Ok(())
    }

    fn generated(
        &mut self,
        line: &str,
        scope: &mut Scope,
        place: Place,
    ) -> Result<Option<Fault>, Fault> {
        let mut tokens = Vec::new();
        match Lexer::new(line).next_entry(&mut tokens) {
            Some(Ok(_)) => {
                self.record(&Line { text: line, tokens: &tokens, indented: false }, scope, place)
            }
            Some(Err(fault)) => Err(fault),
            None => Ok(None),
        }
    }
}

impl Turns {
    fn parse(word: &str) -> Option<Self> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| digits && *number <= NUMBER_MAX)
        };
        let (range, step) = match word.split_once('/') {
            Some((range, step)) => (range, number(step)?),
            None => (word, 1),
        };
        let (start, stop) = range.split_once('-')?;
        let (start, stop) = (number(start)?, number(stop)?);
        (start <= stop && step > 0).then_some(Self { start, stop, step })
    }

    fn count(&self) -> usize {
        ((self.stop - self.start) / self.step + 1) as usize
    }

    fn numbers(&self) -> impl Iterator<Item = i64> + use<> {
        (self.start..=self.stop).step_by(self.step as usize)
    }
}

/// The RDATA: the content of a single quoted token, else the tokens as written.
fn rdata_template(file: &CurrentFile, tokens: &[Token]) -> Result<Template, Fault> {
    if let [only] = tokens
        && only.quoted
    {
        return Template::parse(file.word(only), only.span.start);
    }
    let mut text = String::new();
    for token in tokens {
        if !token.glued && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&file.source.text[token.place()]);
    }
    let place = match tokens {
        [first, .., last] => first.place().start..last.place().end,
        [only] => only.place(),
        [] => 0..0,
    };
    // Between tokens something else may stand than one space, so places inside the text are not those of the file.
    Template::parse(&text, 0).map_err(|fault| Fault { span: place, ..fault })
}

impl Template {
    /// Reads a template that starts at `at`.
    fn parse(text: &str, at: usize) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(next) = rest.find(['$', '\\']) {
            plain.push_str(&rest[..next]);
            let from = text.len() - rest.len() + next;
            rest = &rest[next + 1..];
            if text.as_bytes()[from] == b'\\' {
                // An escape is for the reader of the line that comes of this.
                let escaped = rest.chars().next().map_or(0, char::len_utf8);
                plain.push('\\');
                plain.push_str(&rest[..escaped]);
                rest = &rest[escaped..];
            } else if let Some(behind) = rest.strip_prefix('$') {
                plain.push_str("\\$");
                rest = behind;
            } else if let Some(behind) = rest.strip_prefix('{') {
                let end = behind.find('}');
                let place = at + from..at + end.map_or(text.len(), |end| from + 3 + end);
                let number = end
                    .and_then(|end| number_part(&behind[..end]))
                    .ok_or_else(|| bad_modifier(place))?;
                parts.extend([Part::Text(std::mem::take(&mut plain)), number]);
                rest = &behind[end.map_or(0, |end| end + 1)..];
            } else {
                let number = Part::Number { offset: 0, width: 0, base: Base::Decimal };
                parts.extend([Part::Text(std::mem::take(&mut plain)), number]);
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }

    /// Appends the text for one number.
    fn write(&self, number: i64, out: &mut String) -> Result<(), String> {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Number { offset, width, base } => {
                    write_number(number + offset, *width, *base, out)?
                }
            }
        }
        Ok(())
    }
}

fn bad_modifier(place: Range<usize>) -> Fault {
    Fault::new(place, "this is not ${OFFSET,WIDTH,BASE}").help(format!(
        "e.g. ${{0,3,d}}: OFFSET is a number, WIDTH is at most {WIDTH_MAX}, BASE is one of d, o, x, X, n, N"
    ))
}

fn number_part(text: &str) -> Option<Part> {
    let mut items = text.split(',');
    let offset: i64 =
        items.next()?.parse().ok().filter(|offset: &i64| offset.abs() <= NUMBER_MAX)?;
    let width = items
        .next()
        .map_or(Some(0), |width| width.parse().ok().filter(|width| *width <= WIDTH_MAX))?;
    let base = match items.next() {
        None | Some("d") => Base::Decimal,
        Some("o") => Base::Octal,
        Some("x") => Base::Hex { upper: false },
        Some("X") => Base::Hex { upper: true },
        Some("n") => Base::Nibbles { upper: false },
        Some("N") => Base::Nibbles { upper: true },
        Some(_) => return None,
    };
    items.next().is_none().then_some(Part::Number { offset, width, base })
}

fn write_number(number: i64, width: usize, base: Base, out: &mut String) -> Result<(), String> {
    if number < 0 && !matches!(base, Base::Decimal) {
        return Err(format!("{number} is negative, which only base d can write"));
    }
    // Writing to a String never fails.
    let _ = match base {
        Base::Decimal => write!(out, "{number:0width$}"),
        Base::Octal => write!(out, "{number:0width$o}"),
        Base::Hex { upper: false } => write!(out, "{number:0width$x}"),
        Base::Hex { upper: true } => write!(out, "{number:0width$X}"),
        Base::Nibbles { upper } => {
            write_nibbles(number, width, upper, out);
            Ok(())
        }
    };
    Ok(())
}

/// Hex digits, lowest first, with dots between them. The width counts the dots too and, as with BIND, an even one ends
/// in a dot.
fn write_nibbles(number: i64, width: usize, upper: bool, out: &mut String) {
    let (mut left, mut width) = (number, width);
    loop {
        let digit = char::from_digit((left & 15) as u32, 16).unwrap_or('0');
        out.push(if upper { digit.to_ascii_uppercase() } else { digit });
        left >>= 4;
        width = width.saturating_sub(1);
        if left == 0 && width == 0 {
            return;
        }
        out.push('.');
        width = width.saturating_sub(1);
        if left == 0 && width == 0 {
            return;
        }
    }
}
