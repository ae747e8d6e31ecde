//! What a certificate says, and whether it is what it should be.
//!
//! This file decides how a certificate is read back and whose signature it carries. It must not make any.

use std::net::IpAddr;

use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::DecodePublicKey as _;
use rsa::sha2::Sha256;
use runbook_model::digest::Digest;
use runbook_model::failure::{Failure, FailureClass};
use runbook_steps::certificates::{Certificate, Pair, Subject};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::der::{DecodePem as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};

use super::key::Key;
use super::timestamp;

/// Reads a certificate; its key is compared, and its signature checked against the authority.
///
/// # Errors
/// `invalid` if it is no certificate, or the key no key.
pub(super) fn read(pair: &Pair, authority: Option<&str>) -> Result<Certificate, Failure> {
    let certificate = parse(&pair.certificate)?;
    let tbs = certificate.tbs_certificate();
    let fits_key = match &pair.key {
        Some(key) => Key::read(key)?.public()? == *tbs.subject_public_key_info(),
        None => false,
    };
    let is_issued = match authority {
        Some(authority) => is_signed_by(&certificate, &parse(authority)?),
        None => false,
    };
    let extension = |error: x509_cert::der::Error| unreadable(&error);
    let constraints = tbs.get_extension::<BasicConstraints>().map_err(extension)?;
    let names = tbs.get_extension::<SubjectAltName>().map_err(extension)?;
    let uses = tbs.get_extension::<ExtendedKeyUsage>().map_err(extension)?;
    let is_authority = constraints.is_some_and(|(_, constraints)| constraints.ca);
    let mut subject = Subject {
        common_name: attributes(&certificate, COMMON_NAME).into_iter().next().unwrap_or_default(),
        organizations: attributes(&certificate, ORGANIZATION_NAME),
        ..Subject::default()
    };
    if !is_authority {
        let may = |oid| uses.as_ref().is_some_and(|(_, uses)| uses.0.contains(&oid));
        (subject.server, subject.client) = (may(ID_KP_SERVER_AUTH), may(ID_KP_CLIENT_AUTH));
        for name in names.map(|(_, names)| names.0).unwrap_or_default() {
            match name {
                GeneralName::DnsName(name) => subject.dns.push(name.as_str().to_owned()),
                GeneralName::IpAddress(bytes) => subject.ips.extend(address(bytes.as_bytes())),
                _ => {}
            }
        }
    }
    let public = tbs.subject_public_key_info().to_der().map_err(|error| unreadable(&error))?;
    Ok(Certificate {
        subject,
        is_authority,
        not_before: timestamp(tbs.validity().not_before.to_system_time()),
        not_after: timestamp(tbs.validity().not_after.to_system_time()),
        public_key: Digest::of(&public),
        fits_key,
        is_issued,
    })
}

fn parse(pem: &str) -> Result<x509_cert::Certificate, Failure> {
    x509_cert::Certificate::from_pem(pem).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureClass::Invalid, format!("a certificate cannot be read: {error}"))
}

fn attributes(certificate: &x509_cert::Certificate, oid: ObjectIdentifier) -> Vec<String> {
    let parts =
        certificate.tbs_certificate().subject().iter_rdn().flat_map(x509_cert::name::RelativeDistinguishedName::iter);
    let wanted = parts.filter(|attribute| attribute.oid == oid);
    // All the string types of names that are in use hold UTF-8 or ASCII.
    wanted.map(|attribute| String::from_utf8_lossy(attribute.value.value()).into_owned()).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

fn is_signed_by(certificate: &x509_cert::Certificate, authority: &x509_cert::Certificate) -> bool {
    if certificate.tbs_certificate().issuer() != authority.tbs_certificate().subject() {
        return false;
    }
    let public = authority.tbs_certificate().subject_public_key_info().to_der();
    let (Ok(public), Ok(signed), Some(signature)) =
        (public, certificate.tbs_certificate().to_der(), certificate.signature().as_bytes())
    else {
        return false;
    };
    if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(&public) {
        return p256::ecdsa::DerSignature::try_from(signature)
            .is_ok_and(|signature| key.verify(&signed, &signature).is_ok());
    }
    if let Ok(key) = rsa::RsaPublicKey::from_public_key_der(&public) {
        let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(key);
        return rsa::pkcs1v15::Signature::try_from(signature)
            .is_ok_and(|signature| key.verify(&signed, &signature).is_ok());
    }
    false
}
