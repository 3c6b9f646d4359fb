//! Cuts text into records and fields.
//!
//! Fields are places in the text, nothing is copied. Bytes that matter (delimiter, line end, quote)
//! are found eight at a time by arithmetic on a 64-bit word, see [`Marks`]. Knows no type, no file.
//!
//! A field is quoted if its first byte is the quote; a quote elsewhere is text. In a quoted field a
//! doubled quote is one quote. Lines end at LF, CRLF or CR. An empty line is no record, unless
//! records have one field: there it is a record with an empty field.

use std::borrow::Cow;

use memchr::{memchr, memrchr};

/// The marks by which text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    /// What parts fields.
    pub(super) delimiter: u8,
    /// What encloses a field, if anything does.
    pub(super) quote: Option<u8>,
    /// What a line begins with that is no record.
    pub(super) comment: Option<u8>,
}

/// The place of one field in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    start: u32,
    /// The end, with [`QUOTED`] and [`DOUBLED`] in its highest bits.
    end: u32,
}

const QUOTED: u32 = 1 << 31;
const DOUBLED: u32 = 1 << 30;

/// The longest text that can be cut at once: places have 30 bits.
pub(super) const MAX_TEXT: usize = (DOUBLED - 1) as usize;

impl Field {
    fn new(start: usize, end: usize, flags: u32) -> Self {
        let clip = |place: usize| u32::try_from(place).unwrap_or(u32::MAX) & (DOUBLED - 1);
        Self { start: clip(start), end: clip(end) | flags }
    }

    /// Gives the first byte, behind the quote.
    pub(super) const fn start(self) -> usize {
        self.start as usize
    }

    /// Gives the byte after the last, before the quote.
    pub(super) const fn end(self) -> usize {
        (self.end & (DOUBLED - 1)) as usize
    }

    /// Tells whether the field was quoted.
    pub(super) const fn is_quoted(self) -> bool {
        self.end & QUOTED != 0
    }

    /// Tells whether the field holds doubled quotes.
    pub(super) const fn is_doubled(self) -> bool {
        self.end & DOUBLED != 0
    }

    /// Gives the text as it stands.
    pub(super) fn raw(self, text: &str) -> &str {
        text.get(self.start()..self.end()).unwrap_or_default()
    }

    /// Gives the value: doubled quotes are one.
    pub(super) fn value(self, text: &str, quote: Option<u8>) -> Cow<'_, str> {
        let raw = self.raw(text);
        match quote {
            Some(quote) if self.is_doubled() => {
                let (one, two) = (char::from(quote), [char::from(quote); 2]);
                let two: String = two.iter().collect();
                Cow::Owned(raw.replace(&two, &one.to_string()))
            }
            _ => Cow::Borrowed(raw),
        }
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has another number of fields.
    Width(usize),
    /// Text follows the closing quote of a field, counted from one.
    AfterQuote(usize),
    /// A quoted field is never closed; the quote stands at this byte.
    OpenQuote(usize),
}

/// A record that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadRecord {
    /// Its first byte.
    pub(super) start: usize,
    /// The byte after its last, without the line end.
    pub(super) end: usize,
    /// What is wrong.
    pub(super) fault: Fault,
}

/// The records of a text: all have the same number of fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    /// The fields, record after record.
    pub(super) fields: Vec<Field>,
    /// The first byte and the end of each record.
    pub(super) spans: Vec<(u32, u32)>,
    /// The records that can't be used.
    pub(super) bad: Vec<BadRecord>,
}

/// Cuts a text into records of `width` fields, or of as many as the first has if that is 0.
///
/// Stops behind the first record if `only_first`; gives the byte behind the last record.
pub(super) fn cut(text: &[u8], syntax: Syntax, width: usize, only_first: bool) -> (Records, usize) {
    let mut cutter = Cutter::new(text, syntax, width);
    while let Some(at) = cutter.marks.next() {
        cutter.meet(at);
        if only_first && (!cutter.records.spans.is_empty() || !cutter.records.bad.is_empty()) {
            let next = cutter.start;
            return (cutter.records, next);
        }
    }
    cutter.finish();
    (cutter.records, text.len())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// A record, outside quotes.
    Plain,
    /// A quoted field.
    Quotes,
    /// A line that is no record.
    Comment,
}

struct Cutter<'a> {
    text: &'a [u8],
    syntax: Syntax,
    marks: Marks<'a>,
    records: Records,
    width: usize,
    inside: Inside,
    /// The first byte of the record.
    start: usize,
    /// How many fields stood before the record.
    before: usize,
    /// The first byte of the field, its quote included.
    field: usize,
    /// Flags of the field, and the place of its closing quote once that was met.
    flags: u32,
    closed: Option<usize>,
    /// The field that has text behind its closing quote.
    after_quote: Option<usize>,
}

