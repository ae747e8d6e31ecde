//! Waiting for a change on an API server.
//!
//! This file decides what counts as a change and what happens to a watch that ends early. It must not know what is done
//! about a change: whoever waited reads anew.

use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::client::Body;
use runbook_model::failure::FailureClass;
use runbook_steps::kubernetes::refusal;
use runbook_steps::ports::{ApplyRefused, Selection, Watched};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::cluster::{Cluster, Question};
use super::path;

/// The pause before a watch that the server closed is opened again. Servers close watches in their own time, and a broken one
/// at once, for ever.
const PAUSE: Duration = Duration::from_secs(1);

/// How much longer than asked a server may leave us waiting before we end the watch ourselves.
const GRACE: Duration = Duration::from_secs(2);

/// Waits for a change, at most for `patience`.
///
/// # Errors
/// The server's refusal, or a failure of the way there.
pub(super) async fn watch(
    cluster: &Cluster,
    selection: &Selection,
    since: &str,
    patience: Duration,
) -> Result<Watched, ApplyRefused> {
    let end = Instant::now() + patience;
    let mut since = since.to_owned();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Watched::Quiet);
        }
        let seconds = left.as_secs().max(1).to_string();
        let options = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", since.as_str()),
            ("timeoutSeconds", &seconds),
        ];
        let question = Question::read(path::selection(selection, &options));
        let body = match cluster.stream(question, left + GRACE).await {
            Ok(body) => body,
            Err(refused) if is_expired(&refused) => return Ok(Watched::Expired),
            // No word within our patience is no failure of a watch: a server without changes may keep even its headers.
            Err(refused) if refused.failure.class == FailureClass::Timeout => return Ok(Watched::Quiet),
            Err(refused) => return Err(refused),
        };
        let mut version = since.clone();
        match timeout_at(end, events(body, &mut version)).await {
            Err(_) => return Ok(Watched::Quiet),
            Ok(Ended::Closed) => since = version,
            Ok(Ended::Told(outcome)) => return outcome,
        }
        sleep_until((Instant::now() + PAUSE).min(end)).await;
    }
}

enum Ended {
    Told(Result<Watched, ApplyRefused>),
    Closed,
}

/// Reads events until one says something; bookmarks move `version` on.
async fn events(mut body: Body, version: &mut String) -> Ended {
    let mut read = Vec::new();
    loop {
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = read.drain(..=end).collect();
            if let Some(outcome) = event(&line, version) {
                return Ended::Told(outcome);
            }
        }
        // A connection that breaks is one that closes: what happened meanwhile is told to the next one.
        match body.frame().await {
            Some(Ok(frame)) => read.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
            Some(Err(_)) | None => return Ended::Closed,
        }
    }
}

fn event(line: &[u8], version: &mut String) -> Option<Result<Watched, ApplyRefused>> {
    let event: Json = serde_json::from_slice(line).ok()?;
    match event["type"].as_str()? {
        "BOOKMARK" => {
            if let Some(next) = event["object"]["metadata"]["resourceVersion"].as_str() {
                next.clone_into(version);
            }
            None
        }
        "ERROR" => {
            let status = &event["object"];
            let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
            let refused = refusal::read(code, status.to_string().as_bytes(), None);
            Some(if is_expired(&refused) { Ok(Watched::Expired) } else { Err(refused) })
        }
        _ => Some(Ok(Watched::Changed)),
    }
}

fn is_expired(refused: &ApplyRefused) -> bool {
    matches!(refused.failure.code.as_deref(), Some("Expired" | "Gone"))
}
