//! `sansse pub`: events for a topic of a server.

use std::time::Duration;

use clap::Args;
use reqwest::redirect::Policy;
use reqwest::{Client, Url, header};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::client;
use crate::failure::Failure;
use crate::output::Output;
use crate::printable::Printable;
use crate::runtime::Stop;

/// How long a server may take for one event.
const TIMEOUT: Duration = Duration::from_secs(30);

const EXAMPLES: &str = "\
Examples:
  sansse pub http://127.0.0.1:8080/topics/news 'hello'
  tail -f app.log | sansse pub http://127.0.0.1:8080/topics/log --event line

Each event's id is printed on a line of its own.";

/// What `sansse pub` can be told.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The topic, such as `http://127.0.0.1:8080/topics/news`
    #[arg(value_parser = client::parse_url)]
    url: Url,

    /// The type of the events; `message` without it
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,

    /// The data of one event; without it each line of standard input is one, as it comes
    data: Option<String>,
}

/// Publishes until the data or the input is at its end.
pub(crate) async fn run(options: Options, mut stop: Stop) -> Result<(), Failure> {
    let mut publisher = Publisher::new(options.url, options.event.as_deref())?;
    if let Some(data) = options.data {
        return publisher.publish(data).await;
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    for number in 1_u64.. {
        let line = tokio::select! {
            line = lines.next_line() => line,
            () = stop.requested() => return Ok(()),
        };
        match line {
            Ok(Some(line)) => publisher.publish(line).await?,
            Ok(None) => break,
            Err(error) => {
                return Err(Failure::new(format!(
                    "cannot read line {number} of standard input: {error}; give it as UTF-8"
                )));
            }
        }
    }
    Ok(())
}

/// A server to publish to, over connections that are kept.
struct Publisher {
    client: Client,
    url: Url,
    output: Output,
}

/// What the server says of an event that it took.
#[derive(Deserialize)]
struct Receipt {
    id: String,
}

impl Publisher {
    fn new(mut url: Url, event_type: Option<&str>) -> Result<Self, Failure> {
        if let Some(event_type) = event_type {
            url.query_pairs_mut().append_pair("event", event_type);
        }
        // A POST that is redirected would arrive as a GET.
        let client =
            client::build(&url, |builder| builder.timeout(TIMEOUT).redirect(Policy::none()))?;
        Ok(Self { client, url, output: Output::new() })
    }

    async fn publish(&mut self, data: String) -> Result<(), Failure> {
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(data);
        let lost = |error| client::no_answer(&self.url, &error);
        let mut response = request.send().await.map_err(lost)?;
        if !response.status().is_success() {
            return Err(client::refusal(&self.url, response).await);
        }
        let answer = client::body(&mut response).await.map_err(lost)?;
        let receipt: Receipt = serde_json::from_slice(&answer).map_err(|error| {
            let server = client::server(&self.url);
            Failure::new(format!(
                "{server} took the event but answered without an id ({error}); check that the URL is a topic's"
            ))
        })?;
        self.output.write(format!("{}\n", Printable(&receipt.id)).as_bytes())?;
        self.output.flush()
    }
}