impl<'a> Cutter<'a> {
    fn new(text: &'a [u8], syntax: Syntax, width: usize) -> Self {
        let mut cutter = Self {
            text,
            syntax,
            marks: Marks::new(text, syntax),
            records: Records::default(),
            width,
            inside: Inside::Plain,
            start: 0,
            before: 0,
            field: 0,
            flags: 0,
            closed: None,
            after_quote: None,
        };
        cutter.records.fields.reserve(text.len() / 8);
        cutter.begin(0);
        cutter
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    /// Begins a record.
    fn begin(&mut self, at: usize) {
        let comment = self.syntax.comment.is_some() && self.byte(at) == self.syntax.comment;
        self.inside = if comment { Inside::Comment } else { Inside::Plain };
        self.start = at;
        self.before = self.records.fields.len();
        self.field = at;
    }

    #[inline]
    fn meet(&mut self, at: usize) {
        let byte = self.text[at];
        match self.inside {
            Inside::Plain if byte == self.syntax.delimiter => {
                self.push(at);
                self.field = at + 1;
            }
            Inside::Plain if byte == b'\n' || byte == b'\r' => self.end_record(at, byte),
            Inside::Plain => {
                if at == self.field {
                    self.inside = Inside::Quotes;
                    self.flags = QUOTED;
                }
            }
            Inside::Quotes => {
                if Some(byte) == self.syntax.quote {
                    self.close(at);
                }
            }
            Inside::Comment => {
                if byte == b'\n' || (byte == b'\r' && self.byte(at + 1) != Some(b'\n')) {
                    self.begin(at + 1);
                }
            }
        }
    }

    /// Meets a quote inside a quoted field: a doubled one, or the closing one.
    fn close(&mut self, at: usize) {
        if self.byte(at + 1) == self.syntax.quote {
            self.flags |= DOUBLED;
            self.marks.next();
        } else {
            self.closed = Some(at);
            self.inside = Inside::Plain;
        }
    }

    #[inline]
    fn push(&mut self, at: usize) {
        if self.flags == 0 {
            self.records.fields.push(Field::new(self.field, at, 0));
            return;
        }
        let end = self.closed.unwrap_or(at);
        if end + 1 != at {
            let field = self.records.fields.len() - self.before + 1;
            self.after_quote.get_or_insert(field);
        }
        self.records.fields.push(Field::new(self.field + 1, end, self.flags));
        self.flags = 0;
        self.closed = None;
    }

    fn end_record(&mut self, at: usize, byte: u8) {
        let next = if byte == b'\r' && self.byte(at + 1) == Some(b'\n') {
            self.marks.next();
            at + 2
        } else {
            at + 1
        };
        self.take_record(at);
        self.begin(next);
    }

    fn take_record(&mut self, at: usize) {
        if at == self.start && self.width != 1 {
            return;
        }
        self.push(at);
        let found = self.records.fields.len() - self.before;
        if self.width == 0 {
            self.width = found;
        }
        let fault = match self.after_quote.take() {
            Some(field) => Some(Fault::AfterQuote(field)),
            None if found != self.width => Some(Fault::Width(found)),
            None => None,
        };
        match fault {
            Some(fault) => self.spoil(at, fault),
            None => {
                let place = Field::new(self.start, at, 0);
                self.records.spans.push((place.start, place.end));
            }
        }
    }

    fn spoil(&mut self, end: usize, fault: Fault) {
        self.records.fields.truncate(self.before);
        self.records.bad.push(BadRecord { start: self.start, end, fault });
    }

    /// Takes what stands behind the last line end.
    fn finish(&mut self) {
        let end = self.text.len();
        match self.inside {
            Inside::Quotes => self.spoil(end, Fault::OpenQuote(self.field)),
            Inside::Plain if self.start < end => self.take_record(end),
            Inside::Plain | Inside::Comment => {}
        }
    }
}

const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const ONES: u64 = 0x0101_0101_0101_0101;

/// The places of the bytes that matter, in order.
///
/// In a word of eight bytes, `x ^ pattern` has a zero byte where the byte is the one sought, and
/// `!(((v & 0x7f…) + 0x7f…) | v | 0x7f…)` has the highest bit set in exactly the zero bytes of `v`
/// (Warren, Hacker's Delight, 6-1). One multiplication gathers these bits into eight neighbours.
struct Marks<'a> {
    text: &'a [u8],
    base: usize,
    mask: u64,
    patterns: [u64; 4],
}

impl<'a> Marks<'a> {
    fn new(text: &'a [u8], syntax: Syntax) -> Self {
        let bytes = [syntax.delimiter, b'\n', b'\r', syntax.quote.unwrap_or(b'\n')];
        let patterns = bytes.map(|byte| u64::from(byte) * ONES);
        let mut marks = Self { text, base: 0, mask: 0, patterns };
        marks.mask = marks.load();
        marks
    }

