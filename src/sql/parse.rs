//! Text to syntax tree: one `SELECT` or `WITH … SELECT`, of bounded size and depth.
//!
//! Knows no table and no function. The tokens are counted before the parser sees them: what it and
//! the planner do by recursion is bounded here, so that no text can overflow a stack.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{Expr, Query};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::error::SqlError;
use super::source::Source;
use crate::diag::nearest;

/// The longest text of a query in bytes.
const MAX_BYTES: usize = 1 << 16;
/// How deep parentheses, brackets and `CASE` may nest.
const MAX_NESTING: usize = 64;
/// How many operators may follow each other in one expression: each nests the ones before it.
const MAX_CHAIN: usize = 1_000;
/// For how many operators one of arithmetic counts: the planner's time for it is quadratic.
const ARITHMETIC: usize = 2;
/// For how many a cast counts: for its mark, which stands around it, that time is cubic.
const CAST: usize = 12;
/// How many tables may be joined and queries united side by side.
const MAX_SETS: usize = 200;
/// How deep the parser itself may go; a parenthesis takes it several steps.
const MAX_RECURSION: usize = 1_500;

/// A query that was read, and its text.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) query: Box<Query>,
    pub(super) source: Source,
}

/// Reads one query.
pub(super) fn query(text: &str) -> Result<Parsed, SqlError> {
    let (source, tokens) = tokens(text)?;
    refuse_other_statements(&source, &tokens)?;
    let mut parser = parser(tokens);
    let query = parser.parse_query().map_err(|error| syntax(&source, &parser, &error))?;
    finish(&source, &mut parser)?;
    Ok(Parsed { query, source })
}

/// Gives a text that is the same for queries which differ in layout and comments alone.
///
/// A text that is no SQL is its own.
#[must_use]
pub(super) fn canonical(text: &str) -> String {
    let Ok(tokens) = Tokenizer::new(&GenericDialect, text).with_unescape(false).tokenize() else {
        return text.to_owned();
    };
    let solid = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_)));
    solid.map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Reads one expression.
pub(super) fn expression(text: &str) -> Result<(Expr, Source), SqlError> {
    let (source, tokens) = tokens(text)?;
    let mut parser = parser(tokens);
    let expr = parser.parse_expr().map_err(|error| syntax(&source, &parser, &error))?;
    match parser.peek_token() {
        TokenWithSpan { token: Token::EOF, .. } => Ok((expr, source)),
        next => Err(unexpected(&source, &next, "the end of the condition")),
    }
}

fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(&GenericDialect)
        .with_recursion_limit(MAX_RECURSION)
        .with_tokens_with_locations(tokens)
}

fn tokens(text: &str) -> Result<(Source, Vec<TokenWithSpan>), SqlError> {
    if text.len() > MAX_BYTES {
        let message = format!("the query is longer than {MAX_BYTES} bytes");
        return Err(SqlError::new("sql-too-long", message));
    }
    let mut source = Source::new(text);
    let tokens = Tokenizer::new(&GenericDialect, text).tokenize_with_location();
    let mut tokens = tokens.map_err(|error| {
        let at = source.offset(error.location);
        let message = lower_first(&error.message);
        SqlError::new("sql-syntax", message).at(at..source.text().len().min(at + 1).max(at))
    })?;
    // Before anything else looks at the tokens: what is refused here is never walked.
    Depth::default().check(&source, &tokens)?;
    source.set_tokens(&tokens);
    free_names(&mut tokens);
    Ok((source, tokens))
}

/// Lets `cluster`, `top` and `distinct` be columns, as they are of our own outputs: `predict` gives
/// a `cluster`, `profile` the other two. They are keywords only where one makes sense.
fn free_names(tokens: &mut [TokenWithSpan]) {
    let solid = |token: &Token| !matches!(token, Token::Whitespace(_));
    let mut before = Token::EOF;
    for at in 0..tokens.len() {
        let after = tokens[at + 1..].iter().map(|one| &one.token).find(|token| solid(token));
        let is_name = is_free(&tokens[at].token, &before, after.unwrap_or(&Token::EOF));
        if let (Token::Word(word), true) = (&mut tokens[at].token, is_name) {
            word.keyword = Keyword::NoKeyword;
        }
        if solid(&tokens[at].token) {
            before = tokens[at].token.clone();
        }
    }
}

