//! `cargo xtask models`: packs the service models of the pinned botocore into `runner/aws/models/`.
//!
//! This file decides which services are packed and what the folder holds afterwards; the same botocore gives the same
//! bytes. What of a model is kept is decided in [`traits`], what botocore knows only in code is added in [`corrections`].

use std::fmt::Write as _;
use std::path::Path;

use runbook_aws::pack;
use runbook_harness::Python;
use serde_json::{Value, json};

mod botocore;
mod corrections;
mod traits;

use botocore::Botocore;

/// What the shipped runbooks and the sketches of later ones call. Each costs 3 to 30 KB of the program.
const SERVICES: [&str; 22] = [
    "acm",
    "autoscaling",
    "cloudformation",
    "ec2",
    "ecr",
    "eks",
    "elb",
    "elbv2",
    "iam",
    "kms",
    "logs",
    "pricing",
    "rds",
    "resourcegroupstaggingapi",
    "route53",
    "s3",
    "s3control",
    "secretsmanager",
    "service-quotas",
    "sqs",
    "ssm",
    "sts",
];

/// Packs the models of the botocore that the conformance tests install.
///
/// # Errors
/// What is missing, or cannot be written.
pub(crate) fn run(root: &Path) -> Result<String, String> {
    let packed = Packed::make()?;
    let folder = root.join(FOLDER);
    for (name, bytes) in &packed.files {
        write_file(&folder.join(name), bytes)?;
    }
    for name in packed.strangers(&folder)? {
        let file = folder.join(name);
        std::fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let size: usize = packed.files.iter().map(|(_, bytes)| bytes.len()).sum();
    Ok(format!("{} services of botocore {}: {size} bytes", SERVICES.len(), packed.version))
}

/// Compares the folder with what packing would make of it.
///
/// # Errors
/// The files that differ.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let packed = Packed::make()?;
    let folder = root.join(FOLDER);
    let differs = |name: &str, bytes: &[u8]| std::fs::read(folder.join(name)).map_or(true, |found| found != bytes);
    let mut different: Vec<&str> =
        packed.files.iter().filter(|(name, bytes)| differs(name, bytes)).map(|(name, _)| name.as_str()).collect();
    let strangers = packed.strangers(&folder)?;
    different.extend(strangers.iter().map(String::as_str));
    if different.is_empty() {
        return Ok(());
    }
    Err(format!("in {FOLDER}, {} are not what `cargo xtask models` makes; run it", different.join(", ")))
}

/// The environment with the botocore that the models are packed from and that conformance is tested with.
///
/// # Errors
/// There is no `python3` with `venv`, or the packages cannot be had.
pub(crate) fn python() -> Result<Python, String> {
    Python::with("conformance", "tests/conformance/requirements.txt").map_err(|error| error.to_string())
}

const FOLDER: &str = "runner/aws/models";

/// What the folder holds, but for its README.
struct Packed {
    version: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Packed {
    fn make() -> Result<Self, String> {
        let botocore = Botocore::installed(&python()?)?;
        let mut index = String::from(HEAD);
        write!(index, "pub const BOTOCORE: &str = \"{}\";\n\n{PACKED}", botocore.version).expect("text grows");
        let (mut files, mut others) = (Vec::new(), Vec::new());
        for service in botocore.services()? {
            if SERVICES.contains(&service.as_str()) {
                let model = model(&botocore, &service)?;
                index.push_str(&entry(&service, &model["metadata"]));
                files.push((format!("{service}.z"), pack::deflate(&pack::text(&model))));
            } else {
                others.push(service);
            }
        }
        if files.len() != SERVICES.len() {
            return Err(format!("botocore {} has not all of the services in `SERVICES`", botocore.version));
        }
        index.push_str(OTHERS);
        for service in &others {
            writeln!(index, "    \"{service}\",").expect("text grows");
        }
        index.push_str("];\n");
        files.push(("index.rs".to_owned(), index.into_bytes()));
        files.push(("partitions.json".to_owned(), format!("{}\n", botocore.partitions()?).into_bytes()));
        Ok(Self { version: botocore.version, files })
    }

    /// What else is in the folder, such as the models of services that are not packed any more.
    fn strangers(&self, folder: &Path) -> Result<Vec<String>, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        let mut strangers = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name != "README.md" && !self.files.iter().any(|(known, _)| *known == name) {
                strangers.push(name);
            }
        }
        strangers.sort();
        Ok(strangers)
    }
}

/// A line of the index, broken where rustfmt breaks it.
fn entry(service: &str, metadata: &Value) -> String {
    let prefix = metadata["signingName"].as_str().or(metadata["endpointPrefix"].as_str()).unwrap_or_default();
    let fields = [
        format!("name: \"{service}\""),
        format!("id: {}", metadata["serviceId"]),
        format!("prefix: \"{prefix}\""),
        format!("bytes: include_bytes!(\"{service}.z\")"),
    ];
    let line = format!("    Packed {{ {} }},\n", fields.join(", "));
    if line.len() <= 121 { line } else { format!("    Packed {{\n        {},\n    }},\n", fields.join(",\n        ")) }
}

const HEAD: &str = "\
//! The models in this program. Written by `cargo xtask models`; see `README.md` beside it.

use crate::catalog::Packed;

/// The botocore these models were packed from.
";

const PACKED: &str = "\
/// The packed models, in the order of their names.
pub(crate) const PACKED: &[Packed] = &[
";

const OTHERS: &str = "\
];

/// Services that exist in AWS and are not in this program.
pub(crate) const NOT_PACKED: &[&str] = &[
";

/// One service as the program keeps it.
fn model(botocore: &Botocore, service: &str) -> Result<Value, String> {
    let files = botocore.read(service)?;
    let mut model = json!({
        "metadata": files.service["metadata"],
        "operations": files.service["operations"],
        "shapes": files.service["shapes"],
        "paginators": files.paginators,
        "waiters": files.waiters,
        "rules": files.rules,
    });
    traits::strip(&mut model).map_err(|error| format!("{service}: {error}"))?;
    corrections::apply(service, &mut model).map_err(|error| format!("{service}: {error}"))?;
    Ok(model)
}

fn write_file(file: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(file, bytes).map_err(|error| format!("{}: {error}", file.display()))
}
