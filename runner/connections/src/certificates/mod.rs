//! Keys and certificates, made and read here.
//!
//! This file decides what stands in a certificate: the extensions are those of `karmadactl init` and of kubeadm, so that
//! Kubernetes' own programs and Karmada's find in them what they look for. It must not know where pairs are kept.

mod key;
mod read;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::time::Timestamp;
use runbook_steps::certificates::{
    Algorithm, Certificate, Certificates, Issuer, KeyWish, Order, Pair, Request, Subject,
};
use runbook_steps::contract::Pending;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{Ia5String, OctetString, PrintableString};
use x509_cert::der::oid::db::rfc4519;
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Any, Decode as _, DecodePem as _, Encode as _, EncodePem as _, Tag};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::request::RequestBuilder;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use x509_cert::time::{Time, Validity};

use self::key::Key;

/// How far before now a certificate begins to be valid: clocks of nodes differ.
const HEAD_START: Duration = Duration::from_secs(300);

/// The port.
#[derive(Debug)]
pub(crate) struct RealCertificates;

impl Certificates for RealCertificates {
    fn now(&self) -> Timestamp {
        timestamp(SystemTime::now())
    }

    fn issue<'a>(&'a self, order: &'a Order) -> Pending<'a, Result<Pair, Failure>> {
        let order = order.clone();
        Box::pin(async move {
            // An RSA key takes up to a second of computing.
            let made = tokio::task::spawn_blocking(move || issue(&order, SystemTime::now())).await;
            made.map_err(|error| Failure::new(FailureClass::Unknown, error.to_string()))?
        })
    }

    fn request<'a>(&'a self, subject: &'a Subject, algorithm: Algorithm) -> Pending<'a, Result<Request, Failure>> {
        let subject = subject.clone();
        Box::pin(async move {
            let made = tokio::task::spawn_blocking(move || request(&subject, algorithm)).await;
            made.map_err(|error| Failure::new(FailureClass::Unknown, error.to_string()))?
        })
    }

    fn draw(&self, alphabet: &str, length: usize) -> Result<String, Failure> {
        let letters: Vec<char> = alphabet.chars().collect();
        // What does not fit a whole number of times would make the first letters likelier, and is drawn again.
        let fair = (256 / letters.len().max(1)) * letters.len();
        let mut drawn = String::new();
        while !letters.is_empty() && drawn.chars().count() < length {
            let mut bytes = [0; 64];
            getrandom::fill(&mut bytes).map_err(|error| {
                Failure::new(FailureClass::Unknown, format!("the machine gives no random numbers: {error}"))
            })?;
            let bytes = bytes.into_iter().map(usize::from).filter(|byte| *byte < fair);
            let left = length - drawn.chars().count();
            drawn.extend(bytes.filter_map(|byte| letters.get(byte % letters.len())).take(left));
        }
        Ok(drawn)
    }

    fn read(&self, pair: &Pair, authority: Option<&str>) -> Result<Certificate, Failure> {
        read::read(pair, authority)
    }
}

fn issue(order: &Order, now: SystemTime) -> Result<Pair, Failure> {
    let name = &order.subject.common_name;
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::new(FailureClass::Invalid, format!("the certificate `{name}` cannot be made: {error}"))
    };
    let key = match &order.key {
        KeyWish::New(algorithm) => Key::new(*algorithm)?,
        KeyWish::Kept(pem) => Key::read(pem)?,
    };
    let until = now + Duration::from(order.valid_for);
    let time = |moment: SystemTime| Time::try_from(moment).map_err(|error| unusable(&error));
    let profile = Profile { subject: &order.subject, issuer: None };
    let (profile, signer, until) = match &order.issuer {
        Issuer::Itself => (profile, None, time(until)?),
        Issuer::Authority(pair) => {
            let authority = x509_cert::Certificate::from_pem(&pair.certificate).map_err(|error| unusable(&error))?;
            let tbs = authority.tbs_certificate();
            let end = tbs.validity().not_after;
            let until = if end.to_system_time() < until { end } else { time(until)? };
            let signer = pair.key.as_ref().ok_or_else(|| unusable(&"the key of its authority is not there"))?;
            (Profile { issuer: Some(tbs.subject().clone()), ..profile }, Some(Key::read(signer)?), until)
        }
    };
    let validity = Validity::new(time(now - HEAD_START)?, until);
    let serial = SerialNumber::generate(&mut UnwrapErr(SysRng));
    let public = key.public()?;
    profile.check().map_err(|error| unusable(&error))?;
    let builder = CertificateBuilder::new(profile, serial, validity, public).map_err(|error| unusable(&error))?;
    let certificate = match signer.as_ref().unwrap_or(&key) {
        Key::Ecdsa(signer) => builder.build::<_, p256::ecdsa::DerSignature>(signer),
        Key::Rsa(signer) => builder.build::<_, rsa::pkcs1v15::Signature>(signer.as_ref()),
    };
    let certificate = certificate.map_err(|error| unusable(&error))?;
    let pem = certificate.to_pem(LineEnding::LF).map_err(|error| unusable(&error))?;
    let key = match &order.key {
        KeyWish::New(_) => key.pem()?,
        // As it was found, in the form its owner chose.
        KeyWish::Kept(pem) => pem.clone(),
    };
    Ok(Pair { certificate: pem, key: Some(key) })
}

