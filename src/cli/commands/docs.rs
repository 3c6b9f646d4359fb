//! `mlp docs`: what the words of the language mean.

use crate::cli::reference::{self, FAMILIES};
use crate::cli::{Exit, Trouble, Ui};
use crate::stages;

/// The schema of the events of a run; a page of the users' book.
const EVENTS: &str = include_str!("../../../docs/run-events.schema.json");

/// Explain a word of the language, or list all words.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mlp docs                       every word with its first line
  mlp docs estimators            the words of one family
  mlp docs random_forest         a word and its parameters
  mlp docs events                the JSON Schema of what `mlp run --json` writes
  mlp docs estimators --markdown the family's page of the users' book")]
pub(crate) struct Args {
    /// The word, or a family: stages, sources, estimators, steps, metrics …; or `events`.
    word: Option<String>,
    /// Write a family's whole page in Markdown.
    #[arg(long, requires = "word")]
    markdown: bool,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit, Trouble> {
    let words = stages::vocabulary();
    let Some(word) = &args.word else {
        ui.data(&reference::overview(words))?;
        return Ok(Exit::Done);
    };
    if word == "events" && !args.markdown {
        ui.data(EVENTS)?;
        return Ok(Exit::Done);
    }
    if args.markdown {
        let family = FAMILIES.iter().find(|(_, title)| title == word);
        let Some((family, title)) = family else {
            let titles: Vec<&str> = FAMILIES.iter().map(|(_, title)| *title).collect();
            return Err(Trouble::wrong(format!("`{word}` is no family of words"))
                .help(format!("the families: {}", titles.join(", "))));
        };
        ui.data(&reference::markdown(words, *family, title))?;
        return Ok(Exit::Done);
    }
    match reference::explain(words, word) {
        Ok(text) => ui.data(&text)?,
        Err(near) => {
            let trouble = Trouble::wrong(format!("`{word}` is no word of the language"));
            return Err(match near {
                Some(near) => trouble.help(format!("did you mean `{near}`?")),
                None => trouble.help("`mlp docs` lists every word"),
            });
        }
    }
    Ok(Exit::Done)
}
