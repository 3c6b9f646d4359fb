//! Literals: what a written string, number, percentage, duration or size is worth.
//!
//! Knows no grammar rule: it takes the text of one literal and its place.

use super::ast::{Number, Text, Value};
use crate::diag::{Diagnostic, Diagnostics};
use crate::text::Span;

/// The units of a duration, in nanoseconds.
const DURATIONS: [(&str, i128); 6] = [
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

/// The units of a size, in bytes.
const SIZES: [(&str, i128); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Tells whether a word is a unit of durations or sizes.
pub(super) fn is_unit(word: &str) -> bool {
    DURATIONS.iter().chain(&SIZES).any(|(unit, _)| *unit == word)
}

/// Reads a number, with its unit if there is one.
pub(super) fn quantity(
    number: &str,
    unit: Option<&str>,
    span: Span,
    found: &mut Diagnostics,
) -> Value {
    let number = number.replace('_', "");
    let Some(unit) = unit else { return Value::Number(plain(&number, span, found)) };
    if number.contains(['e', 'E']) {
        let message = format!("a number with the unit `{unit}` has no exponent");
        found.push(Diagnostic::error("syntax-number", span, message));
        return Value::Null;
    }
    if unit == "%" {
        return Value::Percent(float(&format!("{number}e-2"), span, found));
    }
    let factor = |units: &[(&str, i128)]| {
        units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
    };
    let whole = if let Some(factor) = factor(&DURATIONS) {
        scaled(&number, factor)
            .and_then(|whole| i64::try_from(whole).map_err(|_| Misfit::Large))
            .map(Value::Duration)
            .map_err(|misfit| misfit.of("duration", "nanoseconds", "292 years", span))
    } else if let Some(factor) = factor(&SIZES) {
        scaled(&number, factor)
            .and_then(|whole| if whole < 0 { Err(Misfit::Negative) } else { Ok(whole) })
            .and_then(|whole| u64::try_from(whole).map_err(|_| Misfit::Large))
            .map(Value::Size)
            .map_err(|misfit| misfit.of("size", "bytes", "16 million TiB", span))
    } else {
        Err(unknown_unit(unit, span))
    };
    whole.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        Value::Null
    })
}

/// Reads a number without a unit.
pub(super) fn plain(number: &str, span: Span, found: &mut Diagnostics) -> Number {
    let number = number.replace('_', "");
    let whole = if number.contains(['.', 'e', 'E']) { None } else { number.parse().ok() };
    whole.map_or_else(|| Number::Float(float(&number, span, found)), Number::Int)
}

fn float(number: &str, span: Span, found: &mut Diagnostics) -> f64 {
    let value = number.parse().unwrap_or(f64::NAN);
    if !f64::is_finite(value) {
        let error = Diagnostic::error("syntax-overflow", span, "this number is too large")
            .label("beyond the range of 64-bit floats")
            .help("infinity is written `inf`");
        found.push(error);
    }
    value
}

fn unknown_unit(unit: &str, span: Span) -> Diagnostic {
    if unit.starts_with('_') {
        let message = "`_` in a number stands between two digits";
        return Diagnostic::error("syntax-number", span, message);
    }
    let base = Diagnostic::error("syntax-unit", span, format!("`{unit}` is no unit"));
    let decimal = match unit {
        "e" | "E" => return base.help("an exponent has digits: `1e-3`"),
        "KB" | "kB" | "K" | "k" | "kb" => Some("KiB"),
        "MB" | "mb" | "M" => Some("MiB"),
        "GB" | "gb" | "G" => Some("GiB"),
        "TB" | "tb" | "T" => Some("TiB"),
        "sec" | "secs" | "second" | "seconds" => Some("s"),
        "min" | "mins" | "minute" | "minutes" => Some("m"),
        "hr" | "hrs" | "hour" | "hours" => Some("h"),
        "day" | "days" => Some("d"),
        "week" | "weeks" => Some("w"),
        _ => None,
    };
    let base = match decimal {
        Some(unit) => base.help(format!("did you mean `{unit}`?")),
        None => base,
    };
    base.help("durations end in `ms` `s` `m` `h` `d` `w`, sizes in `B` `KiB` `MiB` `GiB` `TiB`")
}

