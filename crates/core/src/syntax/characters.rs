//! Characters that may stand nowhere in a file: those that show nothing, or show another text
//! than the one that is read.

use crate::diag::{Diagnostic, Diagnostics};
use crate::text::{SourceFile, Span};

/// How many of them are reported.
const MOST: usize = 100;

/// Tells whether the character at a byte is refused, wherever it stands.
pub(super) fn is_refused_at(text: &str, at: usize) -> bool {
    let character = text.get(at..).and_then(|rest| rest.chars().next());
    character.is_some_and(is_refused) || is_lone(text, at)
}

const fn is_refused(character: char) -> bool {
    matches!(character, '\0' | '\u{061C}' | '\u{200E}' | '\u{200F}')
        || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Reports the refused characters of a file, one finding a run of them.
pub(super) fn check(file: &SourceFile, found: &mut Diagnostics) {
    let text = &*file.text;
    let mut last = None;
    let refused = text.char_indices().filter(|(at, _)| is_refused_at(text, *at));
    let runs = refused.filter(|(at, character)| {
        let before = last.replace(at + character.len_utf8());
        before != Some(*at)
    });
    for (at, character) in runs.take(MOST) {
        let span = Span::new(file.id, at, at + character.len_utf8());
        let message = format!("the character {} may not stand here", name(character));
        let error = Diagnostic::error("syntax-character", span, message);
        found.push(match character {
            '\0' => error.help("save the file as UTF-8 text"),
            '\r' => error.help("end lines with a line feed, or with both"),
            _ => error
                .label("it changes the order in which the text is shown")
                .help(format!("inside a string it is written `\\u{{{:04X}}}`", character as u32)),
        });
    }
}

/// Tells whether a carriage return stands without its line feed.
fn is_lone(text: &str, at: usize) -> bool {
    let rest = text.get(at..).and_then(|rest| rest.strip_prefix('\r'));
    rest.is_some_and(|rest| !rest.starts_with('\n'))
}

/// Names a character by its code point, and by its common name where it has one.
pub(super) fn name(character: char) -> String {
    let common = match character {
        '\0' => "NUL",
        '\r' => "carriage return",
        '\u{A0}' => "no-break space",
        '\u{AD}' => "soft hyphen",
        '\u{200B}' => "zero-width space",
        '\u{200C}' => "zero-width non-joiner",
        '\u{200D}' => "zero-width joiner",
        '\u{202E}' => "right-to-left override",
        '\u{202D}' => "left-to-right override",
        '\u{3000}' => "ideographic space",
        '\u{FEFF}' => "byte order mark",
        _ if is_refused(character) => "bidirectional control",
        _ if character.is_control() => "control character",
        _ if character.is_whitespace() => "a kind of blank",
        _ => return format!("U+{:04X}", character as u32),
    };
    format!("U+{:04X} ({common})", character as u32)
}