/// Tells whether a word that may be a keyword is a name, by the tokens around it.
fn is_free(token: &Token, before: &Token, after: &Token) -> bool {
    let Token::Word(word) = token else { return false };
    let keyword = |token: &Token| match token {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let named = *before == Token::Period || keyword(before) == Keyword::AS;
    match word.keyword {
        Keyword::CLUSTER => named || keyword(after) != Keyword::BY,
        Keyword::TOP => named || !matches!(after, Token::Number(..) | Token::LParen),
        Keyword::DISTINCT => {
            let begins = matches!(after, Token::Word(_) | Token::Number(..) | Token::LParen);
            let ends = matches!(keyword(after), Keyword::FROM | Keyword::AS);
            named || ends || !(begins || starts_value(after))
        }
        _ => false,
    }
}

/// Tells whether a token begins a value: what `DISTINCT` is followed by.
const fn starts_value(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::Placeholder(_)
            | Token::Mul
            | Token::Minus
            | Token::Plus
            | Token::LBracket
    )
}

/// What is open while tokens go by.
#[derive(Default)]
struct Depth {
    levels: Vec<Level>,
    top: Level,
}

#[derive(Default)]
struct Level {
    chain: usize,
    sets: usize,
    /// Whether `CASE` opened it, so that `END` closes it.
    case: bool,
}

impl Depth {
    fn check(mut self, source: &Source, tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
        for token in tokens {
            self.step(token);
            let level = self.levels.last().unwrap_or(&self.top);
            let chain: usize = self.levels.iter().map(|level| level.chain).sum();
            let message = if self.levels.len() > MAX_NESTING {
                format!("this nests deeper than {MAX_NESTING} parentheses")
            } else if chain + self.top.chain > MAX_CHAIN {
                "this expression has too many operators in a row".to_owned()
            } else if level.sets > MAX_SETS {
                format!("this query joins or unites more than {MAX_SETS} tables")
            } else {
                continue;
            };
            return Err(SqlError::new("sql-too-deep", message)
                .at(source.range(token.span))
                .help("split the query into several `prep` stages"));
        }
        Ok(())
    }

    fn step(&mut self, token: &TokenWithSpan) {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => self.levels.push(Level::default()),
            Token::RParen | Token::RBracket | Token::RBrace => {
                while self.levels.last().is_some_and(|level| level.case) {
                    self.levels.pop();
                }
                self.close();
            }
            Token::Word(word) => self.keyword(word.keyword),
            Token::Comma => self.level().chain = 0,
            Token::DoubleColon => self.level().chain += CAST,
            Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod => {
                self.level().chain += ARITHMETIC;
            }
            token if is_operator(token) => self.level().chain += 1,
            _ => {}
        }
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().unwrap_or(&mut self.top)
    }

    /// Closes a level; an opened array or index stays an operator of what is around it.
    fn close(&mut self) {
        if self.levels.pop().is_some() {
            self.level().chain += 1;
        }
    }

    fn keyword(&mut self, keyword: Keyword) {
        match keyword {
            Keyword::NoKeyword => {}
            Keyword::CASE => self.levels.push(Level { case: true, ..Level::default() }),
            Keyword::END if self.level().case => self.close(),
            Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::JOIN => {
                self.level().sets += 1;
                self.level().chain = 0;
            }
            Keyword::SELECT
            | Keyword::FROM
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE => self.level().chain = 0,
            Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::NOTNULL
            | Keyword::MATCH
            | Keyword::MEMBER
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::SIMILAR
            | Keyword::RLIKE
            | Keyword::REGEXP
            | Keyword::BETWEEN
            | Keyword::IN
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::XOR
            | Keyword::DIV
            | Keyword::OVERLAPS
            | Keyword::INTERVAL
            | Keyword::PRIOR
            | Keyword::OPERATOR => self.level().chain += 1,
            _ => {}
        }
    }
}

/// Tells whether a token may join or wrap an expression; what is neither name nor literal may.
const fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::Whitespace(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::Placeholder(_)
            | Token::Period
            | Token::SemiColon
            | Token::EOF
    )
}

/// Refuses what is no query at its first word.
fn refuse_other_statements(source: &Source, tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    let solid = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
    let first = tokens.iter().filter(solid).find(|token| token.token != Token::LParen);
    let Some(first) = first else {
        let message = "there is no query here";
        return Err(SqlError::new("sql-not-a-query", message).at(0..source.text().len()));
    };
    match &first.token {
        Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH) => Ok(()),
        _ => {
            let range = source.range(first.span);
            let word = range.as_ref().map(|range| source.slice(range)).unwrap_or_default();
            Err(not_a_query(&word.to_uppercase()).at(range))
        }
    }
}

/// Says that a query is wanted, and not this.
pub(super) fn not_a_query(found: &str) -> SqlError {
    SqlError::new("sql-not-a-query", format!("`{found}` is no query"))
        .label("expected `SELECT` or `WITH`")
        .help("a `prep` is one `SELECT` or `WITH … SELECT`; it changes no table and no setting")
}