    #[inline]
    fn load(&self) -> u64 {
        let rest = self.text.get(self.base..).unwrap_or_default();
        match rest.first_chunk::<64>() {
            Some(block) => self.find(block),
            None => {
                let mut block = [0; 64];
                block[..rest.len()].copy_from_slice(rest);
                let mask = self.find(&block);
                mask & (1_u64 << rest.len()).wrapping_sub(1)
            }
        }
    }

    #[inline]
    fn find(&self, block: &[u8; 64]) -> u64 {
        let (words, _) = block.as_chunks::<8>();
        words.iter().rev().fold(0, |mask, word| {
            let word = u64::from_le_bytes(*word);
            let hits = self.patterns.iter().fold(0, |hits, pattern| {
                let v = word ^ pattern;
                hits | !(((v & LOW) + LOW) | v | LOW)
            });
            mask << 8 | (hits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
        })
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            self.base += 64;
            if self.base >= self.text.len() {
                return None;
            }
            self.mask = self.load();
        }
        let at = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(at)
    }
}

/// Gives the byte behind the last record that surely ends in this text, which begins a record.
///
/// The end of a text that goes on elsewhere may lie inside quotes, so quotes are followed from the
/// start; where there are none, that is one search from the end.
pub(super) fn last_record_end(text: &[u8], syntax: Syntax) -> Option<usize> {
    let Some(quote) = syntax.quote else { return last_line_end(text) };
    let (mut from, mut last) = (0, None);
    loop {
        let rest = text.get(from..).unwrap_or_default();
        let Some(at) = memchr(quote, rest).map(|at| from + at) else {
            return last_line_end(rest).map(|end| from + end).or(last);
        };
        if let Some(end) = last_line_end(&text[from..at]) {
            last = Some(from + end);
        }
        if is_comment(text, from, at, syntax) {
            let Some(end) = memchr(b'\n', &text[at..]) else { return last };
            from = at + end + 1;
            last = Some(from);
        } else if opens(text, at, syntax) {
            match closing(text, at + 1, quote) {
                Some(end) => from = end + 1,
                None => return last,
            }
        } else {
            from = at + 1;
        }
    }
}

fn last_line_end(text: &[u8]) -> Option<usize> {
    memrchr(b'\n', text).map(|at| at + 1)
}

/// Tells whether the line of a quote outside quoted fields is a comment.
fn is_comment(text: &[u8], from: usize, at: usize, syntax: Syntax) -> bool {
    let Some(comment) = syntax.comment else { return false };
    let line = last_line_end(&text[from..at]).map(|end| from + end);
    // Without a line end since the last quoted field, the quote stands in the same record as it.
    line.or((from == 0).then_some(0)).is_some_and(|start| text[start] == comment)
}

/// Tells whether a quote stands at the beginning of a field.
fn opens(text: &[u8], at: usize, syntax: Syntax) -> bool {
    match at.checked_sub(1).map(|before| text[before]) {
        Some(byte) => byte == syntax.delimiter || byte == b'\n' || byte == b'\r',
        None => true,
    }
}