/// Why a quantity is not a whole number of its smallest unit.
enum Misfit {
    Large,
    Fine,
    Negative,
}

impl Misfit {
    fn of(self, what: &str, smallest: &str, most: &str, span: Span) -> Diagnostic {
        let (code, message) = match self {
            Self::Large => ("syntax-overflow", format!("this {what} is too large")),
            Self::Fine => {
                ("syntax-number", format!("this {what} is no whole number of {smallest}"))
            }
            Self::Negative => ("syntax-number", format!("a {what} is not negative")),
        };
        let error = Diagnostic::error(code, span, message);
        if matches!(self, Self::Large) { error.label(format!("at most {most}")) } else { error }
    }
}

/// Multiplies a decimal number, exactly.
fn scaled(number: &str, factor: i128) -> Result<i128, Misfit> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits: i128 = format!("{whole}{fraction}")
        .parse()
        .map_err(|_| if fraction.len() > 18 { Misfit::Fine } else { Misfit::Large })?;
    let scale = u32::try_from(fraction.len()).ok().and_then(|power| 10_i128.checked_pow(power));
    let scale = scale.ok_or(Misfit::Fine)?;
    let product = digits.checked_mul(factor).ok_or(Misfit::Large)?;
    if product % scale == 0 { Ok(product / scale) } else { Err(Misfit::Fine) }
}

/// Reads a string with its quotes, raw or not; the span is that of the whole literal.
pub(super) fn text(literal: &str, span: Span, found: &mut Diagnostics) -> Text {
    let start = span.start as usize;
    let inner = |quotes: usize| {
        literal.get(quotes..literal.len().saturating_sub(quotes)).unwrap_or_default()
    };
    if literal.starts_with("\"\"\"") {
        return raw_text(inner(3), start + 3);
    }
    let content = inner(1);
    let mut reader =
        Reader { content, at: 0, base: start + 1, span, value: Growing::new(start + 1) };
    while reader.step(found) {}
    reader.value.text
}

/// A value as it grows, with its anchors.
struct Growing {
    text: Text,
}

impl Growing {
    fn new(source: usize) -> Self {
        let anchors = vec![(0, clip(source))];
        Self { text: Text { value: String::new(), anchors } }
    }

    /// Appends a piece that stands at a byte of the file.
    fn push(&mut self, piece: &str, source: usize) {
        let here = self.text.value.len();
        if self.text.source_offset(here) != source {
            self.text.anchors.pop_if(|(value, _)| *value as usize == here);
            self.text.anchors.push((clip(here), clip(source)));
        }
        self.text.value.push_str(piece);
    }
}

fn clip(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

struct Reader<'a> {
    content: &'a str,
    at: usize,
    base: usize,
    span: Span,
    value: Growing,
}

impl Reader<'_> {
    /// Reads up to the next escape and the escape; tells whether there is more.
    fn step(&mut self, found: &mut Diagnostics) -> bool {
        let rest = &self.content[self.at..];
        let plain = rest.find('\\').unwrap_or(rest.len());
        if plain > 0 {
            self.value.push(&rest[..plain], self.base + self.at);
        }
        let escape = &rest[plain..];
        let start = self.base + self.at + plain;
        let (character, length) = unescape(escape);
        if length > 0 {
            let span = Span::new(self.span.file, start, start + length);
            let written = escape.get(..length).unwrap_or_default();
            let character = character.unwrap_or_else(|| {
                found.push(unknown_escape(written, span));
                char::REPLACEMENT_CHARACTER
            });
            self.value.push(character.encode_utf8(&mut [0; 4]), start);
        }
        self.at += plain + length;
        if length > 0 {
            self.value.push("", self.base + self.at);
        }
        self.at < self.content.len()
    }
}

