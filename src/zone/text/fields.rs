//! The fields of one record's RDATA, taken one after another.
//!
//! Each taker names the field that it wants, so that a fault says which is missing or wrong, and where. The same cursor
//! is the `Scanner` that `domain` reads its record types from: its many presentation forms then work on our tokens,
//! and what it finds wrong gets the place of the token it was reading.

use super::decode;
use super::fault::Fault;
use super::lexer::Token;
use domain::base::iana::SecurityAlgorithm;
use domain::base::scan::{ConvertSymbols, EntrySymbol, Scanner, ScannerError, Symbol, Symbols};
use domain::base::{CharStr, Name as DomainName};
use domain::dep::octseq::str::Str;
use std::ops::Range;
use std::str::FromStr;

/// A cursor over tokens.
#[derive(Clone)]
pub struct Fields<'a> {
    text: &'a str,
    tokens: &'a [Token],
    origin: &'a [u8],
    taken: usize,
}

impl<'a> Fields<'a> {
    /// The fields of an entry of `text`, of which `taken` tokens are taken; relative names get `origin` (wire form).
    pub fn new(text: &'a str, tokens: &'a [Token], taken: usize, origin: &'a [u8]) -> Self {
        Self { text, tokens, origin, taken }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.taken == self.tokens.len()
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.tokens.len() - self.taken
    }

    /// Whether the RDATA of any type comes next, which a bare `\#` announces (RFC 3597 §5).
    pub fn next_is_generic(&self) -> bool {
        let token = self.tokens.get(self.taken);
        token.is_some_and(|token| !token.quoted && &self.text[token.span.clone()] == "\\#")
    }

    /// The place of all that is left.
    pub fn rest_place(&self) -> Range<usize> {
        match self.tokens.get(self.taken) {
            Some(token) => token.place().start..self.end(),
            None => self.end()..self.end(),
        }
    }

    /// The place of the token that was taken last.
    pub fn last_place(&self) -> Range<usize> {
        match self.taken.checked_sub(1).and_then(|at| self.tokens.get(at)) {
            Some(token) => token.place(),
            None => self.end()..self.end(),
        }
    }

    /// Takes the next token.
    pub fn token(&mut self, what: &str) -> Result<&'a Token, Fault> {
        let token = self.tokens.get(self.taken);
        self.taken += usize::from(token.is_some());
        token.ok_or_else(|| {
            Fault::new(self.end()..self.end(), format!("the record ends before its {what}"))
        })
    }

    /// Takes the next token as written.
    pub fn word(&mut self, what: &str) -> Result<(&'a str, Range<usize>), Fault> {
        let token = self.token(what)?;
        Ok((&self.text[token.span.clone()], token.place()))
    }

    /// Takes a token that has a text form of its own, with what is expected of it.
    pub fn parsed<T: FromStr>(&mut self, what: &str, expected: &str) -> Result<T, Fault> {
        let (word, place) = self.word(what)?;
        word.parse().map_err(|_| Fault::new(place, format!("{what} {word:?} is not {expected}")))
    }

    /// Takes an unsigned decimal number of at most `max`.
    pub fn number(&mut self, what: &str, max: u64) -> Result<u64, Fault> {
        let (word, place) = self.word(what)?;
        let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let number = word.parse().ok().filter(|number| digits && *number <= max);
        number.ok_or_else(|| {
            Fault::new(place, format!("{what} {word:?} is not a number from 0 to {max}"))
        })
    }

    /// Takes a time span in seconds or with BIND's units.
    pub fn seconds(&mut self, what: &str) -> Result<u32, Fault> {
        let (word, place) = self.word(what)?;
        decode::seconds(word).ok_or_else(|| {
            Fault::new(place, format!("{what} {word:?} is not a time span"))
                .help("write seconds, or units as in 1h30m (s, m, h, d, w)")
        })
    }

    /// Takes a name into `out`.
    pub fn name(&mut self, what: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let token = self.token(what)?;
        let text = &self.text[token.span.clone()];
        decode::name(text, token.span.start, self.origin, out)
    }

    /// Takes a character-string, length octet and all, into `out`.
    pub fn string(&mut self, what: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let token = self.token(what)?;
        decode::string(&self.text[token.span.clone()], token.span.start, out)
    }

    /// Takes octets of any number into `out`.
    pub fn octets(&mut self, what: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let token = self.token(what)?;
        decode::octets(&self.text[token.span.clone()], token.span.start, out)
    }

    /// Takes the tokens that are written as one, as `key="value"` is: their octets, and the place of them all.
    pub fn glued(&mut self, what: &str) -> Result<(Vec<u8>, Range<usize>), Fault> {
        let mut out = Vec::new();
        self.octets(what, &mut out)?;
        let mut place = self.last_place();
        while self.tokens.get(self.taken).is_some_and(|token| token.glued) {
            self.octets(what, &mut out)?;
            place.end = self.last_place().end;
        }
        Ok((out, place))
    }

    /// Refuses what is left.
    pub fn finish(&self) -> Result<(), Fault> {
        match self.tokens.get(self.taken) {
            None => Ok(()),
            Some(token) => {
                let word = &self.text[token.span.clone()];
                Err(Fault::new(
                    token.place(),
                    format!("nothing may follow here, but {word:?} does"),
                ))
            }
        }
    }

    /// Where the last token ends: the place to point at for what is missing.
    fn end(&self) -> usize {
        self.tokens.last().map_or(0, |token| token.place().end)
    }

    fn symbols(&mut self, mut op: impl FnMut(Symbol) -> Result<(), Fault>) -> Result<(), Fault> {
        let (word, _) = self.word("next field")?;
        let mut symbols = Symbols::new(word.chars());
        for symbol in symbols.by_ref() {
            op(symbol)?;
        }
        symbols.ok().map_err(|_| {
            Fault::custom("neither a character nor three digits up to 255 follow a backslash")
        })
    }
}

