//! Findings as text: with the source line and a pointer for people, one line each for logs, JSON for programs.
//!
//! The drawing is miette's; this adapts a [`Finding`] to it.

use super::{Finding, Place, Report, Severity};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};
use serde_json::json;
use std::fmt;

/// How to render a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// With source lines; coloured where the flag says that a terminal reads it.
    Pretty {
        /// Whether to colour.
        colour: bool,
    },
    /// One JSON object a line.
    Json,
}

/// The report as text that ends with a newline; empty for an empty report.
pub fn render(report: &Report, style: Style) -> String {
    match style {
        Style::Pretty { colour } => pretty(report, colour),
        Style::Json => {
            report.findings.iter().map(|finding| format!("{}\n", as_json(finding))).collect()
        }
    }
}

fn pretty(report: &Report, colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    let mut text = String::new();
    for finding in &report.findings {
        let shown = Shown::new(finding);
        // Writing into a String fails only if a Display within fails, and ours do not.
        if handler.render_report(&mut text, &shown).is_err() {
            text.push_str(&finding.to_string());
        }
        text.push('\n');
    }
    text
}

fn as_json(finding: &Finding) -> serde_json::Value {
    let position = finding.place.as_ref().map(|place| {
        let (line, column) = place.source.line_column(place.span.start);
        json!({ "path": place.path(), "line": line, "column": column })
    });
    json!({
        "severity": finding.severity.to_string(),
        "message": finding.message,
        "place": position,
        "help": finding.help,
    })
}

/// A finding in the clothes that miette wants.
struct Shown<'a> {
    finding: &'a Finding,
    source: Option<Named<'a>>,
}

impl<'a> Shown<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self { finding, source: finding.place.as_ref().map(Named) }
    }
}

/// The source of a place with its path, without a copy: a zone may be large and have many findings.
struct Named<'a>(&'a Place);

impl SourceCode for Named<'_> {
    fn read_span<'s>(
        &'s self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'s> + 's>, MietteError> {
        let text = self.0.source.text.as_str();
        let contents = text.read_span(span, lines_before, lines_after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.0.path().display().to_string(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.finding, f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.finding.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.finding.place.as_ref()?;
        let label = LabeledSpan::new(Some("here".to_owned()), place.span.start, place.span.len());
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Source;

    fn report() -> Report {
        let source = Source::new("zones/example.com.toml", "[names.www]\npool = \"wbe\"\n");
        let finding = Finding::error("unknown pool \"wbe\"")
            .at(&source, 19..24)
            .help("did you mean \"web\"?");
        Report { findings: vec![finding] }
    }

    #[test]
    fn pretty_shows_the_place_the_line_and_the_cure() {
        let text = render(&report(), Style::Pretty { colour: false });
        for part in ["unknown pool", "zones/example.com.toml:2:8", "pool = \"wbe\"", "did you mean"]
        {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "colour without being asked");
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = render(&report(), Style::Json);
        let value: serde_json::Value =
            serde_json::from_str(text.trim_end()).expect("one JSON object");
        assert_eq!(value["place"]["line"], 2);
        assert_eq!(value["place"]["column"], 8);
        assert_eq!(value["severity"], "error");
    }
}
