//! Private keys: made, read, written.
//!
//! This file decides the forms of keys. It must not know certificates.
//!
//! Keys are written in the older forms of their own kind (PKCS #1, SEC 1): kube-apiserver takes an ECDSA key for its
//! `--service-account-key-file` in no other, and every program that reads PKCS #8 reads these too.

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use p256::ecdsa::SigningKey;
use p256::elliptic_curve::Generate as _;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::sha2::Sha256;
use rsa::{RsaPrivateKey, pkcs1v15};
use runbook_model::failure::{Failure, FailureClass};
use runbook_steps::certificates::{Algorithm, PrivateKey};
use x509_cert::der::pem::LineEnding;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// A key that signs.
pub(super) enum Key {
    Ecdsa(SigningKey),
    Rsa(Box<pkcs1v15::SigningKey<Sha256>>),
}

impl Key {
    /// Draws a new one.
    ///
    /// # Errors
    /// `unknown` if the machine gives no random numbers.
    pub(super) fn new(algorithm: Algorithm) -> Result<Self, Failure> {
        let bits = match algorithm {
            Algorithm::EcdsaP256 => {
                let secret = p256::SecretKey::generate_from_rng(&mut UnwrapErr(SysRng));
                return Ok(Self::Ecdsa(SigningKey::from(secret)));
            }
            Algorithm::Rsa2048 => 2048,
            Algorithm::Rsa3072 => 3072,
        };
        let key = RsaPrivateKey::new(&mut UnwrapErr(SysRng), bits);
        let key = key.map_err(|error| {
            Failure::new(FailureClass::Unknown, format!("a key with {bits} bits cannot be made: {error}"))
        })?;
        Ok(Self::Rsa(Box::new(pkcs1v15::SigningKey::new(key))))
    }

    /// Reads one.
    ///
    /// # Errors
    /// `invalid` if it is none, or of a kind that is not known. What it holds is not told.
    pub(super) fn read(key: &PrivateKey) -> Result<Self, Failure> {
        let pem = key.expose();
        if let Ok(secret) = p256::SecretKey::from_pem(pem) {
            return Ok(Self::Ecdsa(SigningKey::from(secret)));
        }
        if let Ok(key) = RsaPrivateKey::from_pkcs1_pem(pem).or_else(|_| RsaPrivateKey::from_pkcs8_pem(pem)) {
            return Ok(Self::Rsa(Box::new(pkcs1v15::SigningKey::new(key))));
        }
        Err(Failure::new(FailureClass::Invalid, "a private key is in no form that is known")
            .help("it has to be RSA or ECDSA on P-256, as PEM and without a passphrase"))
    }

    /// The public half.
    ///
    /// # Errors
    /// `unknown`; never for a key that was made or read here.
    pub(super) fn public(&self) -> Result<SubjectPublicKeyInfoOwned, Failure> {
        let public = match self {
            Self::Ecdsa(key) => SubjectPublicKeyInfoOwned::from_key(key.verifying_key()),
            Self::Rsa(key) => {
                SubjectPublicKeyInfoOwned::from_key(&rsa::signature::Keypair::verifying_key(key.as_ref()))
            }
        };
        public.map_err(|error| Failure::new(FailureClass::Unknown, format!("a public key cannot be written: {error}")))
    }

    /// As PEM.
    ///
    /// # Errors
    /// `unknown`; never for a key that was made or read here.
    pub(super) fn pem(&self) -> Result<PrivateKey, Failure> {
        let pem = match self {
            Self::Ecdsa(key) => {
                p256::SecretKey::from(key).to_sec1_pem(LineEnding::LF).map_err(|error| error.to_string())
            }
            Self::Rsa(key) => {
                let key: &RsaPrivateKey = key.as_ref().as_ref();
                key.to_pkcs1_pem(LineEnding::LF).map_err(|error| error.to_string())
            }
        };
        let pem =
            pem.map_err(|error| Failure::new(FailureClass::Unknown, format!("a key cannot be written: {error}")))?;
        Ok(PrivateKey::new(pem.to_string()))
    }
}