/// Gives the character that an escape at the start of a text means, and the escape's length.
fn unescape(text: &str) -> (Option<char>, usize) {
    let mut characters = text.chars();
    if characters.next().is_none() {
        return (None, 0);
    }
    match characters.next() {
        Some('n') => (Some('\n'), 2),
        Some('t') => (Some('\t'), 2),
        Some('"') => (Some('"'), 2),
        Some('\\') => (Some('\\'), 2),
        Some('u') => match text.find('}').filter(|_| text.starts_with("\\u{")) {
            Some(end) => (code_point(&text[3..end]), end + 1),
            None => (None, 2),
        },
        Some(other) => (None, 1 + other.len_utf8()),
        None => (None, 1),
    }
}

fn code_point(digits: &str) -> Option<char> {
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = u32::from_str_radix(digits, 16).ok().filter(|_| hexadecimal && digits.len() <= 6);
    code.and_then(char::from_u32)
}

fn unknown_escape(written: &str, span: Span) -> Diagnostic {
    if written.starts_with("\\u") {
        return Diagnostic::error("syntax-escape", span, "this names no character")
            .label("expected one to six hexadecimal digits of a Unicode character")
            .help("a character is written `\\u{1F600}`, with its code point in braces");
    }
    Diagnostic::error("syntax-escape", span, format!("`{written}` is no escape"))
        .label("expected one of `\\n` `\\t` `\\\"` `\\\\` `\\u{…}`")
        .help("a backslash is written `\\\\`; nothing is escaped inside `\"\"\"…\"\"\"`")
}

/// The lines of a raw string.
pub(super) struct RawLines<'a> {
    /// What stands on the line of the opening quotes, if that line counts.
    pub(super) head: Option<&'a str>,
    /// The lines below without the indentation that they share, each with its byte.
    pub(super) rest: Vec<(usize, &'a str)>,
    /// Whether the closing quotes stand on a line of their own.
    pub(super) own_close: bool,
    /// Whether any line below says anything.
    pub(super) says_anything: bool,
}

/// Takes what stands between the quotes of a raw string apart.
///
/// The first line break, a blank last line and the shared indentation go. What stands on the line
/// of the opening quotes has no indentation, so it takes no part in sharing one.
pub(super) fn raw_lines(content: &str) -> RawLines<'_> {
    let mut lines = split_lines(content);
    if lines.len() == 1 {
        let (rest, own_close, says_anything) = (Vec::new(), false, false);
        return RawLines { head: Some(content), rest, own_close, says_anything };
    }
    let own_close = lines.pop_if(|(_, line)| is_blank(line)).is_some();
    let head = if lines.is_empty() { None } else { Some(lines.remove(0).1) };
    let full = lines.iter().map(|(_, line)| *line).filter(|line| !is_blank(line));
    let shared = full.map(indentation).reduce(common);
    for (at, line) in &mut lines {
        let cut = common(shared.unwrap_or_default(), line).len();
        (*at, *line) = (*at + cut, &line[cut..]);
    }
    let head = head.filter(|line| !is_blank(line));
    RawLines { head, rest: lines, own_close, says_anything: shared.is_some() }
}

fn split_lines(content: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut at = 0;
    for line in content.split('\n') {
        let last = at + line.len() == content.len();
        let bare = if last { line } else { line.strip_suffix('\r').unwrap_or(line) };
        lines.push((at, bare));
        at += line.len() + 1;
    }
    lines
}

/// Tells whether a line holds blanks and tabs alone.
fn is_blank(line: &str) -> bool {
    indentation(line).len() == line.len()
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Gives what two lines of blanks start with alike.
fn common<'a>(left: &'a str, right: &str) -> &'a str {
    let alike = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    left.get(..alike).unwrap_or_default()
}

fn raw_text(content: &str, base: usize) -> Text {
    let lines = raw_lines(content);
    let first = match (lines.head, lines.rest.first()) {
        (None, Some((at, _))) => *at,
        _ => 0,
    };
    let mut value = Growing::new(base + first);
    if let Some(head) = lines.head {
        value.push(head, base);
    }
    for (index, (at, line)) in lines.rest.iter().enumerate() {
        if index > 0 || lines.head.is_some() {
            let end = value.text.source_offset(value.text.value.len());
            let carriage = content[end - base..].starts_with('\r');
            value.push("\n", end + usize::from(carriage));
        }
        value.push(line, base + at);
    }
    value.text
}
