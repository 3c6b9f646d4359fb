//! `mlp docs`: what the words of the language mean.

use crate::cli::reference::{self, FAMILIES};
use crate::cli::{Exit, Trouble, Ui};
use crate::diag::nearest;
use crate::plan::Registry;
use crate::sql;

/// Explain a word of the language, or list all words.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp docs                       every word with its first line
  mlp docs estimators            the words of one family
  mlp docs random_forest         a word and its parameters
  mlp docs sql                   the functions of queries
  mlp docs estimators --markdown the family's page of the users' book
  mlp docs --json                every word and function, for an editor")]
pub(crate) struct Args {
    /// The word, or a family: stages, sources, estimators, steps, metrics, sql …
    word: Option<String>,
    /// Write a family's whole page in Markdown.
    #[arg(long, requires = "word")]
    markdown: bool,
    /// Write every word and function as JSON.
    #[arg(long, conflicts_with_all = ["word", "markdown"])]
    json: bool,
}

/// What stands below the list of all words.
const SQL: &str = "\nsql\n  `mlp docs sql` lists the functions of queries\n";

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let registry = ui.registry;
    let text = match args.word.as_deref() {
        None if args.json => {
            let functions = sql::functions(registry.functions());
            format!("{}\n", reference::json(registry.vocabulary(), &functions))
        }
        None => reference::overview(registry.vocabulary()) + SQL,
        Some(word) if args.markdown => markdown(registry, word)?,
        Some("sql") => reference::functions(&sql::functions(registry.functions())),
        Some(word) => explain(registry, word)?,
    };
    ui.data(&text)?;
    Ok(Exit::Done)
}

fn markdown(registry: &Registry, word: &str) -> Result<String, Trouble> {
    match FAMILIES.iter().find(|(_, title)| *title == word) {
        Some((family, title)) => Ok(reference::markdown(registry.vocabulary(), *family, title)),
        None => {
            let titles: Vec<&str> = FAMILIES.iter().map(|(_, title)| *title).collect();
            Err(Trouble::wrong(format!("`{word}` is no family of words"))
                .help(format!("the families: {}", titles.join(", "))))
        }
    }
}

/// Explains a word of the language, and the function of SQL of the same name.
fn explain(registry: &Registry, word: &str) -> Result<String, Trouble> {
    let functions = sql::functions(registry.functions());
    let called = functions.iter().filter(|own| own.name == word.to_lowercase());
    let called: Vec<String> = called.map(reference::function).collect();
    match reference::explain(registry.vocabulary(), word) {
        Ok(text) => Ok(std::iter::once(text).chain(called).collect::<Vec<_>>().join("\n")),
        Err(_) if !called.is_empty() => Ok(called.join("\n")),
        Err(near) => {
            let names = functions.iter().map(|own| own.name.as_str());
            let trouble = Trouble::wrong(format!(
                "`{word}` is no word of the language and no function of SQL"
            ));
            Err(match near.or_else(|| nearest(word, names)) {
                Some(near) => trouble.help(format!("did you mean `{near}`?")),
                None => trouble.help("`mlp docs` lists every word, `mlp docs sql` every function"),
            })
        }
    }
}
