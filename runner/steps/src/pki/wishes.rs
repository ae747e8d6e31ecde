//! What an author wishes of a `pki`.
//!
//! This file decides the form of its arguments, at planning and when the step runs. It must not know what is there.

use std::collections::BTreeSet;
use std::net::IpAddr;

use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::duration::Duration;
use runbook_model::failure::Failure;
use runbook_model::value::{Map, Value};

use super::NAME;
use crate::arguments::{self, Judge, invalid, listed, value_of};
use crate::certificates::{Algorithm, Subject};

const KEYS: [&str; 9] = [
    "secret",
    "namespace",
    "labels",
    "authorities",
    "certificates",
    "key",
    "renew-before",
    "renew",
    "renew-authorities",
];
const AUTHORITY: [&str; 2] = ["common-name", "valid-days"];
const CERTIFICATE: [&str; 7] = ["authority", "common-name", "organizations", "dns", "ips", "usages", "valid-days"];
const USAGES: [&str; 2] = ["server", "client"];

const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);
const AUTHORITY_DAYS: u64 = 3650;
const CERTIFICATE_DAYS: u64 = 365;
const MOST_DAYS: u64 = 36500;

/// All of them, evaluated.
#[derive(Debug)]
pub(super) struct Wishes {
    pub(super) secret: String,
    pub(super) namespace: Option<String>,
    pub(super) labels: Map,
    pub(super) algorithm: Algorithm,
    pub(super) renew_before: Duration,
    pub(super) renew: bool,
    pub(super) renew_authorities: bool,
    pub(super) authorities: Vec<Wish>,
    pub(super) certificates: Vec<Wish>,
}

/// One certificate.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) name: String,
    /// The name of its authority; nothing for an authority itself.
    pub(super) authority: Option<String>,
    pub(super) subject: Subject,
    pub(super) valid_for: Duration,
}

/// Judges what is literal.
pub(super) fn judge(arguments: &mut Argument, diagnostics: &mut Vec<Diagnostic>) {
    let mut judge = Judge::new(NAME, diagnostics);
    if !judge.keys(arguments, &KEYS, &[]) {
        return;
    }
    judge.require(arguments, "secret", "write the name of the Secret that keeps the certificates");
    let help = "write `authorities: {ca: {common-name: …}}`";
    judge.require(arguments, "authorities", help);
    for key in ["secret", "namespace", "renew-before"] {
        judge.text(arguments, key);
    }
    judge.choice(arguments, "key", &Algorithm::NAMES);
    for key in ["renew", "renew-authorities"] {
        judge.truth(arguments, key);
    }
    let known: Vec<String> = value_of(arguments, "authorities")
        .and_then(Argument::as_map)
        .map(|entries| entries.iter().map(|entry| entry.key.clone()).collect())
        .unwrap_or_default();
    for (group, keys, singular) in
        [("authorities", &AUTHORITY[..], "an authority"), ("certificates", &CERTIFICATE, "a certificate")]
    {
        for entry in value_of(arguments, group).and_then(Argument::as_map).unwrap_or_default() {
            let mut judge = Judge::new(singular, diagnostics);
            if !judge.keys(&entry.value, keys, &[]) {
                continue;
            }
            judge.require(&entry.value, "common-name", "write whom it is for");
            if group == "authorities" {
                continue;
            }
            judge.require(&entry.value, "authority", "write the name of the authority that signs it");
            let Some(authority) = value_of(&entry.value, "authority") else { continue };
            if let Some(name) = authority.as_text()
                && !known.is_empty()
                && !known.iter().any(|known| known == name)
            {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                let help = format!("the authorities are {}", listed(&names));
                judge.complain(code::KIND_VALUE, authority.span, format!("there is no authority `{name}`"), help);
            }
        }
    }
}

