//! `archive:` and `patches:`: manifests that others packed, checked by their content and changed on the way.
//!
//! This file decides which files of an archive are manifests, when its content is refused, and what a patch does. It must
//! not know how an archive is opened, nor how objects are applied.
//!
//! A patch is a JSON merge patch (RFC 7386): the objects others pack are mostly definitions, whose lists nobody names and
//! whose `spec.conversion` and `metadata` are maps. A patch that changes one item of a list has to give the whole list.

use runbook_model::argument::{Argument, Node};
use runbook_model::failure::Failure;
use runbook_model::value::{Map, Value};
use runbook_template::yaml;

use crate::archive::judge_digest;
use crate::archives::verified;
use crate::arguments::{self, Judge, invalid, value_of};
use crate::kubernetes::manifest::{self, Manifest};
use crate::kubernetes::object::Object;
use crate::ports::Outside;

const ARCHIVE: [&str; 3] = ["from", "digest", "under"];
const PATCH: [&str; 4] = ["apiVersion", "kind", "name", "merge"];
const MANIFESTS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Judges what is literal of `archive` and `patches`.
pub(super) fn judge(judge: &mut Judge<'_>, arguments: &Argument) {
    if let Some(archive) = value_of(arguments, "archive")
        && !matches!(archive.node, Node::Expression(_))
        && judge.within("archive").keys(archive, &ARCHIVE, &[])
    {
        let mut judge = judge.within("archive");
        judge.require(archive, "from", "write a file's path, or a URL");
        judge.require(archive, "digest", "write the digest of its content: `sha256:` and 64 hexadecimal digits");
        judge_digest(&mut judge, archive);
    }
    for patch in value_of(arguments, "patches").and_then(Argument::as_list).unwrap_or_default() {
        let mut judge = judge.within("a patch");
        if judge.keys(patch, &PATCH, &[]) {
            judge.require(patch, "kind", "write the kind of the objects it changes");
            judge.require(patch, "merge", "write what is to be merged into them");
        }
    }
}