fn closing(text: &[u8], mut from: usize, quote: u8) -> Option<usize> {
    loop {
        let at = from + memchr(quote, text.get(from..)?)?;
        if text.get(at + 1) != Some(&quote) {
            return Some(at);
        }
        from = at + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CSV: Syntax = Syntax { delimiter: b',', quote: Some(b'"'), comment: None };

    fn shown(text: &str, syntax: Syntax, width: usize) -> String {
        let (records, _) = cut(text.as_bytes(), syntax, width, false);
        let width =
            if width == 0 { records.fields.len() / records.spans.len().max(1) } else { width };
        let rows = records.fields.chunks(width.max(1)).map(|row| {
            let fields = row.iter().map(|field| {
                let mark = if field.is_quoted() { "'" } else { "" };
                let value = field.value(text, syntax.quote).replace('\n', "\\n");
                format!("{mark}{value}{mark}")
            });
            fields.collect::<Vec<_>>().join("|")
        });
        let bad = records.bad.iter().map(|bad| format!("{:?}", bad.fault));
        rows.chain(bad).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn texts_and_their_fields() {
        let cases: &[(&str, usize, &str)] = &[
            ("a,b\n1,2\n", 0, "a|b 1|2"),
            ("a,b\r\n1,2", 0, "a|b 1|2"),
            ("a,b\r1,2\r", 0, "a|b 1|2"),
            ("a,,\n,,", 0, "a|| ||"),
            ("\n\na,b\n\n1,2\n\n", 0, "a|b 1|2"),
            ("a\n\nb\n", 1, "a  b"),
            ("\"a,b\",c\n", 0, "'a,b'|c"),
            ("\"a\"\"b\",\"\"\n", 0, "'a\"b'|''"),
            ("\"a\nb\",c\r\nd,e\n", 0, "'a\\nb'|c d|e"),
            ("5\" pipe,b\"\"c\n", 0, "5\" pipe|b\"\"c"),
            ("a,b\n1\n2,3,4\n5,6\n", 2, "a|b 5|6 Width(1) Width(3)"),
            ("\"a\"b,c\nd,e\n", 2, "d|e AfterQuote(1)"),
            ("a,\"b\nc,d", 2, "OpenQuote(2)"),
            ("a,\"", 2, "OpenQuote(2)"),
            ("a,\"\"", 2, "a|''"),
            ("\"\"\"\"", 1, "'\"'"),
        ];
        for (text, width, expected) in cases {
            assert_eq!(shown(text, CSV, *width), *expected, "{text:?}");
        }
    }

    #[test]
    fn comments_and_no_quotes() {
        let commented = Syntax { comment: Some(b'#'), ..CSV };
        assert_eq!(shown("# \"x,\na,b\n#,\r\n1,#2\n", commented, 0), "a|b 1|#2");
        let bare = Syntax { quote: None, ..CSV };
        assert_eq!(shown("\"a,b\"\n", bare, 0), "\"a|b\"");
    }

    #[test]
    fn the_last_record_end_is_outside_quotes() {
        let cases: &[(&str, Option<usize>)] = &[
            ("a,b\nc", Some(4)),
            ("a,b", None),
            ("a,\"b\nc", None),
            ("a\nb,\"c\nd", Some(2)),
            ("a,\"b\n\"\nc", Some(7)),
            ("a,\"b\"\"\n\"\nc", Some(9)),
            ("a\"b,c\nd", Some(6)),
        ];
        for (text, expected) in cases {
            assert_eq!(last_record_end(text.as_bytes(), CSV), *expected, "{text:?}");
        }
        let commented = Syntax { comment: Some(b'#'), ..CSV };
        assert_eq!(last_record_end(b"#,\"\na,b\nc", commented), Some(8));
        assert_eq!(last_record_end(b"#,\"\n\"a\n\"", commented), Some(4));
    }

    /// Cuts a text byte by byte, the obvious way.
    fn plainly(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), Vec::new());
        let (mut quoted, mut open, mut at) = (false, false, 0);
        while at < text.len() {
            let byte = text[at];
            let starts = field.is_empty() && !quoted;
            match byte {
                b'"' if open && text.get(at + 1) == Some(&b'"') => {
                    field.push(byte);
                    at += 1;
                }
                b'"' if open => open = false,
                b'"' if starts => (quoted, open) = (true, true),
                b',' if !open => {
                    row.push(std::mem::take(&mut field));
                    quoted = false;
                }
                b'\n' if !open => {
                    row.push(std::mem::take(&mut field));
                    quoted = false;
                    rows.push(std::mem::take(&mut row));
                }
                _ => field.push(byte),
            }
            at += 1;
        }
        rows
    }

    proptest! {
        #[test]
        fn marks_give_what_a_plain_loop_gives(
            rows in proptest::collection::vec(
                proptest::collection::vec("([a-c\"]{0,9}|[a-c,\"\n]{0,90})", 3), 0..20)
        ) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let lines: Vec<String> =
                rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",")).collect();
            let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let (records, _) = cut(text.as_bytes(), CSV, 3, false);
            let found: Vec<Vec<Vec<u8>>> = records.fields.chunks(3)
                .map(|row| row.iter().map(|field| field.value(&text, Some(b'"')).as_bytes().to_vec()).collect())
                .collect();
            prop_assert_eq!(&found, &plainly(text.as_bytes()));
            prop_assert_eq!(found.len(), rows.len());
            // Any prefix ends at a record end that the whole text has too.
            let ends: Vec<usize> = lines.iter().scan(0, |at, line| { *at += line.len() + 1; Some(*at) }).collect();
            for cut_at in (0..text.len()).step_by(7) {
                let end = last_record_end(&text.as_bytes()[..cut_at], CSV);
                prop_assert_eq!(end, ends.iter().copied().rfind(|end| *end <= cut_at));
            }
        }

        #[test]
        fn no_text_panics(text in "[a,\"\r\n#é]{0,200}", width in 0_usize..4) {
            let commented = Syntax { comment: Some(b'#'), ..CSV };
            for syntax in [CSV, commented] {
                let (records, _) = cut(text.as_bytes(), syntax, width, false);
                prop_assert!(records.fields.iter().all(|field| text.get(field.start()..field.end()).is_some()));
                let _ = last_record_end(text.as_bytes(), syntax);
            }
        }
    }
}