/// What `domain` needs to read its record types; every method takes whole tokens.
impl Scanner for Fields<'_> {
    type Octets = Vec<u8>;
    type OctetsBuilder = Vec<u8>;
    type Name = DomainName<Vec<u8>>;
    type Error = Fault;

    fn has_space(&self) -> bool {
        self.tokens.get(self.taken).is_some_and(|token| !token.glued)
    }

    fn continues(&mut self) -> bool {
        !self.is_empty()
    }

    fn scan_symbols<F>(&mut self, op: F) -> Result<(), Fault>
    where
        F: FnMut(Symbol) -> Result<(), Fault>,
    {
        self.symbols(op)
    }

    fn scan_entry_symbols<F>(&mut self, mut op: F) -> Result<(), Fault>
    where
        F: FnMut(EntrySymbol) -> Result<(), Fault>,
    {
        while !self.is_empty() {
            self.symbols(|symbol| op(symbol.into()))?;
            op(EntrySymbol::EndOfToken)?;
        }
        Ok(())
    }

    fn convert_token<C: ConvertSymbols<Symbol, Fault>>(
        &mut self,
        mut convert: C,
    ) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        self.symbols(|symbol| {
            out.extend_from_slice(convert.process_symbol(symbol)?.unwrap_or_default());
            Ok(())
        })?;
        out.extend_from_slice(convert.process_tail()?.unwrap_or_default());
        Ok(out)
    }

    fn convert_entry<C: ConvertSymbols<EntrySymbol, Fault>>(
        &mut self,
        mut convert: C,
    ) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        while !self.is_empty() {
            self.symbols(|symbol| {
                out.extend_from_slice(convert.process_symbol(symbol.into())?.unwrap_or_default());
                Ok(())
            })?;
        }
        out.extend_from_slice(convert.process_tail()?.unwrap_or_default());
        Ok(out)
    }

    fn scan_octets(&mut self) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        self.octets("value", &mut out)?;
        Ok(out)
    }

    fn scan_svcb_octets(&mut self) -> Result<Vec<u8>, Fault> {
        self.glued("parameter").map(|(octets, _)| octets)
    }

    fn scan_ascii_str<F, T>(&mut self, op: F) -> Result<T, Fault>
    where
        F: FnOnce(&str) -> Result<T, Fault>,
    {
        let mut octets = self.scan_octets()?;
        // RFC 4034 §2.2 allows mnemonics for algorithms; `domain` writes and reads numbers only. Nothing else that is
        // read this way (types, times, other numbers) has a word in common with them.
        if let Some(algorithm) = SecurityAlgorithm::from_mnemonic(&octets) {
            octets = algorithm.to_int().to_string().into_bytes();
        }
        let text = std::str::from_utf8(&octets).ok().filter(|text| text.is_ascii());
        op(text.ok_or_else(|| Fault::custom("only ASCII may stand here"))?)
    }

    fn scan_name(&mut self) -> Result<Self::Name, Fault> {
        let mut wire = Vec::new();
        self.name("name", &mut wire)?;
        DomainName::from_octets(wire).map_err(|_| Fault::custom("not a domain name"))
    }

    fn scan_charstr(&mut self) -> Result<CharStr<Vec<u8>>, Fault> {
        let mut string = Vec::new();
        self.string("string", &mut string)?;
        string.remove(0);
        CharStr::from_octets(string).map_err(|_| Fault::custom("not a character-string"))
    }

    fn scan_string(&mut self) -> Result<Str<Vec<u8>>, Fault> {
        Str::from_utf8(self.scan_octets()?).map_err(|_| Fault::custom("not UTF-8"))
    }

    fn scan_charstr_entry(&mut self) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        while !self.is_empty() {
            self.string("string", &mut out)?;
        }
        Ok(out)
    }

    fn scan_opt_unknown_marker(&mut self) -> Result<bool, Fault> {
        // RFC 3597 §5 is read before any type's own form.
        Ok(false)
    }

    fn octets_builder(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(Vec::new())
    }
}
