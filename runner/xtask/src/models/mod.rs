//! `cargo xtask models`: packs the service models of an installed botocore into `runner/aws/models/`.
//!
//! This file decides which services are packed and what the folder holds afterwards; the same botocore gives the same
//! bytes. What of a model is kept is decided in [`traits`], what botocore knows only in code is added in [`corrections`].

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use runbook_aws::pack;
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

/// Packs the models of the pinned botocore.
///
/// # Errors
/// What is missing, and what to install.
pub(crate) fn run(root: &Path) -> Result<String, String> {
    let botocore = Botocore::installed(&pinned(root)?)?;
    let folder = root.join("runner/aws/models");
    let mut index = String::from(HEAD);
    write!(index, "pub const BOTOCORE: &str = \"{}\";\n\n{PACKED}", botocore.version).expect("text grows");
    let mut others = Vec::new();
    let mut kept = vec![folder.join("README.md"), folder.join("index.rs"), folder.join("partitions.json")];
    let mut size = 0;
    for service in botocore.services()? {
        if !SERVICES.contains(&service.as_str()) {
            others.push(service);
            continue;
        }
        let model = model(&botocore, &service)?;
        let packed = pack::deflate(&pack::text(&model));
        size += packed.len();
        let file = folder.join(format!("{service}.z"));
        write_file(&file, &packed)?;
        kept.push(file);
        index.push_str(&entry(&service, &model["metadata"]));
    }
    index.push_str("];\n\n/// Services that exist in AWS and are not in this program.\npub(crate) const NOT_PACKED: &[&str] = &[\n");
    for service in &others {
        writeln!(index, "    \"{service}\",").expect("text grows");
    }
    index.push_str("];\n");
    write_file(&folder.join("index.rs"), index.as_bytes())?;
    write_file(&folder.join("partitions.json"), format!("{}\n", botocore.partitions()?).as_bytes())?;
    remove_others(&folder, &kept)?;
    Ok(format!("{} services of botocore {}: {size} bytes", SERVICES.len(), botocore.version))
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

/// The version of botocore that the conformance tests install.
fn pinned(root: &Path) -> Result<String, String> {
    let file = root.join("tests/conformance/requirements.txt");
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let pin = text.lines().find_map(|line| line.trim().strip_prefix("botocore=="));
    pin.map(str::to_owned).ok_or_else(|| format!("{} pins no botocore", file.display()))
}

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

/// Removes models of services that are not packed any more.
fn remove_others(folder: &Path, kept: &[PathBuf]) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !kept.contains(&path) {
            std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}