impl Wishes {
    /// Reads the evaluated arguments.
    ///
    /// # Errors
    /// `invalid`, naming what cannot be used.
    pub(super) fn read(arguments: &Value) -> Result<Self, Failure> {
        let key = arguments::text(arguments, "key")?.unwrap_or(Algorithm::NAMES[0]);
        let algorithm = Algorithm::named(key)
            .ok_or_else(|| invalid(format!("`key` cannot be `{key}`: it is one of {}", listed(&Algorithm::NAMES))))?;
        let renew_before = arguments::text(arguments, "renew-before")?.map(str::parse).transpose();
        let wishes = Self {
            secret: arguments::required_text(arguments, "secret")?.to_owned(),
            namespace: arguments::text(arguments, "namespace")?.map(str::to_owned),
            labels: arguments.get("labels").and_then(Value::as_map).cloned().unwrap_or_default(),
            algorithm,
            renew_before: renew_before
                .map_err(|error| invalid(format!("`renew-before`: {error}")))?
                .unwrap_or(RENEW_BEFORE),
            renew: arguments::flag(arguments, "renew"),
            renew_authorities: arguments::flag(arguments, "renew-authorities"),
            authorities: entries(arguments, "authorities", authority)?,
            certificates: entries(arguments, "certificates", certificate)?,
        };
        let mut names = BTreeSet::new();
        for wish in wishes.authorities.iter().chain(&wishes.certificates) {
            if !names.insert(&wish.name) {
                return Err(invalid(format!("`{}` is an authority and a certificate", wish.name)));
            }
            if let Some(authority) = &wish.authority
                && !wishes.authorities.iter().any(|known| known.name == *authority)
            {
                return Err(invalid(format!("the certificate `{}` names no authority: `{authority}`", wish.name)));
            }
        }
        Ok(wishes)
    }
}

fn entries(
    arguments: &Value,
    group: &str,
    read: fn(&str, &Value) -> Result<Wish, Failure>,
) -> Result<Vec<Wish>, Failure> {
    match arguments.get(group) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(value) => match value.as_map() {
            Some(map) => map
                .iter()
                .map(|(name, value)| {
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                    if name.is_empty() || !name.bytes().all(plain) {
                        return Err(invalid(format!("`{name}` in `{group}` cannot be a key of a Secret")));
                    }
                    read(name, value).map_err(|failure| {
                        let message = format!("`{name}` in `{group}`: {}", failure.message);
                        Failure { message, ..failure }
                    })
                })
                .collect(),
            None => Err(invalid(format!("`{group}` is {}, not a map", value.type_name()))),
        },
    }
}

fn authority(name: &str, value: &Value) -> Result<Wish, Failure> {
    let common_name = arguments::required_text(value, "common-name")?.to_owned();
    let subject = Subject { common_name, ..Subject::default() };
    Ok(Wish { name: name.to_owned(), authority: None, subject, valid_for: days(value, AUTHORITY_DAYS)? })
}

fn certificate(name: &str, value: &Value) -> Result<Wish, Failure> {
    let usages = texts(value, "usages")?;
    if let Some(other) = usages.iter().find(|usage| !USAGES.contains(&usage.as_str())) {
        return Err(invalid(format!("`usages` cannot hold `{other}`: they are {}", listed(&USAGES))));
    }
    let may = |usage: &str| usages.is_empty() || usages.iter().any(|known| known == usage);
    let ips = texts(value, "ips")?
        .into_iter()
        .map(|text| text.parse::<IpAddr>().map_err(|_| invalid(format!("`{text}` in `ips` is no address"))));
    let subject = Subject {
        common_name: arguments::required_text(value, "common-name")?.to_owned(),
        organizations: texts(value, "organizations")?,
        dns: texts(value, "dns")?,
        ips: ips.collect::<Result<_, _>>()?,
        server: may("server"),
        client: may("client"),
    };
    if let Some(name) = subject.dns.iter().find(|name| name.is_empty() || name.contains(char::is_whitespace)) {
        return Err(invalid(format!("`{name}` in `dns` is no name")));
    }
    Ok(Wish {
        name: name.to_owned(),
        authority: Some(arguments::required_text(value, "authority")?.to_owned()),
        subject,
        valid_for: days(value, CERTIFICATE_DAYS)?,
    })
}

/// A list of texts, nulls left out, each once.
fn texts(value: &Value, key: &str) -> Result<Vec<String>, Failure> {
    let items = match value.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => {
            value.as_list().ok_or_else(|| invalid(format!("`{key}` is {}, not a list", value.type_name())))?
        }
    };
    let mut texts: Vec<String> = Vec::new();
    for item in items.iter().filter(|item| !item.is_null()) {
        let text = item.as_str().ok_or_else(|| invalid(format!("`{key}` holds {}, not text", item.type_name())))?;
        if !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    }
    Ok(texts)
}

fn days(value: &Value, otherwise: u64) -> Result<Duration, Failure> {
    let days = match value.get("valid-days") {
        None | Some(Value::Null) => otherwise,
        Some(value) => {
            let days =
                value.as_i64().and_then(|days| u64::try_from(days).ok()).filter(|days| (1..=MOST_DAYS).contains(days));
            days.ok_or_else(|| invalid(format!("`valid-days` is not a number from 1 to {MOST_DAYS}")))?
        }
    };
    Ok(Duration::from_secs(days * 24 * 3600))
}
