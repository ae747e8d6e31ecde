//! The test cloud as a process: started, told what to do, asked what it saw, ended.
//!
//! What it simulates stands in `tests/cloud/README.md`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::calls::{Call, Fault};
use crate::group::Group;
use crate::project;
use crate::python::Python;

/// The region that seeds and environments use unless told otherwise.
pub(crate) const REGION: &str = "eu-west-1";

/// Importing moto takes some seconds, on a busy machine many.
const START: Duration = Duration::from_secs(120);

/// How long the control API may take; calls that are slowed down hold nobody else up.
const ANSWER: Duration = Duration::from_secs(60);

/// Bytes; the log of a long test has tens of thousands of calls.
const LARGEST_ANSWER: u64 = 512 << 20;

/// How a cloud is started.
#[derive(Clone, Debug, Default)]
pub struct CloudOptions {
    /// Multiplies the durations of AWS; by default 0.005, so that a cluster takes 2.4 s.
    pub time_scale: Option<f64>,
    /// The folder with descriptions of stand-in control planes; see [`crate::RigOptions::clusters`].
    pub clusters: Option<PathBuf>,
    /// Makes generated ids repeatable.
    pub seed: Option<u64>,
}

/// A test cloud of one's own; it ends when dropped, and with the process of the test.
pub struct Cloud {
    url: String,
    group: Group,
    python: Python,
    folder: tempfile::TempDir,
    control: ureq::Agent,
}

/// The ids of a seeded VPC.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeededVpc {
    /// The VPC.
    pub vpc_id: String,
    /// Its public subnets, one per zone.
    pub public_subnet_ids: Vec<String>,
    /// Its private subnets, one per zone.
    pub private_subnet_ids: Vec<String>,
    /// Its internet gateway.
    pub internet_gateway_id: String,
    /// Its NAT gateway.
    pub nat_gateway_id: String,
}

impl Cloud {
    /// Starts a cloud and waits until it serves.
    ///
    /// # Panics
    /// It cannot be started; the words say why and where its output is.
    #[must_use]
    pub fn start(options: &CloudOptions) -> Self {
        let python = Python::of_cloud().unwrap_or_else(|error| panic!("no environment for the test cloud: {error}"));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let log = folder.path().join("cloud.log");
        let mut command = python.python();
        command.arg(project::root().join("tests/cloud/cloud.py")).args(["--port", "0", "--while-input"]);
        if let Some(scale) = options.time_scale {
            command.arg(format!("--time-scale={scale}"));
        }
        if let Some(clusters) = &options.clusters {
            command.arg("--clusters").arg(clusters);
        }
        if let Some(seed) = options.seed {
            command.arg(format!("--seed={seed}"));
        }
        // It ends with its input, which closes when this process dies, however that happens.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(&log).expect("a log can be written"));
        let mut group = Group::start(&mut command).unwrap_or_else(|error| panic!("`{command:?}`: {error}"));
        let output = group.child().stdout.take().expect("its output is piped");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            let _nobody_waits_any_more = sender.send(read.map(|_| line));
        });
        let line = receiver.recv_timeout(START).ok().and_then(Result::ok).unwrap_or_default();
        let Some(url) = line.trim().strip_prefix("listening ").map(str::to_owned) else {
            let said = fs::read_to_string(&log).unwrap_or_default();
            panic!("the test cloud did not start within {} s; it said:\n{said}", START.as_secs());
        };
        let control = ureq::Agent::config_builder().proxy(None).http_status_as_error(false);
        Self { url, group, python, folder, control: control.timeout_global(Some(ANSWER)).build().into() }
    }

    /// Where it answers, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// The environment in which AWS tools talk to it and to nothing else.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Makes a VPC of that name with so many zones, a public and a private subnet in each, internet and NAT gateway.
    pub fn seed_vpc(&self, name: &str, zones: u32) -> SeededVpc {
        self.post("seed", &json!({"region": REGION, "vpc": {"name": name, "azs": zones}}))
    }

    /// All calls since the last [`Cloud::forget_calls`], in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        #[derive(Deserialize)]
        struct Calls {
            calls: Vec<Call>,
        }
        self.get::<Calls>("calls").calls
    }

    /// Empties the log of calls.
    pub fn forget_calls(&self) {
        self.delete("calls");
    }

    /// Adds a fault.
    pub fn inject(&self, fault: &Fault) {
        let _faults: Value = self.post("fault", &serde_json::to_value(fault).expect("a fault is JSON"));
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.delete("fault");
    }

    /// The actions that `SimulatePrincipalPolicy` calls denied.
    pub fn deny(&self, actions: &[&str]) {
        let _denied: Value = self.post("denied", &json!({"actions": actions}));
    }

    /// Everything that exists and was neither seeded nor made by AWS itself: ids by kind, kinds without any left out.
    #[must_use]
    pub fn leftovers(&self) -> BTreeMap<String, Vec<String>> {
        let mut left: BTreeMap<String, Vec<String>> = self.get("leftovers");
        left.retain(|_, ids| !ids.is_empty());
        left
    }

    /// Forgets everything: objects, faults, calls and seeds.
    pub fn reset(&self) {
        self.delete("state");
    }

    /// What the `aws` command line says of this cloud, as JSON; for comparing states, not for the program under test.
    ///
    /// # Panics
    /// The command fails.
    #[must_use]
    pub fn aws(&self, words: &[&str]) -> Value {
        let mut command: Command = self.python.program("aws");
        command.args(words).args(["--output", "json"]).envs(self.environment()).env("HOME", self.folder.path());
        let done = command.output().unwrap_or_else(|error| panic!("`{command:?}`: {error}"));
        assert!(done.status.success(), "aws {}: {}", words.join(" "), String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap_or(Value::Null)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.answer(path, self.control.get(self.control_url(path)).call())
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> T {
        self.answer(path, self.control.post(self.control_url(path)).send_json(body))
    }

    fn delete(&self, path: &str) {
        let _answer: Value = self.answer(path, self.control.delete(self.control_url(path)).call());
    }

    fn control_url(&self, path: &str) -> String {
        format!("{}/_cloud/{path}", self.url)
    }

    fn answer<T: DeserializeOwned>(
        &self,
        path: &str,
        reply: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> T {
        let mut reply = reply.unwrap_or_else(|error| panic!("the test cloud's `{path}`: {error}; {}", self.log()));
        let text = reply.body_mut().with_config().limit(LARGEST_ANSWER).read_to_string();
        let text = text.unwrap_or_else(|error| panic!("the test cloud's `{path}`: {error}"));
        assert!(reply.status().is_success(), "the test cloud's `{path}`: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("the test cloud's `{path}`: {error}: {text}"))
    }

    fn log(&self) -> String {
        format!("its log:\n{}", fs::read_to_string(self.folder.path().join("cloud.log")).unwrap_or_default())
    }
}
