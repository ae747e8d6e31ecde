//! A machine on a table: files that are a map, programs that end as they are told to.
//!
//! It plays the ports for the tests of kinds that touch the machine. It decides nothing that the tests are about.

use std::collections::BTreeMap;
use std::sync::Mutex;

use runbook_model::connection::{Connection, Identity};
use runbook_model::duration::Duration;
use runbook_model::failure::Failure;

use crate::archives::Archives;
use crate::certificates::Certificates;
use crate::contract::Pending;
use crate::files::{Edit, Edited, Files, Original};
use crate::network::Network;
use crate::ports::{Aws, Kubernetes, Outside};
use crate::programs::{Course, Program, Programs};
use crate::test_server::TestServer;

/// The words and the environment of a program.
type Started = (Vec<String>, BTreeMap<String, String>);

/// The machine, with one cluster to reach.
#[derive(Default)]
pub(crate) struct TestMachine {
    /// Content and mode by path.
    pub(crate) files: Mutex<BTreeMap<String, (String, u32)>>,
    /// How programs stand when they are asked about, in this order.
    pub(crate) courses: Mutex<Vec<Course>>,
    /// The programs that were started.
    pub(crate) started: Mutex<Vec<Started>>,
    server: TestServer,
}

impl TestMachine {
    pub(crate) fn with(path: &str, content: &str, mode: u32) -> Self {
        let machine = Self::default();
        machine.files.lock().unwrap().insert(path.to_owned(), (content.to_owned(), mode));
        machine
    }

    pub(crate) fn file(&self, path: &str) -> (String, u32) {
        self.files.lock().unwrap()[path].clone()
    }
}

impl Files for TestMachine {
    fn kubeconfigs(&self) -> Vec<String> {
        vec!["/home/kubeconfig".to_owned()]
    }

    fn edit(&self, edit: Edit) -> Pending<'_, Result<Edited, Failure>> {
        Box::pin(async move {
            let mut files = self.files.lock().unwrap();
            let original = |path: &String| {
                let (content, mode) = files.get(path).map(|(text, mode)| (text.clone().into_bytes(), *mode)).unzip();
                Original { path: path.clone(), content, mode, backed_up: false }
            };
            let originals: Vec<Original> = edit.paths.iter().map(original).collect();
            let judged = (edit.judge)(&originals)?;
            let mut backups = Vec::new();
            for change in &judged.changes {
                let (path, was) = (&edit.paths[change.file], originals[change.file].mode);
                backups.extend(was.map(|_| format!("{path}.{}.bak", edit.run)));
                let text = String::from_utf8(change.content.clone()).unwrap();
                files.insert(path.clone(), (text, change.mode.or(was).unwrap_or(0o600)));
            }
            Ok(Edited { found: judged.found, changed: !judged.changes.is_empty(), backups })
        })
    }
}

impl Programs for TestMachine {
    fn start<'a>(&'a self, _: &'a str, program: Program) -> Pending<'a, Result<bool, Failure>> {
        Box::pin(async move {
            let needless = program.creates.as_ref().is_some_and(|path| self.files.lock().unwrap().contains_key(path));
            if !needless {
                self.started.lock().unwrap().push((program.argv, program.environment));
            }
            Ok(!needless)
        })
    }

    fn wait<'a>(&'a self, _: &'a str, _: Duration) -> Pending<'a, Result<Course, Failure>> {
        Box::pin(async move { Ok(self.courses.lock().unwrap().remove(0)) })
    }
}

impl Outside for TestMachine {
    fn aws(&self) -> &dyn Aws {
        self.server.aws()
    }

    fn kubernetes(&self) -> &dyn Kubernetes {
        &self.server
    }

    fn certificates(&self) -> &dyn Certificates {
        self.server.certificates()
    }

    fn archives(&self) -> &dyn Archives {
        self.server.archives()
    }

    fn network(&self) -> &dyn Network {
        self.server.network()
    }

    fn files(&self) -> &dyn Files {
        self
    }

    fn programs(&self) -> &dyn Programs {
        self
    }

    fn identify<'a>(&'a self, connection: &'a Connection) -> Pending<'a, Result<Identity, Failure>> {
        self.server.identify(connection)
    }
}