fn request(subject: &Subject, algorithm: Algorithm) -> Result<Request, Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        let name = &subject.common_name;
        Failure::new(FailureClass::Invalid, format!("a certificate for `{name}` cannot be asked for: {error}"))
    };
    let name = Profile { subject, issuer: None }.name().map_err(|error| unusable(&error))?;
    let key = Key::new(algorithm)?;
    let builder = RequestBuilder::new(name).map_err(|error| unusable(&error))?;
    let request = match &key {
        Key::Ecdsa(signer) => builder.build::<_, p256::ecdsa::DerSignature>(signer),
        Key::Rsa(signer) => builder.build::<_, rsa::pkcs1v15::Signature>(signer.as_ref()),
    };
    let request = request.map_err(|error| unusable(&error))?;
    let pem = request.to_pem(LineEnding::LF).map_err(|error| unusable(&error))?;
    Ok(Request { pem, key: key.pem()? })
}

/// What stands in a certificate.
struct Profile<'a> {
    subject: &'a Subject,
    /// The name of the authority; nothing for an authority itself.
    issuer: Option<Name>,
}

impl Profile<'_> {
    /// Complains about names before they are written, where a builder could not.
    fn check(&self) -> Result<(), x509_cert::builder::Error> {
        self.name().map(drop)?;
        self.names().map(drop)
    }

    fn name(&self) -> Result<Name, x509_cert::builder::Error> {
        let attribute = |oid, text: &str| -> Result<RelativeDistinguishedName, x509_cert::builder::Error> {
            // As Go writes them: plain text where the letters allow it.
            let value = match PrintableString::new(text) {
                Ok(plain) => Any::from(&plain),
                Err(_) => Any::new(Tag::Utf8String, text.as_bytes())?,
            };
            let attribute = x509_cert::attr::AttributeTypeAndValue { oid, value };
            Ok(RelativeDistinguishedName::try_from(vec![attribute])?)
        };
        let mut parts = RdnSequence::default();
        for organization in &self.subject.organizations {
            parts.push(attribute(rfc4519::ORGANIZATION_NAME, organization)?);
        }
        parts.push(attribute(rfc4519::COMMON_NAME, &self.subject.common_name)?);
        Ok(Name::from_der(&parts.to_der()?)?)
    }

    fn names(&self) -> Result<Vec<GeneralName>, x509_cert::builder::Error> {
        let mut names = Vec::new();
        for name in &self.subject.dns {
            names.push(GeneralName::DnsName(Ia5String::new(name)?));
        }
        for address in &self.subject.ips {
            let bytes = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            names.push(GeneralName::IpAddress(OctetString::new(bytes)?));
        }
        Ok(names)
    }
}

impl BuilderProfile for Profile<'_> {
    fn get_issuer(&self, subject: &Name) -> Name {
        self.issuer.clone().unwrap_or_else(|| subject.clone())
    }

    fn get_subject(&self) -> Name {
        self.name().unwrap_or_default()
    }

    fn build_extensions(
        &self,
        own: SubjectPublicKeyInfoRef<'_>,
        signers: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> Result<Vec<Extension>, x509_cert::builder::Error> {
        let is_authority = self.issuer.is_none();
        let mut extensions = Vec::new();
        let mut usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
        if is_authority {
            usage |= KeyUsages::KeyCertSign;
        }
        extensions.push(KeyUsage(usage).to_extension(tbs.subject(), &extensions)?);
        let constraints = BasicConstraints { ca: is_authority, path_len_constraint: None };
        let mut constraints = constraints.to_extension(tbs.subject(), &extensions)?;
        constraints.critical = true;
        extensions.push(constraints);
        let mut names = self.names()?;
        if is_authority {
            extensions.push(SubjectKeyIdentifier::try_from(own)?.to_extension(tbs.subject(), &extensions)?);
            names.push(GeneralName::DnsName(Ia5String::new(&self.subject.common_name)?));
        } else {
            let uses = [(self.subject.server, ID_KP_SERVER_AUTH), (self.subject.client, ID_KP_CLIENT_AUTH)];
            let uses = uses.into_iter().filter_map(|(wanted, oid)| wanted.then_some(oid)).collect();
            extensions.push(ExtendedKeyUsage(uses).to_extension(tbs.subject(), &extensions)?);
            let authority = AuthorityKeyIdentifier::try_from(signers)?;
            extensions.push(authority.to_extension(tbs.subject(), &extensions)?);
        }
        if !names.is_empty() {
            extensions.push(SubjectAltName(names).to_extension(tbs.subject(), &extensions)?);
        }
        Ok(extensions)
    }
}

fn timestamp(moment: SystemTime) -> Timestamp {
    let millis = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
