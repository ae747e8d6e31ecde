//! A server on this machine that answers what a test tells it to, also badly.
//!
//! It decides nothing that the tests are about.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An answer.
    Say(u16, Vec<(&'static str, String)>, String),
    /// The connection is closed instead of an answer.
    Close,
    /// A part of the answer, then the connection is closed.
    BreakOff(String),
    /// Nothing, for ever.
    Silence,
    /// The head of an answer and these chunks, after which the connection stays open.
    Stream(Vec<String>),
}

impl Reply {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Say(status, vec![("content-type", "application/json".into())], body.to_string())
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Say(_, headers, _) = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `GET /path?query`.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The server; it ends with the test's runtime.
pub(crate) struct Loopback {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Answer = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

impl Loopback {
    /// Answers these replies, one per request and in this order; then it closes connections.
    pub(crate) async fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = Mutex::new(replies.into_iter().collect::<VecDeque<_>>());
        Self::answering(move |_| replies.lock().unwrap().pop_front().unwrap_or(Reply::Close)).await
    }

    /// Answers what a function says.
    pub(crate) async fn answering(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer): (_, Answer) = (Arc::clone(&asked), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&log)));
            }
        });
        Self { url, asked }
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// An address of this machine at which nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn serve(mut stream: TcpStream, answer: Answer, log: Arc<Mutex<Vec<Asked>>>) {
    while let Some(request) = read(&mut stream).await {
        log.lock().unwrap().push(request.clone());
        let head = |status: u16, headers: &[(&str, String)]| {
            let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            format!("HTTP/1.1 {status} X\r\n{lines}")
        };
        match answer(&request) {
            Reply::Say(status, headers, body) => {
                // Whoever asks for the head alone is told how long the body would be.
                let sent = if request.line.starts_with("HEAD ") { "" } else { body.as_str() };
                let text = format!("{}content-length: {}\r\n\r\n{sent}", head(status, &headers), body.len());
                stream.write_all(text.as_bytes()).await.unwrap();
            }
            Reply::Close => return,
            Reply::BreakOff(body) => {
                let text = format!("{}content-length: 1000\r\n\r\n{body}", head(200, &[]));
                return stream.write_all(text.as_bytes()).await.unwrap();
            }
            Reply::Silence => return std::future::pending().await,
            Reply::Stream(chunks) => {
                let mut text = format!("{}transfer-encoding: chunked\r\n\r\n", head(200, &[]));
                text.extend(chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())));
                stream.write_all(text.as_bytes()).await.unwrap();
                return std::future::pending().await;
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.lines();
    let line = lines.next()?.rsplit_once(' ')?.0.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    let mut request = Asked { line, headers, body: String::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8_lossy(&bytes[head..head + length]).into_owned();
    Some(request)
}
