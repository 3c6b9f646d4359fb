//! Cuts JSON text into objects, and one object into its keys and values.
//!
//! Only the outermost level is taken apart, as places in the text; what is nested stays text. The
//! grammar is that of RFC 8259, nothing looser. Knows no type, no file.

use std::borrow::Cow;

/// How deep values may nest.
const MAX_DEPTH: usize = 100;

/// A value of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number as it is written.
    Number(&'a str),
    /// A string's value.
    Text(Cow<'a, str>),
    /// An object or array as it is written.
    Nested(&'a str),
}

/// What is wrong, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: String,
}

type Parsed<T> = Result<T, Fault>;

/// Reads the one object that a text is.
pub(super) fn object(text: &str) -> Parsed<Vec<(Cow<'_, str>, Value<'_>)>> {
    let mut reader = Reader { text, at: 0 };
    let fields = reader.object()?;
    reader.blanks();
    match reader.peek() {
        None => Ok(fields),
        Some(_) => Err(reader.expected("the end of the line")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn fault(&self, problem: impl Into<String>) -> Fault {
        Fault { at: self.at, problem: problem.into() }
    }

    fn expected(&self, what: &str) -> Fault {
        let found = self.text.get(self.at..).unwrap_or_default();
        match found.chars().next() {
            Some(_) => {
                let none =
                    ["NaN", "Infinity", "-Infinity"].iter().any(|own| found.starts_with(own));
                let found = super::super::shorten(found.lines().next().unwrap_or_default());
                let help = if none { "; JSON has no such number: write `null`" } else { "" };
                self.fault(format!("expected {what}, found `{found}`{help}"))
            }
            None => self.fault(format!("expected {what}, found the end")),
        }
    }

    fn eat(&mut self, byte: u8, what: &str) -> Parsed<()> {
        self.blanks();
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.expected(what))
    }

    fn object(&mut self) -> Parsed<Vec<(Cow<'a, str>, Value<'a>)>> {
        self.eat(b'{', "an object")?;
        let mut fields = Vec::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(fields);
        }
        loop {
            self.blanks();
            let key = self.string("a key in quotes")?;
            self.eat(b':', "`:` behind the key")?;
            self.blanks();
            let value = self.value()?;
            fields.push((key, value));
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(fields);
                }
                _ => return Err(self.expected("`,` or `}`")),
            }
        }
    }

    fn value(&mut self) -> Parsed<Value<'a>> {
        match self.peek() {
            Some(b'"') => self.string("a value").map(Value::Text),
            Some(b'{' | b'[') => {
                let start = self.at;
                self.nested()?;
                Ok(Value::Nested(&self.text[start..self.at]))
            }
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Parsed<Value<'a>> {
        let words =
            [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.expected("a value"))
    }

    fn string(&mut self, what: &str) -> Parsed<Cow<'a, str>> {
        if self.peek() != Some(b'"') {
            return Err(self.expected(what));
        }
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += 1;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                }
                Some(0..0x20) => {
                    return Err(self.fault("a line end or control character in a string"));
                }
                Some(_) => {}
                None => {
                    self.at = start;
                    return Err(self.fault("the string that begins here is never closed"));
                }
            }
        }
        self.at += 1;
        if !escaped {
            return Ok(Cow::Borrowed(&self.text[start + 1..self.at - 1]));
        }
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str::<String>(quoted).map(Cow::Owned).map_err(|_| Fault {
            at: start,
            problem: "the string that begins here has an unknown escape".to_owned(),
        })
    }

    fn number(&mut self) -> Parsed<&'a str> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let end = rest
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let number = &self.text[start..start + end.unwrap_or(rest.len())];
        if !is_number(number.as_bytes()) {
            return Err(self.fault(format!("`{}` is no number", super::super::shorten(number))));
        }
        self.at += number.len();
        Ok(number)
    }

    /// Passes over an object or array, which is checked but not kept.
    fn nested(&mut self) -> Parsed<()> {
        // The closing brackets awaited; a key is due where a comma or the opening stood last.
        let mut open = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(byte @ (b'{' | b'[')) => {
                    if open.len() == MAX_DEPTH {
                        return Err(self.fault(format!("values nest deeper than {MAX_DEPTH}")));
                    }
                    self.at += 1;
                    open.push(if byte == b'{' { b'}' } else { b']' });
                    self.blanks();
                    if self.peek() != open.last().copied() {
                        self.key(&open)?;
                        continue;
                    }
                }
                Some(b'}' | b']') => return Err(self.expected("a value")),
                _ => {
                    self.value()?;
                }
            }
            if !self.close(&mut open)? {
                return Ok(());
            }
        }
    }

    /// Passes over the brackets that close here, and the comma behind; tells whether any is open.
    fn close(&mut self, open: &mut Vec<u8>) -> Parsed<bool> {
        loop {
            self.blanks();
            let Some(awaited) = open.last().copied() else { return Ok(false) };
            match self.peek() {
                Some(byte) if byte == awaited => {
                    self.at += 1;
                    open.pop();
                    if open.is_empty() {
                        return Ok(false);
                    }
                }
                Some(b',') => {
                    self.at += 1;
                    self.key(open)?;
                    return Ok(true);
                }
                _ => return Err(self.expected(&format!("`,` or `{}`", char::from(awaited)))),
            }
        }
    }

    /// Passes over a key and its colon where the innermost bracket is an object's.
    fn key(&mut self, open: &[u8]) -> Parsed<()> {
        if open.last() == Some(&b'}') {
            self.blanks();
            self.string("a key in quotes")?;
            self.eat(b':', "`:` behind the key")?;
        }
        Ok(())
    }
}

