//! The port to keys and certificates.
//!
//! This file decides what kinds may ask of whoever makes them: steps draw no random numbers, read no clock and know no
//! ASN.1. It must not know where certificates are kept.

use std::fmt;
use std::net::IpAddr;

use runbook_model::digest::Digest;
use runbook_model::duration::Duration;
use runbook_model::failure::Failure;
use runbook_model::time::Timestamp;

use crate::contract::Pending;

/// Whoever makes keys and certificates.
pub trait Certificates: Send + Sync {
    /// What time it is, to tell which certificates run out.
    fn now(&self) -> Timestamp;

    /// Makes a certificate, and a key for it if the order wants a new one.
    ///
    /// # Errors
    /// `invalid` if the order cannot be carried out, such as a key in a form that is not known.
    fn issue<'a>(&'a self, order: &'a Order) -> Pending<'a, Result<Pair, Failure>>;

    /// Draws a new key, and writes what an authority elsewhere needs to certify it.
    ///
    /// # Errors
    /// `invalid` if the subject cannot be written.
    fn request<'a>(&'a self, subject: &'a Subject, algorithm: Algorithm) -> Pending<'a, Result<Request, Failure>>;

    /// Draws a text of that many letters out of an alphabet, each as likely as any other; for tokens.
    ///
    /// # Errors
    /// `unknown` if the machine gives no random numbers.
    fn draw(&self, alphabet: &str, length: usize) -> Result<String, Failure>;

    /// Reads a certificate and judges it against its key and its authority.
    ///
    /// # Errors
    /// `invalid` if it is no certificate, or its key no key.
    fn read(&self, pair: &Pair, authority: Option<&str>) -> Result<Certificate, Failure>;
}

/// A private key as PEM. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(String);

impl PrivateKey {
    /// This PEM text as a key.
    #[must_use]
    pub fn new(pem: String) -> Self {
        Self(pem)
    }

    /// The PEM text, for the one place that stores or reads it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(runbook_model::value::REDACTED)
    }
}

/// A certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate as PEM.
    pub certificate: String,
    /// Its key, where that is known.
    pub key: Option<PrivateKey>,
}

/// What an authority elsewhere is asked with.
#[derive(Clone, Debug)]
pub struct Request {
    /// The certificate signing request (PKCS #10) as PEM.
    pub pem: String,
    /// The key that it is for.
    pub key: PrivateKey,
}

/// What key a certificate gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyWish {
    /// A new one.
    New(Algorithm),
    /// This one.
    Kept(PrivateKey),
}

/// The kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on the curve P-256.
    EcdsaP256,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
}

impl Algorithm {
    /// All of them, as authors write them.
    pub const NAMES: [&'static str; 3] = ["ecdsa-p256", "rsa-2048", "rsa-3072"];

    /// The algorithm of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        [Self::EcdsaP256, Self::Rsa2048, Self::Rsa3072].get(place).copied()
    }
}

/// A certificate to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// What it says.
    pub subject: Subject,
    /// Who signs it.
    pub issuer: Issuer,
    /// Its key.
    pub key: KeyWish,
    /// How long it is valid from now on; one that is signed by an authority does not outlive it.
    pub valid_for: Duration,
}

/// Who signs a certificate.
#[derive(Clone, Debug)]
pub enum Issuer {
    /// Its own key: it is an authority.
    Itself,
    /// An authority.
    Authority(Pair),
}

/// What a certificate says of its holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The common name.
    pub common_name: String,
    /// The organizations; Kubernetes reads them as groups.
    pub organizations: Vec<String>,
    /// Names under which a server answers.
    pub dns: Vec<String>,
    /// Addresses under which a server answers.
    pub ips: Vec<IpAddr>,
    /// May it serve?
    pub server: bool,
    /// May it call?
    pub client: bool,
}

/// A certificate that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What it says of its holder; of an authority neither names nor uses.
    pub subject: Subject,
    /// Is it an authority?
    pub is_authority: bool,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// SHA-256 of its public key (the DER of SubjectPublicKeyInfo), by which a certificate is pinned.
    pub public_key: Digest,
    /// Is its key the one that stands with it? False without a key.
    pub fits_key: bool,
    /// Was it signed by the authority that was given? False without one.
    pub is_issued: bool,
}
