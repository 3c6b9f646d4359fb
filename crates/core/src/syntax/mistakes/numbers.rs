//! Mistakes in numbers, their units and ranges.

use super::{Site, is_number, is_unit, shortened};
use crate::diag::Diagnostic;
use crate::syntax::grammar::Rule;
use crate::syntax::scan::lexeme;

pub(super) fn spaced_unit(site: &Site<'_>) -> Option<Diagnostic> {
    let number = site.before.filter(|before| is_number(before.of(site.text)))?;
    if !site.same_line || !is_unit(site.found_text()) || !site.expects(Rule::sep) {
        return None;
    }
    let span = site.span(number.start, site.at + site.found_text().len());
    let (number, unit) = (shortened(number.of(site.text)), site.found_text());
    Some(
        Diagnostic::error("syntax-unit", span, "a unit follows its number without a blank")
            .help(format!("write `{number}{unit}`")),
    )
}

/// A point with no digit on one of its sides, or a second point.
pub(super) fn points(site: &Site<'_>) -> Option<Diagnostic> {
    let rest = site.rest().strip_prefix('.')?;
    let digits = lexeme(rest, 0).map_or("", |next| next.of(rest));
    let number = site.before.filter(|before| is_number(before.of(site.text)) && site.adjacent());
    let error = |start: usize, end: usize, message: &str| {
        Diagnostic::error("syntax-number", site.span(start, end), message)
    };
    match number {
        Some(number) if site.text[..number.start].ends_with('.') => {
            let start =
                site.text[..number.start - 1].trim_end_matches(|c: char| c.is_ascii_digit());
            Some(error(start.len(), site.at + 1 + digits.len(), "a number has one point"))
        }
        Some(number) if !rest.starts_with('.') => {
            let written = shortened(number.of(site.text));
            Some(
                error(number.start, site.at + 1, "a point has a digit on both sides")
                    .help(format!("write `{written}.0`")),
            )
        }
        None if is_number(digits) && site.before_text() != "." => Some(
            error(site.at, site.at + 1 + digits.len(), "a point has a digit on both sides")
                .help(format!("write `0.{}`", shortened(digits))),
        ),
        _ => None,
    }
}

pub(super) fn ranges(site: &Site<'_>) -> Option<Diagnostic> {
    let dotted = site.text[..site.at].ends_with("..");
    let sign = site.character().filter(|sign| dotted && matches!(sign, '.' | '=' | '<'))?;
    let span = site.span(site.at - 2, site.at + 1);
    Some(
        Diagnostic::error("syntax-range", span, format!("`..{sign}` is no range"))
            .help("a range is written `a .. b`; both ends belong to it"),
    )
}

pub(super) fn signs(site: &Site<'_>) -> Option<Diagnostic> {
    let sign = site.character().filter(|sign| matches!(sign, '+' | '-'))?;
    if !site.expects_value() {
        return None;
    }
    let rest = site.rest()[1..].trim_start_matches([' ', '\t']);
    let (point, digits) = rest.strip_prefix('.').map_or(("", rest), |digits| ("0.", digits));
    let number = lexeme(digits, 0).map_or("", |next| next.of(digits));
    let error = site.error("syntax-number", format!("`{sign}` starts no number here"));
    let right = if sign == '+' { "" } else { "-" };
    Some(match number {
        number if is_number(number) => {
            error.help(format!("write `{right}{point}{}`", shortened(number)))
        }
        _ => error.help("a minus stands directly before the digits of a number"),
    })
}

/// A date or a time of day without quotes.
pub(super) fn dates(site: &Site<'_>) -> Option<Diagnostic> {
    let number = site.before.filter(|before| is_number(before.of(site.text)) && site.adjacent())?;
    let rest = site.rest().strip_prefix(['-', ':'])?;
    if !is_number(rest) || !site.expects(Rule::sep) {
        return None;
    }
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.');
    let end = site.text.len() - rest.trim_start_matches(part).len();
    let written = shortened(&site.text[number.start..end]);
    Some(
        Diagnostic::error("syntax-number", site.span(number.start, end), "this is no number")
            .help(format!("a date or time is written as a string: `\"{written}\"`")),
    )
}
