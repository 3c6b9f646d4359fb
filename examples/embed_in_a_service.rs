//! Embeds a fitted model in a service: rows in as JSON, an object a line; answers out likewise.
//!
//! `cargo run --example embed_in_a_service`, then
//! `curl --data '{"bill_length_mm": 39.1, "flipper_length_mm": 181}' http://127.0.0.1:8080/`

use std::error::Error;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use mlp::Session;
use mlp::data::Table;
use mlp::ml::estimator::Prediction;
use mlp::ml::model::FittedModel;
use serde_json::json;

/// A model that is loaded once and asked often, from as many threads as there are.
pub(crate) struct Service {
    model: FittedModel,
    columns: SchemaRef,
}

impl Service {
    /// Trains the model if anything changed since the last time, and takes it from the results.
    pub(crate) fn start(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let pipeline = Session::default().open(folder.join("embed_in_a_service.mlp"))?;
        pipeline.run()?;
        let model = pipeline.model("final")?;
        let features: Vec<&str> = model.columns_read().collect();
        let columns = Arc::clone(pipeline.table("birds")?.project(&features)?.schema());
        Ok(Self { model, columns })
    }

    /// Answers for rows; a key that the model doesn't know is passed over, one that lacks is missing.
    pub(crate) fn answer(&self, rows: &[u8]) -> Result<String, Box<dyn Error>> {
        let reader = arrow::json::ReaderBuilder::new(Arc::clone(&self.columns));
        let batches = reader.build(Cursor::new(rows))?.collect::<Result<Vec<_>, _>>()?;
        let table = Table::new(Arc::clone(&self.columns), batches)?;
        let prediction = self.model.predict(&table)?;
        let Prediction::Classes { probabilities, classes } = &prediction else {
            return Err("the model tells no classes".into());
        };
        let best = prediction.labels().unwrap_or_default();
        let answers = best.iter().zip(probabilities.chunks(classes.len())).map(|(best, row)| {
            let class = classes[*best as usize].to_string();
            json!({ "species": class, "probability": row[*best as usize] }).to_string() + "\n"
        });
        Ok(answers.collect())
    }

    /// Reads one request of HTTP and writes the response; a wrong row is the caller's mistake.
    pub(crate) fn serve(&self, stream: &mut (impl Read + Write)) -> Result<(), Box<dyn Error>> {
        let mut reader = BufReader::new(&mut *stream);
        let (mut line, mut length) = (String::new(), 0_u64);
        while reader.read_line(&mut line)? > 0 && line.trim() != "" {
            if let Some(("content-length", value)) = line.to_lowercase().trim().split_once(": ") {
                length = value.parse()?;
            }
            line.clear();
        }
        let mut body = Vec::new();
        reader.take(length.min(1 << 20)).read_to_end(&mut body)?;
        let (status, text) = match self.answer(&body) {
            Ok(text) => ("200 OK", text),
            Err(error) => ("400 Bad Request", format!("{error}\n")),
        };
        let length = text.len();
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{text}")?;
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let service = Arc::new(Service::start(Path::new("examples"))?);
    for stream in TcpListener::bind("127.0.0.1:8080")?.incoming() {
        let (service, mut stream) = (Arc::clone(&service), stream?);
        // A caller who left is no trouble of ours.
        std::thread::spawn(move || drop(service.serve(&mut stream)));
    }
    Ok(())
}
