//! A workshop whose certificates are JSON, for the tests of kinds: what it issues can be read, and who signed it can be told.
//!
//! It decides nothing that the tests are about; a signature is the issuer's key.

use std::sync::atomic::{AtomicI64, Ordering};

use runbook_model::digest::Digest;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::certificates::{
    Algorithm, Certificate, Certificates, Issuer, KeyWish, Order, Pair, PrivateKey, Request, Subject,
};
use crate::contract::Pending;

/// The workshop; its clock stands until it is moved.
#[derive(Debug, Default)]
pub(crate) struct Workshop {
    /// In milliseconds.
    pub(crate) clock: AtomicI64,
    keys: AtomicI64,
}

impl Certificates for Workshop {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.load(Ordering::Relaxed))
    }

    fn issue<'a>(&'a self, order: &'a Order) -> Pending<'a, Result<Pair, Failure>> {
        Box::pin(async move {
            let key = match &order.key {
                KeyWish::New(algorithm) => {
                    PrivateKey::new(format!("{algorithm:?} key {}", self.keys.fetch_add(1, Ordering::Relaxed)))
                }
                KeyWish::Kept(key) => key.clone(),
            };
            let signer = match &order.issuer {
                Issuer::Itself => key.expose().to_owned(),
                Issuer::Authority(pair) => pair.key.as_ref().unwrap().expose().to_owned(),
            };
            let Subject { common_name, organizations, dns, ips, server, client } = &order.subject;
            let certificate = json!({"cn": common_name, "o": organizations, "dns": dns,
                "ips": ips.iter().map(ToString::to_string).collect::<Vec<_>>(), "server": server, "client": client,
                "public": format!("public half of {}", key.expose()), "signed": format!("by {signer}"),
                "authority": matches!(order.issuer, Issuer::Itself),
                "end": self.now().plus(order.valid_for).as_millis()});
            Ok(Pair { certificate: certificate.to_string(), key: Some(key) })
        })
    }

    fn request<'a>(&'a self, subject: &'a Subject, algorithm: Algorithm) -> Pending<'a, Result<Request, Failure>> {
        Box::pin(async move {
            let key = format!("{algorithm:?} key {}", self.keys.fetch_add(1, Ordering::Relaxed));
            let pem = json!({"cn": subject.common_name, "o": subject.organizations, "public": format!("public half of {key}")});
            Ok(Request { pem: pem.to_string(), key: PrivateKey::new(key) })
        })
    }

    fn draw(&self, alphabet: &str, length: usize) -> Result<String, Failure> {
        let letter = usize::try_from(self.keys.fetch_add(1, Ordering::Relaxed)).unwrap();
        Ok(alphabet.chars().cycle().skip(letter).take(length).collect())
    }

    fn read(&self, pair: &Pair, authority: Option<&str>) -> Result<Certificate, Failure> {
        let parse = |text: &str| {
            serde_json::from_str::<Json>(text).map_err(|_| Failure::new(FailureClass::Invalid, "no certificate"))
        };
        let is = parse(&pair.certificate)?;
        let texts = |key: &str| is[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
        let half = |key: &PrivateKey| is["public"] == format!("public half of {}", key.expose());
        let signed = |by: &Json| {
            is["signed"].as_str().unwrap().strip_prefix("by ")
                == by["public"].as_str().unwrap().strip_prefix("public half of ")
        };
        Ok(Certificate {
            subject: Subject {
                common_name: is["cn"].as_str().unwrap().to_owned(),
                organizations: texts("o").collect(),
                dns: texts("dns").collect(),
                ips: texts("ips").map(|text| text.parse().unwrap()).collect(),
                server: is["server"] == true,
                client: is["client"] == true,
            },
            is_authority: is["authority"] == true,
            not_before: Timestamp::default(),
            not_after: Timestamp::from_millis(is["end"].as_i64().unwrap()),
            public_key: Digest::of(is["public"].as_str().unwrap().as_bytes()),
            fits_key: pair.key.as_ref().is_some_and(half),
            is_issued: authority.map(parse).transpose()?.as_ref().is_some_and(signed),
        })
    }
}