/// The manifests of the archive, patched.
///
/// # Errors
/// `invalid` if the content is another one than wanted, or has no manifests; why it cannot be opened.
pub(super) async fn manifests(arguments: &Value, outside: &dyn Outside) -> Result<Vec<Manifest>, Failure> {
    let archive = arguments.get("archive").unwrap_or(&Value::Null);
    let place = arguments::required_text(archive, "from")?;
    let under = arguments::text(archive, "under")?.map(|folder| folder.trim_matches('/'));
    let files = verified(place, arguments::required_text(archive, "digest")?, outside).await?;
    let mut found = Vec::new();
    for file in files {
        let inside =
            under.is_none_or(|folder| file.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
        if !inside || !MANIFESTS.iter().any(|ending| file.path.ends_with(ending)) {
            continue;
        }
        let text = String::from_utf8(file.bytes)
            .map_err(|_| invalid(format!("`{}` in the archive `{place}` is no UTF-8", file.path)))?;
        let documents = yaml::documents(&text).map_err(|error| {
            let line = text.get(..error.range.start).map_or(0, |before| before.matches('\n').count()) + 1;
            invalid(format!("`{}` in the archive `{place}`, line {line}: {}", file.path, error.message))
        })?;
        found.push((file.path, documents));
    }
    if found.is_empty() {
        let folder = under.map(|folder| format!(" under `{folder}`")).unwrap_or_default();
        return Err(invalid(format!("the archive `{place}` holds no manifest{folder}"))
            .help("manifests are its `.yaml`, `.yml` and `.json` files; `under` names a folder in it"));
    }
    for patch in arguments.get("patches").and_then(Value::as_list).unwrap_or_default() {
        apply(patch, &mut found)?;
    }
    manifest::read_files(&found, arguments::text(arguments, "namespace")?)
}

/// Merges one patch into the objects it names.
fn apply(patch: &Value, files: &mut [(String, Vec<Value>)]) -> Result<(), Failure> {
    let kind = arguments::required_text(patch, "kind")?;
    let (api_version, name) = (arguments::text(patch, "apiVersion")?, arguments::text(patch, "name")?);
    let with = patch.get("merge").filter(|with| with.as_map().is_some());
    let with = with.ok_or_else(|| invalid("`merge` of a patch is no map".into()))?;
    let mut patched = 0;
    for document in files.iter_mut().flat_map(|(_, documents)| documents) {
        let object = Object(document);
        let concerned = object.kind() == kind
            && name.is_none_or(|name| object.name() == name)
            && api_version.is_none_or(|version| object.api_version() == version);
        if concerned {
            merge(document, with);
            patched += 1;
        }
    }
    if patched == 0 {
        let name = name.map(|name| format!(" `{name}`")).unwrap_or_default();
        return Err(invalid(format!("a patch is for {kind}{name}, and the archive holds none"))
            .help("nothing was applied. Mend the patch, or leave it out if the archive no longer needs it"));
    }
    Ok(())
}

/// RFC 7386; what is secret in the patch stays it.
fn merge(into: &mut Value, patch: &Value) {
    match patch {
        Value::Map(patch) => {
            if !matches!(into, Value::Map(_)) {
                *into = Value::Map(Map::new());
            }
            let Value::Map(map) = into else { return };
            for (key, value) in patch {
                if value.is_null() {
                    map.shift_remove(key);
                } else {
                    merge(map.entry(key.clone()).or_default(), value);
                }
            }
        }
        other => *into = other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use runbook_model::digest::Digest;
    use runbook_model::failure::FailureClass;
    use runbook_model::kind::Place;
    use serde_json::{Value as Json, json};

    use super::super::K8sApply;
    use super::*;
    use crate::archives::{PackedFile, content_digest};
    use crate::contract::Answer;
    use crate::test_server::{TestServer, answer, invocation};
    use crate::written::planned;

    const MAP: &str =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {keep: '1', drop: '1'}}\ndata: {x: '1'}\n";

    fn server(files: &[(&str, &str)]) -> (TestServer, String) {
        let server = TestServer::new();
        let files: Vec<PackedFile> =
            files.iter().map(|(path, text)| PackedFile { path: (*path).into(), bytes: (*text).into() }).collect();
        let digest = content_digest(&files).to_string();
        *server.packed.lock().unwrap() = files;
        (server, digest)
    }

    fn apply(server: &TestServer, archive: &Json, patches: &Json) -> Result<Answer, Failure> {
        let arguments = json!({"archive": archive, "patches": patches, "namespace": "n"});
        answer(&K8sApply, &invocation(arguments.into()), server)
    }

    #[test]
    fn manifests_under_a_folder_are_applied_and_all_else_is_left() {
        let other = MAP.replace("name: a", "name: b");
        let (server, digest) =
            server(&[("crds/a.yaml", MAP), ("crds/readme.md", "#"), ("crdsx/b.yaml", &other), ("k.yaml", "a: {{x}}")]);
        let archive = json!({"from": "x.tar.gz", "digest": digest, "under": "crds"});
        apply(&server, &archive, &json!(null)).unwrap();
        assert!(server.object("ConfigMap", Some("n"), "a").is_some());
        assert!(server.object("ConfigMap", Some("n"), "b").is_none());
    }

    #[test]
    fn another_content_is_refused_before_anything_is_applied() {
        let (server, _) = server(&[("a.yaml", MAP)]);
        let wanted = Digest::of(b"").to_string();
        let refused = apply(&server, &json!({"from": "x", "digest": wanted}), &json!(null)).unwrap_err();
        assert_eq!(refused.class, FailureClass::Invalid);
        assert!(refused.message.contains("another content than wanted"));
        assert_eq!(server.log(), ["open x"]);
    }

    #[test]
    fn a_patch_adds_replaces_and_removes() {
        let (server, digest) = server(&[("a.yaml", MAP)]);
        let patch = json!([{"kind": "ConfigMap", "name": "a",
            "merge": {"metadata": {"labels": {"drop": null, "new": "2"}}, "data": {"x": "3"}}}]);
        apply(&server, &json!({"from": "x", "digest": digest}), &patch).unwrap();
        let object = server.object("ConfigMap", Some("n"), "a").unwrap();
        assert_eq!(object["metadata"]["labels"], json!({"keep": "1", "new": "2"}));
        assert_eq!(object["data"], json!({"x": "3"}));
    }

    #[test]
    fn what_cannot_be_used_is_named_before_anything_is_applied() {
        for (files, patches, words) in [
            (&[("a.md", "x")][..], json!(null), "holds no manifest"),
            (&[("a.yaml", "a: [")], json!(null), "`a.yaml` in the archive `x`, line"),
            (&[("a.yaml", "a: 1")], json!(null), "`a.yaml[0]` has no `apiVersion`"),
            (&[("a.yaml", MAP), ("b.yaml", MAP)], json!(null), "ConfigMap a stands in the archive twice"),
            (&[("a.yaml", MAP)], json!([{"kind": "Secret", "merge": {}}]), "is for Secret, and the archive holds none"),
            (&[("a.yaml", MAP)], json!([{"kind": "ConfigMap", "merge": "x"}]), "is no map"),
        ] {
            let (server, digest) = server(files);
            let refused = apply(&server, &json!({"from": "x", "digest": digest}), &patches).unwrap_err();
            assert_eq!(refused.class, FailureClass::Invalid);
            assert!(refused.message.contains(words), "{}", refused.message);
            assert_eq!(server.log(), ["open x"]);
        }
    }

    #[test]
    fn mistakes_are_told_at_planning() {
        let told = |arguments: Json| planned(&K8sApply, Place::Step, arguments).2.join("\n");
        let digest = Digest::of(b"").to_string();
        assert_eq!(
            told(json!({"archive": {"from": "x", "digest": digest}, "patches": [{"kind": "X", "merge": {}}]})),
            ""
        );
        for (arguments, words) in [
            (json!({"archive": {"from": "x"}}), "`archive` needs `digest`"),
            (json!({"archive": {"from": "x", "digest": "md5:1"}}), "is not a digest"),
            (json!({"archive": {"form": "x", "digest": digest}}), "did you mean `from`?"),
            (json!({"archive": {"from": "x", "digest": digest}, "objects": []}), "exclude each other"),
            (json!({"objects": [], "patches": []}), "`patches` are there and no `archive`"),
            (
                json!({"archive": {"from": "x", "digest": digest}, "patches": [{"kind": "X"}]}),
                "`a patch` needs `merge`",
            ),
        ] {
            assert!(told(arguments.clone()).contains(words), "{words}: {}", told(arguments));
        }
    }
}
