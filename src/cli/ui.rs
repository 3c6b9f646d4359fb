//! The terminal: what it can show, and the one way to it.
//!
//! Data goes to standard output, everything else to standard error. Who reads the other end may
//! leave at any time: a broken pipe is no failure.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use crate::plan::Registry;

/// The width of text that isn't shown on a terminal, so that it never depends on one.
const PLAIN_WIDTH: usize = 100;

/// What one stream can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// A person watches: bars may move.
    pub live: bool,
    /// Colours may be used.
    pub colour: bool,
    /// Characters outside of ASCII may be drawn with.
    pub unicode: bool,
    /// Columns of text.
    pub width: usize,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// It is said beside.
    Quiet,
}

impl Look {
    /// Gives the look of a file or a pipe: plain ASCII drawing of a fixed width.
    #[must_use]
    pub const fn plain() -> Self {
        Self { live: false, colour: false, unicode: false, width: PLAIN_WIDTH }
    }

    /// Gives the look of a good terminal.
    #[must_use]
    pub const fn rich(width: usize) -> Self {
        Self { live: true, colour: true, unicode: true, width }
    }

    /// Spells a message with the characters that can be shown.
    #[must_use]
    pub fn spell<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let ascii = |c: char| match c {
            '→' => "->".to_owned(),
            '…' => "...".to_owned(),
            '±' => "+/-".to_owned(),
            '×' => "x".to_owned(),
            '–' | '—' => "-".to_owned(),
            other => other.to_string(),
        };
        Cow::Owned(text.chars().map(ascii).collect())
    }

    /// Colours a text where that may be; it says the same without.
    #[must_use]
    pub fn paint<'a>(&self, paint: Paint, text: &'a str) -> Cow<'a, str> {
        if !self.colour {
            return Cow::Borrowed(text);
        }
        let code = match paint {
            Paint::Good => 32,
            Paint::Bad => 31,
            Paint::Quiet => 2,
        };
        Cow::Owned(format!("\u{1b}[{code}m{text}\u{1b}[0m"))
    }

    /// Finds out what a stream can show.
    fn of(stream: &impl IsTerminal) -> Self {
        if !stream.is_terminal() {
            return Self::plain();
        }
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        Self {
            live: !dumb,
            colour: !dumb && set("NO_COLOR").is_none(),
            unicode: ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| set(name)).is_some_and(
                |locale| {
                    let locale = locale.to_string_lossy().to_lowercase();
                    locale.contains("utf-8") || locale.contains("utf8")
                },
            ),
            width: terminal_width().unwrap_or(PLAIN_WIDTH),
        }
    }
}

/// Asks the terminal for its width, through the crate that lays out tables.
fn terminal_width() -> Option<usize> {
    let mut table = comfy_table::Table::new();
    table.width().or_else(|| table.use_stderr().width()).map(usize::from)
}

/// Both streams, and the words that are spoken.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    /// What standard output can show.
    pub out: Look,
    /// What standard error can show.
    pub err: Look,
    /// What pipelines may name.
    pub registry: &'static Arc<Registry>,
}

impl Ui {
    /// Finds out what both streams can show.
    #[must_use]
    pub fn detect(registry: &'static Arc<Registry>) -> Self {
        Self { out: Look::of(&io::stdout()), err: Look::of(&io::stderr()), registry }
    }

    /// Writes data.
    pub fn data(&self, text: &str) -> io::Result<()> {
        write(io::stdout().lock(), text)
    }

    /// Writes what isn't data. There is nowhere to report that this fails.
    pub fn say(&self, text: &str) {
        drop(write(io::stderr().lock(), text));
    }
}

fn write(mut stream: impl Write, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_spelt_in_ascii_where_nothing_else_is_sure_to_be_shown() {
        assert_eq!(Look::plain().spell("a → b … 0.1 ± 2, é"), "a -> b ... 0.1 +/- 2, é");
        assert_eq!(Look::rich(80).spell("a → b"), "a → b");
    }

    #[test]
    fn nothing_is_coloured_where_colours_are_not_wanted() {
        assert_eq!(Look::plain().paint(Paint::Good, "done"), "done");
        assert_eq!(Look::rich(80).paint(Paint::Bad, "failed"), "\u{1b}[31mfailed\u{1b}[0m");
    }
}
