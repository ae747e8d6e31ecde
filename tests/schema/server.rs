//! The YAML language server: installed once, spoken to over stdio.
//!
//! This file decides how it is run and which of its messages are read. It must not know what is checked.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use runbook_harness::project;
use serde_json::{Value as Json, json};

/// What npm needs to know.
const FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// A language server that runs.
pub(crate) struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it; where it cannot be had, says that `test` is skipped.
    pub(crate) fn start(test: &str) -> Option<Self> {
        match installed() {
            Ok(folder) => Some(Self::run(&folder)),
            Err(why) => {
                println!("skipped `{test}`: {why}");
                None
            }
        }
    }

    fn run(folder: &Path) -> Self {
        let mut child = Command::new("node")
            .arg(folder.join("node_modules/yaml-language-server/bin/yaml-language-server"))
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut server = Self { child, input, output };
        let parameters = json!({"processId": std::process::id(), "rootUri": null, "capabilities": {}});
        server.send(&json!({"id": 1, "method": "initialize", "params": parameters}));
        while server.receive()["id"] != 1 {}
        server.send(&json!({"method": "initialized", "params": {}}));
        // Schemas of other people's, found by the name of a file, are fetched from the network otherwise.
        let settings = json!({"yaml": {"validate": true, "schemaStore": {"enable": false}}});
        server.send(&json!({"method": "workspace/didChangeConfiguration", "params": {"settings": settings}}));
        server
    }

    /// What it complains of in a text, one line each: `line:column message`.
    pub(crate) fn complaints(&mut self, path: &Path, text: &str) -> Vec<String> {
        let uri = format!("file://{}", path.display());
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.send(&json!({"method": "textDocument/didOpen", "params": {"textDocument": document}}));
        let told = loop {
            let message = self.receive();
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri {
                break message;
            }
        };
        let place = |at: &Json| at.as_u64().unwrap_or_default() + 1;
        let line = |told: &Json| {
            let (start, words) = (&told["range"]["start"], told["message"].as_str().unwrap_or_default());
            let words: String = words.lines().next().unwrap_or_default().chars().take(120).collect();
            (place(&start["line"]), place(&start["character"]), words)
        };
        let mut found: Vec<_> = told["params"]["diagnostics"].as_array().unwrap().iter().map(line).collect();
        found.sort();
        found.into_iter().map(|(line, column, words)| format!("{line}:{column} {words}")).collect()
    }

    fn send(&mut self, message: &Json) {
        let mut message = message.clone();
        message["jsonrpc"] = "2.0".into();
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn receive(&mut self) -> Json {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the language server has ended");
            match line.trim().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
                None if line.trim().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// What the JSON Schema validator that the server uses has against a value; where it cannot be had, says that `test` is
/// skipped.
pub(crate) fn validated(test: &str, schema: &str, value: &Json) -> Option<Json> {
    const SCRIPT: &str = "\
        const Ajv = require('ajv').default, text = require('fs').readFileSync(0, 'utf8'), [schema, value] = JSON.parse(text);\
        const check = new Ajv({strict: false, validateFormats: false, unicodeRegExp: false, allErrors: true}).compile(schema);\
        check(value); console.log(JSON.stringify((check.errors || []).map(e => e.instancePath + ' ' + e.message)))";
    let folder = match installed() {
        Ok(folder) => folder,
        Err(why) => {
            println!("skipped `{test}`: {why}");
            return None;
        }
    };
    let mut node = Command::new("node");
    node.args(["-e", SCRIPT]).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = node.spawn().unwrap();
    let schema: Json = serde_json::from_str(schema).unwrap();
    node.stdin.take().unwrap().write_all(json!([schema, value]).to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The folder it is installed in. Whoever comes while it is installed, in this process or another, waits.
fn installed() -> Result<PathBuf, String> {
    let folder = project::target().join("yaml-language-server");
    let of = |error: std::io::Error| format!("`{}`: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(of)?;
    let lock = File::create(folder.join("lock")).map_err(of)?;
    lock.lock().map_err(of)?;
    let pinned = project::root().join("tests/schema");
    let read = |folder: &Path, file: &str| fs::read(folder.join(file)).unwrap_or_default();
    // Written last, so that an installation that was cut off is made again.
    let done = folder.join("installed.json");
    let wanted = read(&pinned, FILES[1]);
    if fs::read(&done).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    for file in FILES {
        fs::copy(pinned.join(file), folder.join(file)).map_err(of)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder).stdin(Stdio::null());
    let output = npm.output().map_err(|error| format!("npm cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("`npm ci` failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    fs::write(&done, wanted).map_err(of)?;
    Ok(folder)
}