/// Tells a number of JSON: no plus, no leading zeros, digits on both sides of the point.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(behind) = rest.strip_prefix(b".") {
        let places = digits(behind);
        if places == 0 {
            return false;
        }
        rest = &behind[places..];
    }
    let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) else {
        return rest.is_empty();
    };
    let exponent = match exponent {
        [b'+' | b'-', exponent @ ..] => exponent,
        _ => exponent,
    };
    !exponent.is_empty() && digits(exponent) == exponent.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn objects_and_faults() {
        let cases: &[(&str, &str)] = &[
            ("{}", "[]"),
            (
                r#"{"a": 1, "b": "x\n\u00e9", "c": null}"#,
                r#"[("a", Number("1")), ("b", Text("x\né")), ("c", Null)]"#,
            ),
            (
                r#"{"a": {"b": [1, {"c": []}], "d": {}}, "e": true}"#,
                r#"[("a", Nested("{\"b\": [1, {\"c\": []}], \"d\": {}}")), ("e", Bool(true))]"#,
            ),
            ("{\"a\": 1", "7: expected `,` or `}`, found the end"),
            ("{\"a\": 01}", "6: `01` is no number"),
            ("{\"a\": 1.}", "6: `1.` is no number"),
            (
                "{\"a\": NaN}",
                "6: expected a value, found `NaN}`; JSON has no such number: write `null`",
            ),
            ("{a: 1}", "1: expected a key in quotes, found `a: 1}`"),
            ("{\"a\": \"x}", "6: the string that begins here is never closed"),
            ("{\"a\": \"\\x\"}", "6: the string that begins here has an unknown escape"),
            ("{\"a\": [1, }", "10: expected a value, found `}`"),
            ("{\"a\": [1 2]}", "9: expected `,` or `]`, found `2]}`"),
            ("{\"a\": {\"b\": 1]}", "13: expected `,` or `}`, found `]}`"),
            ("{\"a\": {1: 1}}", "7: expected a key in quotes, found `1: 1}}`"),
            ("{\"a\": 1} x", "9: expected the end of the line, found `x`"),
            ("[1]", "0: expected an object, found `[1]`"),
            ("{\"a\": 1,}", "8: expected a key in quotes, found `}`"),
        ];
        for (text, expected) in cases {
            let found = match object(text) {
                Ok(fields) => {
                    let fields: Vec<String> =
                        fields.iter().map(|field| format!("{field:?}")).collect();
                    format!("[{}]", fields.join(", "))
                }
                Err(fault) => format!("{}: {}", fault.at, fault.problem),
            };
            assert_eq!(found, *expected, "{text}");
        }
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(object(&deep).unwrap_err().problem, "values nest deeper than 100");
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<f64>().prop_map(serde_json::Value::from),
            ".{0,8}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                proptest::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_writes_is_read(map in proptest::collection::btree_map(".{0,6}", json(), 0..5), pretty: bool) {
            let value: serde_json::Value = map.clone().into_iter().collect();
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            let fields = object(&text).unwrap();
            prop_assert_eq!(fields.len(), map.len());
            for ((key, value), (wanted, expected)) in fields.iter().zip(&map) {
                prop_assert_eq!(key.as_ref(), wanted.as_str());
                let found = match value {
                    Value::Null => serde_json::Value::Null,
                    Value::Bool(flag) => serde_json::Value::from(*flag),
                    Value::Text(text) => serde_json::Value::from(text.as_ref()),
                    Value::Number(text) | Value::Nested(text) => serde_json::from_str(text).unwrap(),
                };
                prop_assert_eq!(&found, expected);
            }
        }

        #[test]
        fn a_text_is_an_object_if_serde_says_so(text in "[{}\\[\\]\":,a1.e\\\\ -]{0,24}") {
            let text = format!("{{{text}");
            let expected = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
            let beyond = matches!(&expected, Err(error) if error.to_string().contains("out of range"));
            prop_assert!(beyond || object(&text).is_ok() == expected.is_ok(), "{}", text);
        }
    }
}
