//! The one writer of markup: what isn't our own is escaped.
//!
//! Markup and the names of elements and attributes must be written in this program (`&'static str`), so
//! that nothing a user wrote can become any.

use std::fmt::{self, Display, Write};

/// Attributes of an element.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// Markup, as far as it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Starts with nothing.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Writes markup as it is.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Writes text.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // A string takes all that is written to it.
        let _ = write!(Escaping(&mut self.0), "{text}");
        self
    }

    /// Opens an element.
    pub(super) fn open(&mut self, name: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.text(value);
            self.0.push('"');
        }
        self.0.push('>');
        self
    }

    /// Closes an element.
    pub(super) fn close(&mut self, name: &'static str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    /// Writes an element that holds text.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        text: impl Display,
    ) -> &mut Self {
        self.open(name, attributes).text(text).close(name)
    }

    /// Writes an element that holds what a function writes.
    pub(super) fn within(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.open(name, attributes);
        inside(self);
        self.close(name)
    }

    /// Writes markup that was written elsewhere.
    pub(super) fn add(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// Tells whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives the markup.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Escapes what is written through it.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(letter),
                // Control characters have no place in a page, and marks of direction could make it
                // read otherwise than it is.
                letter if letter.is_control() || turns(letter) => self.0.push('\u{FFFD}'),
                letter => self.0.push(letter),
            }
        }
        Ok(())
    }
}

/// Tells whether a character changes the direction of those around it.
const fn turns(letter: char) -> bool {
    matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// A coordinate of a drawing: at most two places after the point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_finite() {
            return f.write_str("0");
        }
        let hundredths = (self.0 * 100.0).round();
        // A minus in front of nothing would be another text for the same place.
        let value = if hundredths == 0.0 { 0.0 } else { hundredths / 100.0 };
        write!(f, "{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_user_writes_becomes_markup() {
        let mut html = Html::new();
        html.element("p", &[("title", &"a\" onclick='x'")], "<script>&\u{0}\u{202E}x</script>\n");
        assert_eq!(
            html.finish(),
            "<p title=\"a&quot; onclick=&#39;x&#39;\">&lt;script&gt;&amp;\u{FFFD}\u{FFFD}x\
             &lt;/script&gt;\n</p>"
        );
    }

    #[test]
    fn coordinates_are_short() {
        let shown = [1.0, 0.125, -0.001, 99.999, f64::NAN, 1e9].map(|value| Px(value).to_string());
        assert_eq!(shown, ["1", "0.13", "0", "100", "0", "1000000000"]);
    }
}
