//! What becomes of every certificate: kept, made, made anew, or refused.
//!
//! This file decides the one rule all rests on: an authority is made once, and no key that a running control plane rests on
//! is ever replaced. It must not know how the Secret is read and written.
//!
//! | there is | then |
//! | --- | --- |
//! | no authority, and none of its certificates | it is made |
//! | no authority, and a certificate of it | refused: another authority would shut out whoever trusts the old one |
//! | an authority that is another one than wished, without its key, or past its end | refused |
//! | an authority past its end, and `renew-authorities` | made anew with its key and name |
//! | no certificate | it is made |
//! | a certificate of another authority, or with another's key | refused; with `renew` made anew |
//! | a certificate that says other things, or ends soon, or `renew` | made anew, with its key |
//! | any other | kept |

use std::collections::BTreeMap;

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::time::Timestamp;

use super::Data;
use super::wishes::{Wish, Wishes};
use crate::certificates::{Certificate, Certificates, Issuer, KeyWish, Order, Pair, PrivateKey, Subject};

/// What the Secret holds, and who reads it.
pub(super) struct Stock<'a> {
    pub(super) label: String,
    pub(super) data: &'a Data,
    pub(super) certificates: &'a dyn Certificates,
}

/// All that was wished for, as it is now.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) entries: BTreeMap<String, Entry>,
    /// What was made, and why.
    pub(super) changed: Vec<String>,
}

/// One certificate with its key.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) pair: Pair,
    pub(super) not_after: Timestamp,
}

impl Kept {
    /// As the Secret keeps it: `<name>.crt` and `<name>.key`.
    pub(super) fn data(&self) -> Data {
        let mut data = Data::new();
        for (name, Entry { pair, .. }) in &self.entries {
            data.insert(format!("{name}.crt"), pair.certificate.clone().into_bytes());
            if let Some(key) = &pair.key {
                data.insert(format!("{name}.key"), key.expose().as_bytes().to_vec());
            }
        }
        data
    }
}

