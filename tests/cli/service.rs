//! A tiny AWS on the loopback: who is calling, no EKS clusters, and one parameter of SSM that a test sets and a gate that holds answers back.
//!
//! This file decides what it answers. It must not know the program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::sandbox::Sandbox;

/// The service. It ends with the test's process.
#[derive(Clone)]
pub(crate) struct Service {
    port: u16,
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

/// What the service does with a call of SSM.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It answers.
    Willing,
    /// The credentials are not good any more.
    Expired,
    /// It takes the call and hangs up.
    Silent,
    /// It was called too often.
    Busy,
}

struct State {
    account: String,
    /// The value of the parameter; `None`: there is none.
    value: Option<String>,
    /// Are answers about the parameter held back?
    held: bool,
    /// What happens to calls of SSM.
    mood: Mood,
    /// The operations of SSM that were called.
    calls: Vec<String>,
}

impl Service {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state =
            State { account: "111111111111".into(), value: None, held: false, mood: Mood::Willing, calls: Vec::new() };
        let inner = Arc::new(Inner { state: Mutex::new(state), changed: Condvar::new() });
        let shared = Arc::clone(&inner);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(&shared, connection));
            }
        });
        Self { port, inner }
    }

    /// A sandbox whose program reaches this service as its AWS.
    pub(crate) fn sandbox(&self) -> Sandbox {
        Sandbox::new()
            .with("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", self.port))
            .with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .with("AWS_SECRET_ACCESS_KEY", "example")
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_EC2_METADATA_DISABLED", "true")
    }

    pub(crate) fn set(&self, value: &str) {
        self.change(|state| state.value = Some(value.to_owned()));
    }

    pub(crate) fn set_account(&self, account: &str) {
        self.change(|state| state.account = account.to_owned());
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.change(|state| state.mood = mood);
    }

    /// Holds answers back, or lets them go.
    pub(crate) fn hold(&self, held: bool) {
        self.change(|state| state.held = held);
    }

    /// The operations that were called so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.inner.state.lock().unwrap().calls.clone()
    }

    /// Waits until so many calls were made.
    pub(crate) fn wait_for_calls(&self, count: usize) {
        let state = self.inner.state.lock().unwrap();
        let _enough = self.inner.changed.wait_while(state, |state| state.calls.len() < count).unwrap();
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.inner.state.lock().unwrap());
        self.inner.changed.notify_all();
    }
}

fn serve(inner: &Inner, connection: TcpStream) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut writer = connection;
    while let Some((target, _body)) = request(&mut reader) {
        let Some((status, kind, body)) = answer(inner, target.as_deref()) else { return };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

/// The `X-Amz-Target` of a request, and its body.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(Option<String>, Vec<u8>)> {
    let (mut target, mut length, mut line) = (None, 0, String::new());
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    // EKS tells by its paths what is asked.
    if line.starts_with("GET /clusters") {
        target = Some("ListClusters".to_owned());
    }
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => target = value.trim().rsplit('.').next().map(str::to_owned),
            "content-length" => length = value.trim().parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((target, body))
}

/// Status, media type and body; nothing for a call that is never answered.
fn answer(inner: &Inner, target: Option<&str>) -> Option<(&'static str, &'static str, String)> {
    let mut state = inner.state.lock().unwrap();
    let Some(operation) = target else {
        let (arn, account) = (format!("arn:aws:iam::{}:user/ann", state.account), &state.account);
        let body = format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AID</UserId><Account>{account}\
             </Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        return Some(("200 OK", "text/xml", body));
    };
    if operation == "ListClusters" {
        return Some(("200 OK", "application/json", r#"{"clusters": []}"#.to_owned()));
    }
    state.calls.push(operation.to_owned());
    inner.changed.notify_all();
    let state = inner.changed.wait_while(state, |state| state.held).unwrap();
    let refusal = |code: &str| ("400 Bad Request", format!(r#"{{"__type": "{code}", "message": "no"}}"#));
    let (status, body) = match (state.mood, &state.value) {
        (Mood::Silent, _) => return None,
        (Mood::Expired, _) => refusal("ExpiredTokenException"),
        (Mood::Busy, _) => refusal("ThrottlingException"),
        (Mood::Willing, None) => refusal("ParameterNotFound"),
        (Mood::Willing, Some(value)) => {
            // The model calls the parameter's value a secret, so a member that is none carries it.
            let parameter = serde_json::json!({"Name": "flag", "Type": "String", "DataType": value});
            ("200 OK", serde_json::json!({"Parameter": parameter}).to_string())
        }
    };
    Some((status, "application/x-amz-json-1.1", body))
}