/// Sees to it that nothing follows the query but one `;`.
fn finish(source: &Source, parser: &mut Parser<'_>) -> Result<(), SqlError> {
    let _ = parser.consume_token(&Token::SemiColon);
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(());
    }
    let rest = source.range(next.span).map(|range| range.start..source.text().trim_end().len());
    match next.token {
        Token::Word(word) if is_statement(word.keyword) => {
            Err(SqlError::new("sql-not-a-query", "a second statement follows the query")
                .at(rest)
                .label("not expected here")
                .help("write one query a `prep` stage"))
        }
        _ => Err(unexpected(source, &next, "the end of the query")),
    }
}

const fn is_statement(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::SELECT
            | Keyword::WITH
            | Keyword::INSERT
            | Keyword::UPDATE
            | Keyword::DELETE
            | Keyword::CREATE
            | Keyword::DROP
            | Keyword::ALTER
            | Keyword::COPY
            | Keyword::SET
            | Keyword::EXPLAIN
            | Keyword::TRUNCATE
    )
}

/// Words that follow a name, and that a misspelling turns into the name's alias.
const AFTER_NAMES: &[&str] =
    &["FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "JOIN", "UNION", "WINDOW"];

/// Finds a misspelt keyword before a token that nobody expects.
fn misspelt(source: &Source, range: &Range<usize>) -> Option<SqlError> {
    let before = source.text().get(..range.start)?.trim_end();
    let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let start = before.rfind(|own: char| !letter(own)).map_or(0, |at| at + 1);
    let word = before.get(start..).filter(|word| word.len() > 2)?;
    let near = AFTER_NAMES.iter().find(|keyword| {
        let first = keyword.split(' ').next().unwrap_or_default();
        nearest(word, [first]).is_some() && !word.eq_ignore_ascii_case(first)
    })?;
    Some(
        SqlError::new("sql-syntax", format!("`{word}` is read as a name here"))
            .at(start..before.len())
            .label(format!("expected `{near}`"))
            .help(format!("did you mean `{near}`?")),
    )
}

fn unexpected(source: &Source, next: &TokenWithSpan, wanted: &str) -> SqlError {
    let range = place(source, next);
    if let Some(error) = misspelt(source, &range) {
        return error;
    }
    let found = source.slice(&range).to_owned();
    let message = if found.is_empty() {
        "the query ends too early".to_owned()
    } else {
        format!("`{found}` is not expected here")
    };
    SqlError::new("sql-syntax", message).at(range).label(format!("expected {wanted}"))
}

/// Gives the bytes of a token; the end of the text stands for the last byte.
fn place(source: &Source, token: &TokenWithSpan) -> Range<usize> {
    let end = source.text().trim_end().len();
    match token.token {
        Token::EOF => end..end,
        _ => source.range(token.span).unwrap_or(end..end),
    }
}

/// Turns the parser's words into ours: `Expected: an expression, found: FROM at Line: 1, Column: 8`.
fn syntax(source: &Source, parser: &Parser<'_>, error: &ParserError) -> SqlError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return SqlError::new("sql-too-deep", "this query nests too deep")
                .at(place(source, &parser.peek_token()))
                .help("split the query into several `prep` stages");
        }
    };
    let (text, place_text) = text.rsplit_once(" at Line: ").unwrap_or((text, ""));
    let range =
        written_place(source, place_text).unwrap_or_else(|| place(source, &parser.peek_token()));
    let (wanted, found) =
        match text.strip_prefix("Expected: ").and_then(|t| t.split_once(", found: ")) {
            Some((wanted, found)) => (wanted, found),
            None => return SqlError::new("sql-syntax", lower_first(text)).at(range),
        };
    let message = match found {
        "EOF" => "the query ends too early".to_owned(),
        found => format!("`{found}` is not expected here"),
    };
    SqlError::new("sql-syntax", message).at(range).label(format!("expected {wanted}"))
}

/// Reads `1, Column: 8` and finds the token there.
fn written_place(source: &Source, text: &str) -> Option<Range<usize>> {
    let (line, column) = text.split_once(", Column: ")?;
    let at = datafusion::sql::sqlparser::tokenizer::Location {
        line: line.trim().parse().ok()?,
        column: column.trim().parse().ok()?,
    };
    let start = source.offset(at);
    Some(source.token_at(start).unwrap_or(start..start))
}

/// Makes the first letter small, as our messages begin.
pub(super) fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let second_is_upper = text.chars().nth(1).is_some_and(char::is_uppercase);
    match letters.next() {
        Some(first) if !second_is_upper => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}
