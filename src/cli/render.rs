//! Diagnostics for people and for programs.
//!
//! The one place that knows miette. It decides how a finding looks, never what it says: the text
//! of every message is settled where the problem is found.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use serde_json::{Value as Json, json};

use super::excerpt::Excerpt;
use super::grid::counted;
use super::ui::Look;
use crate::diag::{Diagnostic, Diagnostics, Label, Severity};
use crate::text::{FileId, SourceMap, Span};

/// Renders the findings about one set of source files.
pub struct Renderer {
    excerpts: BTreeMap<FileId, Excerpt>,
    handler: GraphicalReportHandler,
    look: Look,
}

impl Renderer {
    /// Prepares for the files of a pipeline and for what a terminal can show.
    #[must_use]
    pub fn new(sources: &SourceMap, look: &Look) -> Self {
        let excerpts = sources.iter().map(|file| (file.id, Excerpt::new(file))).collect();
        let handler = GraphicalReportHandler::new_themed(theme(look))
            .with_width(look.width.max(40))
            .with_links(false)
            .without_syntax_highlighting()
            .without_cause_chain();
        Self { excerpts, handler, look: *look }
    }

    /// Renders all findings and closes with their number.
    #[must_use]
    pub fn all(&self, diagnostics: &Diagnostics) -> String {
        let mut text: String = diagnostics.iter().map(|finding| self.one(finding) + "\n").collect();
        if let Some(count) = summary(diagnostics) {
            text.push_str(&count);
            text.push('\n');
        }
        text
    }

    /// Renders one finding.
    #[must_use]
    pub fn one(&self, finding: &Diagnostic) -> String {
        let own = finding.primary.span.file;
        let (near, far): (Vec<_>, Vec<_>) =
            finding.related.iter().partition(|label| label.span.file == own);
        let mut labels = vec![self.label(&finding.primary, true)];
        labels.extend(near.into_iter().map(|label| self.label(label, false)));
        let mut text = self.draw(&View {
            message: self.clean(&finding.message),
            code: Some(format!("{}[{}]", word(finding.severity), finding.code)),
            severity: finding.severity,
            labels,
            help: (!finding.help.is_empty()).then(|| self.clean(&finding.help.join("\n"))),
            source: self.excerpts.get(&own),
        });
        for label in far {
            text.push_str(&self.elsewhere(label));
        }
        text
    }

    /// Renders a related place of another file, below the finding.
    fn elsewhere(&self, label: &Label) -> String {
        self.draw(&View {
            message: self.clean(&label.text),
            code: None,
            severity: Severity::Note,
            labels: vec![self.label(&Label { span: label.span, text: String::new() }, true)],
            help: None,
            source: self.excerpts.get(&label.span.file),
        })
    }

    fn label(&self, label: &Label, primary: bool) -> LabeledSpan {
        let (start, end) = match self.excerpts.get(&label.span.file) {
            Some(excerpt) => excerpt.fit(label.span),
            None => (0, 0),
        };
        let text = (!label.text.is_empty()).then(|| self.clean(&label.text));
        if primary {
            LabeledSpan::new_primary_with_span(text, (start, end - start))
        } else {
            LabeledSpan::new_with_span(text, (start, end - start))
        }
    }

    /// Keeps what a message quotes from steering the terminal.
    fn clean(&self, text: &str) -> String {
        /// No message is longer that doesn't quote something endless.
        const LONGEST: usize = 1200;
        let text = self.look.spell(text);
        let end = text.floor_char_boundary(LONGEST);
        let text = if end < text.len() {
            format!("{}{}", &text[..end], self.look.spell("…"))
        } else {
            text.to_string()
        };
        super::excerpt::harmless(&Arc::from(text)).to_string()
    }

    fn draw(&self, view: &View<'_>) -> String {
        let mut text = String::new();
        if self.handler.render_report(&mut text, view).is_err() {
            text = format!("{view}\n");
        }
        // A drawn line may end in blanks, which no reader and no snapshot wants.
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// Writes a finding for programs.
    #[must_use]
    pub fn json(&self, finding: &Diagnostic) -> Json {
        let mut object = json!({
            "severity": word(finding.severity),
            "code": finding.code,
            "message": finding.message,
        });
        let related: Vec<Json> = finding.related.iter().map(|label| self.place(label)).collect();
        if let (Json::Object(own), Json::Object(place)) =
            (&mut object, self.place(&finding.primary))
        {
            own.extend(place);
            own.insert("help".to_owned(), json!(finding.help));
            own.insert("related".to_owned(), Json::Array(related));
        }
        object
    }

    fn place(&self, label: &Label) -> Json {
        let Some(excerpt) = self.excerpts.get(&label.span.file) else {
            return json!({ "label": label.text });
        };
        let Span { start, end, .. } = label.span;
        let (start, end) = (excerpt.position(start as usize), excerpt.position(end as usize));
        json!({
            "file": excerpt.name(),
            "line": start.line,
            "column": start.column,
            "end": { "line": end.line, "column": end.column },
            "label": label.text,
        })
    }
}

/// Renders all findings, and nothing where there are none: then no file is looked at.
#[must_use]
pub fn findings(sources: &SourceMap, diagnostics: &Diagnostics, look: &Look) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    Renderer::new(sources, look).all(diagnostics)
}

