//! The grammar as code, and its rules in the user's words.

use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};
use pest::iterators::Pair;

#[derive(pest_derive::Parser)]
#[grammar = "../../grammar/mlp.pest"]
struct Grammar;

/// Where an item stopped making sense, and what could have stood there.
pub(super) struct Misfit {
    /// The byte of the item's text.
    pub(super) at: usize,
    /// What could have stood there.
    pub(super) expected: Vec<Rule>,
}

/// Matches one item: the inner pair is an import, a parameter, the header or a block.
pub(super) fn item(text: &str) -> Result<Pair<'_, Rule>, Misfit> {
    let pairs = Grammar::parse(Rule::item, text).map_err(misfit)?;
    let inner = pairs.flat_map(Pair::into_inner).next();
    inner.ok_or(Misfit { at: 0, expected: Vec::new() })
}

fn misfit(error: Error<Rule>) -> Misfit {
    let (InputLocation::Pos(at) | InputLocation::Span((at, _))) = error.location;
    let expected = match error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives,
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    Misfit { at, expected }
}

/// Names a rule as a user would, or not at all where another rule says it better.
pub(super) const fn words(rule: Rule) -> Option<&'static [&'static str]> {
    Some(match rule {
        Rule::item => &["a block", "`param`", "`import`"],
        Rule::import | Rule::kw_import => &["`import`"],
        Rule::param | Rule::kw_param => &["`param`"],
        Rule::header | Rule::kw_pipeline => &["`pipeline`"],
        Rule::block => &["a block"],
        Rule::body | Rule::open => &["`{`"],
        Rule::kind => &["a type"],
        Rule::field => &["a field"],
        Rule::key => &["a key"],
        Rule::value | Rule::side | Rule::atom => &["a value"],
        Rule::list | Rule::bracket => &["`[`"],
        Rule::map => &["a map"],
        Rule::word | Rule::path | Rule::name => &["a name"],
        Rule::args | Rule::paren => &["`(`"],
        Rule::arg => &["an argument"],
        Rule::param_ref => &["a parameter"],
        Rule::quantity | Rule::number | Rule::number_key | Rule::infinity | Rule::digits => {
            &["a number"]
        }
        Rule::raw | Rule::string | Rule::text => &["a string"],
        Rule::bool => &["`true`", "`false`"],
        Rule::null => &["`null`"],
        Rule::kw_as => &["`as`"],
        Rule::colon => &["`:`"],
        Rule::assign => &["`=`"],
        Rule::cmp => &["a comparison"],
        Rule::dots => &["`..`"],
        Rule::close => &["`}`"],
        Rule::unbracket => &["`]`"],
        Rule::unparen => &["`)`"],
        Rule::sep | Rule::eol => &["a comma", "a line end"],
        Rule::EOI => &["the end of the line"],
        Rule::unit
        | Rule::reserved
        | Rule::fields
        | Rule::namec
        | Rule::comment
        | Rule::sp
        | Rule::gap => return None,
    })
}