impl Stock<'_> {
    /// Keeps what is there and makes what is missing.
    ///
    /// # Errors
    /// `invalid` where something that is there cannot be kept and must not be replaced.
    pub(super) async fn keep(&self, wishes: &Wishes) -> Result<Kept, Failure> {
        let mut kept = Kept::default();
        for wish in &wishes.authorities {
            self.authority(wish, wishes, &mut kept).await?;
        }
        for wish in &wishes.certificates {
            self.certificate(wish, wishes, &mut kept).await?;
        }
        Ok(kept)
    }

    async fn authority(&self, wish: &Wish, wishes: &Wishes, kept: &mut Kept) -> Result<(), Failure> {
        let name = &wish.name;
        let Some(pair) = self.pair(name)? else {
            let rests =
                |other: &&Wish| other.authority.as_ref() == Some(name) && self.data.contains_key(&file(&other.name));
            if let Some(other) = wishes.certificates.iter().find(rests) {
                return Err(self.refused(&format!("holds `{}.crt` and no authority `{name}` that made it", other.name)));
            }
            return self.make(wish, Issuer::Itself, KeyWish::New(wishes.algorithm), "made", kept).await;
        };
        let is = self.read(name, &pair, None)?;
        if !is.is_authority || is.subject.common_name != wish.subject.common_name {
            return Err(self.refused(&format!(
                "holds a foreign `{name}.crt`: it is that of `{}`, not the authority `{}`",
                is.subject.common_name, wish.subject.common_name
            )));
        }
        if pair.key.is_some() && !is.fits_key {
            return Err(self.refused(&format!("holds a `{name}.key` that is not the key of `{name}.crt`")));
        }
        let is_over = is.not_after <= self.certificates.now();
        if !wishes.renew_authorities {
            if is_over {
                let failure = self.refused(&format!("holds an authority `{name}` that ran out on {}", is.not_after));
                return Err(
                    failure.help("set `renew-authorities: true` to make its certificate anew with the same key")
                );
            }
            kept.entries.insert(name.clone(), Entry { pair, not_after: is.not_after });
            return Ok(());
        }
        let key = pair
            .key
            .ok_or_else(|| self.refused(&format!("holds no `{name}.key`, without which it is not made anew")))?;
        self.make(wish, Issuer::Itself, KeyWish::Kept(key), "made anew", kept).await
    }

    async fn certificate(&self, wish: &Wish, wishes: &Wishes, kept: &mut Kept) -> Result<(), Failure> {
        let name = &wish.name;
        let authority = wish.authority.as_ref().and_then(|name| kept.entries.get(name));
        let Some(authority) = authority.map(|entry| entry.pair.clone()) else {
            return Err(self.refused(&format!("has no authority for `{name}`")));
        };
        let signs = |pair: Pair| match pair.key {
            Some(_) => Ok(Issuer::Authority(pair)),
            None => Err(self.refused(&format!("holds no key of the authority that has to sign `{name}`"))),
        };
        let Some(pair) = self.pair(name)? else {
            return self.make(wish, signs(authority)?, KeyWish::New(wishes.algorithm), "made", kept).await;
        };
        let is = self.read(name, &pair, Some(&authority.certificate))?;
        if !is.is_issued && !wishes.renew {
            let failure = self.refused(&format!("holds a `{name}.crt` of another authority than the one beside it"));
            return Err(failure.help(
                "nothing was changed. Put back the authority that signed it. Only if the one beside it is meant, set `renew: true`: all \
                 certificates are made anew by it, and whoever trusts the other one is shut out",
            ));
        }
        if !is.fits_key && !wishes.renew {
            let failure = self.refused(&format!("holds no `{name}.key` that is the key of `{name}.crt`"));
            return Err(failure.help("set `renew: true` to make the certificates anew"));
        }
        let why = if wishes.renew {
            Some("made anew, as `renew` asks")
        } else if is.not_after <= self.certificates.now().plus(wishes.renew_before) {
            Some("made anew, for it ends soon")
        } else if !says_the_same(&is.subject, &wish.subject) {
            Some("made anew, for it shall say other things")
        } else {
            None
        };
        let Some(why) = why else {
            kept.entries.insert(name.clone(), Entry { pair, not_after: is.not_after });
            return Ok(());
        };
        let key = match pair.key {
            Some(key) if is.fits_key => KeyWish::Kept(key),
            _ => KeyWish::New(wishes.algorithm),
        };
        self.make(wish, signs(authority)?, key, why, kept).await
    }

    async fn make(&self, wish: &Wish, issuer: Issuer, key: KeyWish, why: &str, kept: &mut Kept) -> Result<(), Failure> {
        let order = Order { subject: wish.subject.clone(), issuer, key, valid_for: wish.valid_for };
        let pair = self.certificates.issue(&order).await?;
        let not_after = self.read(&wish.name, &pair, None)?.not_after;
        kept.changed.push(format!("certificate `{}` was {why}; it ends on {not_after}", wish.name));
        kept.entries.insert(wish.name.clone(), Entry { pair, not_after });
        Ok(())
    }

    /// What the Secret holds under a name.
    fn pair(&self, name: &str) -> Result<Option<Pair>, Failure> {
        let text = |member: String| match self.data.get(&member) {
            None => Ok(None),
            Some(bytes) => match String::from_utf8(bytes.clone()) {
                Ok(text) if !text.trim().is_empty() => Ok(Some(text)),
                Ok(_) => Ok(None),
                Err(_) => Err(self.refused(&format!("holds a `{member}` that is no PEM"))),
            },
        };
        match (text(file(name))?, text(format!("{name}.key"))?) {
            (Some(certificate), key) => Ok(Some(Pair { certificate, key: key.map(PrivateKey::new) })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(self.refused(&format!("holds `{name}.key` and no `{name}.crt`"))),
        }
    }

    fn read(&self, name: &str, pair: &Pair, authority: Option<&str>) -> Result<Certificate, Failure> {
        self.certificates
            .read(pair, authority)
            .map_err(|failure| Failure { message: format!("{}, `{name}`: {}", self.label, failure.message), ..failure })
    }

    fn refused(&self, words: &str) -> Failure {
        Failure::new(FailureClass::Invalid, format!("{} {words}", self.label)).help(
            "nothing was changed: certificates that something may rest on are not replaced. Put back what is missing, or name \
             another Secret",
        )
    }
}

fn file(name: &str) -> String {
    format!("{name}.crt")
}

/// The order of names means nothing. A certificate that says more than is wished was wished otherwise before.
fn says_the_same(is: &Subject, wanted: &Subject) -> bool {
    fn sorted<T: Ord + Clone>(items: &[T]) -> Vec<T> {
        let mut items = items.to_vec();
        items.sort_unstable();
        items.dedup();
        items
    }
    (&is.common_name, is.server, is.client) == (&wanted.common_name, wanted.server, wanted.client)
        && sorted(&is.organizations) == sorted(&wanted.organizations)
        && sorted(&is.dns) == sorted(&wanted.dns)
        && sorted(&is.ips) == sorted(&wanted.ips)
}