/// Counts the findings by severity: `3 errors, 1 warning`; nothing where there are none.
#[must_use]
pub fn summary(diagnostics: &Diagnostics) -> Option<String> {
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| (count(diagnostics, severity), word(severity)))
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| counted(number, noun))
        .collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// Counts the findings of one severity.
#[must_use]
pub fn count(diagnostics: &Diagnostics, severity: Severity) -> usize {
    diagnostics.iter().filter(|finding| finding.severity == severity).count()
}

/// Gives the word for a severity.
#[must_use]
pub const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn theme(look: &Look) -> GraphicalTheme {
    match (look.unicode, look.colour) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, true) => GraphicalTheme {
            characters: miette::ThemeCharacters::ascii(),
            ..GraphicalTheme::unicode()
        },
        (false, false) => GraphicalTheme::none(),
    }
}

/// A finding in miette's words.
struct View<'a> {
    message: String,
    code: Option<String>,
    severity: Severity,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
    source: Option<&'a Excerpt>,
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for View<'_> {}

impl miette::Diagnostic for View<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as Box<dyn fmt::Display + 'a>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn sources(texts: &[&str]) -> SourceMap {
        let mut sources = SourceMap::default();
        for (index, text) in texts.iter().enumerate() {
            sources.add(Path::new(&format!("{index}.mlp")), *text);
        }
        sources
    }

    fn span(file: u32, start: usize, end: usize) -> Span {
        Span::new(FileId(file), start, end)
    }

    #[test]
    fn a_finding_shows_its_line_what_was_expected_and_what_to_do() {
        let sources = sources(&["ingest people { form: \"a.csv\" }\n"]);
        let finding = Diagnostic::error("unknown-field", span(0, 16, 20), "unknown field `form`")
            .label("not a field of `ingest`")
            .help("did you mean `from`?")
            .help("see `mlp docs ingest`");
        insta::assert_snapshot!(Renderer::new(&sources, &Look::plain()).one(&finding), @r#"
        error[unknown-field]

          x unknown field `form`
           ,-[0.mlp:1:17]
         1 | ingest people { form: "a.csv" }
           :                 ^^|^
           :                   `-- not a field of `ingest`
           `----
          help: did you mean `from`?
                see `mlp docs ingest`
        "#);
    }

    #[test]
    fn related_places_show_up_in_their_own_file() {
        let sources = sources(&["prep a {}\nprep a {}\n", "prep a {}\n"]);
        let finding = Diagnostic::error("doubled-name", span(0, 15, 16), "`a` stands twice")
            .related(span(0, 5, 6), "first here")
            .related(span(1, 5, 6), "and in the file that is imported");
        insta::assert_snapshot!(Renderer::new(&sources, &Look::plain()).one(&finding), @r"
        error[doubled-name]

          x `a` stands twice
           ,-[0.mlp:2:6]
         1 | prep a {}
           :      |
           :      `-- first here
         2 | prep a {}
           :      ^
           `----
          > and in the file that is imported
           ,-[1.mlp:1:6]
         1 | prep a {}
           :      ^
           `----
        ");
    }

    #[test]
    fn programs_get_places_in_numbers() {
        let sources = sources(&["prep ä {\n  sql: 1\n}\n"]);
        let finding = Diagnostic::warning("odd", span(0, 17, 18), "an odd thing").help("mend it");
        let json = Renderer::new(&sources, &Look::plain()).json(&finding);
        assert_eq!(
            json.to_string(),
            concat!(
                r#"{"severity":"warning","code":"odd","message":"an odd thing","file":"0.mlp","#,
                r#""line":2,"column":8,"end":{"line":2,"column":9},"label":"","#,
                r#""help":["mend it"],"related":[]}"#
            )
        );
    }

    #[test]
    fn findings_are_counted_in_words() {
        let place = span(0, 0, 0);
        let mut diagnostics = Diagnostics::default();
        assert_eq!(summary(&diagnostics), None);
        diagnostics.push(Diagnostic::warning("w", place, "w"));
        assert_eq!(summary(&diagnostics).unwrap(), "1 warning");
        diagnostics.push(Diagnostic::error("e", place, "e"));
        diagnostics.push(Diagnostic::error("e", place, "f"));
        assert_eq!(summary(&diagnostics).unwrap(), "2 errors, 1 warning");
    }

    proptest! {
        #[test]
        fn any_text_and_any_place_can_be_rendered(
            text in "[a-zé\t\r\n\u{0}-\u{1f}\u{9b}日 ]{0,80}",
            places in prop::collection::vec((0_usize..120, 0_usize..120, 0_u32..2), 1..4),
            look in prop::sample::select(vec![Look::plain(), Look::rich(40)]),
        ) {
            let sources = sources(&[&text, ""]);
            let (start, end, file) = places[0];
            let mut finding = Diagnostic::error("c", span(file, start, end), text.clone()).label(text.clone());
            for (start, end, file) in &places[1..] {
                finding = finding.related(span(*file, *start, *end), "there");
            }
            let renderer = Renderer::new(&sources, &look);
            prop_assert!(!renderer.one(&finding).contains("Failed to read"));
            prop_assert!(renderer.json(&finding).is_object());
        }
    }
}
