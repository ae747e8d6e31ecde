//! Certificates as others read them: OpenSSL verifies the chains, and what was written is read back.

use std::process::Command;

use runbook_steps::certificates::{Algorithm, PrivateKey};

use super::*;

fn subject(common_name: &str) -> Subject {
    Subject {
        common_name: common_name.into(),
        organizations: vec!["system:masters".into(), "grün".into()],
        dns: vec!["localhost".into(), "*.karmada-system.svc".into()],
        ips: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
        server: true,
        client: true,
    }
}

fn days(days: u64) -> runbook_model::duration::Duration {
    runbook_model::duration::Duration::from_secs(days * 24 * 3600)
}

fn made(subject: Subject, issuer: Issuer, key: KeyWish, valid: u64) -> Pair {
    issue(&Order { subject, issuer, key, valid_for: days(valid) }, SystemTime::now()).unwrap()
}

fn authority(algorithm: Algorithm) -> Pair {
    let subject = Subject { common_name: "karmada".into(), ..Subject::default() };
    made(subject, Issuer::Itself, KeyWish::New(algorithm), 3650)
}

fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn openssl_verifies_the_chain_and_reads_what_karmadactl_writes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (authority_key, own_key, heading) in [
        (Algorithm::EcdsaP256, Algorithm::EcdsaP256, "-----BEGIN EC PRIVATE KEY-----"),
        (Algorithm::Rsa2048, Algorithm::EcdsaP256, "-----BEGIN EC PRIVATE KEY-----"),
        (Algorithm::EcdsaP256, Algorithm::Rsa3072, "-----BEGIN RSA PRIVATE KEY-----"),
    ] {
        let authority = authority(authority_key);
        let pair = made(subject("system:admin"), Issuer::Authority(authority.clone()), KeyWish::New(own_key), 365);
        let (ca, certificate) = (at("ca.crt", &authority.certificate), at("a.crt", &pair.certificate));
        let key = pair.key.as_ref().unwrap().expose();
        assert!(key.starts_with(heading), "an API server takes no other form");
        for purpose in ["sslserver", "sslclient"] {
            openssl(&["verify", "-x509_strict", "-purpose", purpose, "-CAfile", &ca, &certificate]);
        }
        let public = openssl(&["pkey", "-in", &at("a.key", key), "-pubout"]);
        assert_eq!(openssl(&["x509", "-in", &certificate, "-noout", "-pubkey"]), public);

        let text = openssl(&["x509", "-in", &certificate, "-noout", "-text", "-nameopt", "utf8"]);
        for words in [
            "O=system:masters, O=grün, CN=system:admin",
            "Issuer: CN=karmada",
            "X509v3 Key Usage: critical\n                Digital Signature, Key Encipherment\n",
            "TLS Web Server Authentication, TLS Web Client Authentication",
            "X509v3 Basic Constraints: critical\n                CA:FALSE",
            "X509v3 Authority Key Identifier",
            "DNS:localhost, DNS:*.karmada-system.svc, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("Subject Key Identifier"));
        let text = openssl(&["x509", "-in", &ca, "-noout", "-text"]);
        for words in [
            "CA:TRUE",
            "Digital Signature, Key Encipherment, Certificate Sign",
            "DNS:karmada",
            "Subject Key Identifier",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}

#[test]
fn what_was_made_is_read_back() {
    let (authority, stranger) = (authority(Algorithm::EcdsaP256), authority(Algorithm::EcdsaP256));
    let pair = made(subject("a"), Issuer::Authority(authority.clone()), KeyWish::New(Algorithm::EcdsaP256), 365);
    let is = RealCertificates.read(&pair, Some(&authority.certificate)).unwrap();
    assert_eq!(is.subject, subject("a"));
    assert!(is.fits_key && is.is_issued && !is.is_authority);
    let now = RealCertificates.now();
    assert!(is.not_before < now && is.not_after.since(now) > days(364));

    let is = RealCertificates.read(&pair, Some(&stranger.certificate)).unwrap();
    assert!(!is.is_issued, "of the same name, and another key");
    let other = Pair { key: stranger.key.clone(), ..pair.clone() };
    assert!(!RealCertificates.read(&other, None).unwrap().fits_key);
    assert!(RealCertificates.read(&authority, None).unwrap().is_authority);
}

#[test]
fn made_anew_it_keeps_its_key_and_what_an_authority_signed_stays_valid() {
    let old = authority(Algorithm::EcdsaP256);
    let pair = made(subject("a"), Issuer::Authority(old.clone()), KeyWish::New(Algorithm::EcdsaP256), 365);
    let key = KeyWish::Kept(old.key.clone().unwrap());
    let new = made(Subject { common_name: "karmada".into(), ..Subject::default() }, Issuer::Itself, key, 3650);
    assert_ne!(new.certificate, old.certificate);
    assert_eq!(new.key, old.key);
    assert!(RealCertificates.read(&pair, Some(&new.certificate)).unwrap().is_issued);
}

#[test]
fn a_certificate_does_not_outlive_its_authority() {
    let authority = authority(Algorithm::EcdsaP256);
    let pair = made(subject("a"), Issuer::Authority(authority.clone()), KeyWish::New(Algorithm::EcdsaP256), 36500);
    let end = |pair: &Pair| RealCertificates.read(pair, None).unwrap().not_after;
    assert_eq!(end(&pair), end(&authority));
}

#[test]
fn keys_of_other_tools_are_read_and_nonsense_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k");
    let path = path.to_str().unwrap();
    for kind in [&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"][..], &["-algorithm", "RSA"]] {
        openssl(&[&["genpkey", "-out", path], kind].concat());
        let key = KeyWish::Kept(PrivateKey::new(std::fs::read_to_string(path).unwrap()));
        let subject = Subject { common_name: "theirs".into(), ..Subject::default() };
        let pair = made(subject, Issuer::Itself, key, 1);
        assert!(RealCertificates.read(&pair, Some(&pair.certificate)).unwrap().is_issued);
    }
    let order = Order {
        subject: subject("a"),
        issuer: Issuer::Itself,
        key: KeyWish::Kept(PrivateKey::new("hunter2".into())),
        valid_for: days(1),
    };
    let refused = issue(&order, SystemTime::now()).unwrap_err();
    assert!(!format!("{refused:?}{order:?}").contains("hunter2"));
}
