//! Manifests: the objects that an author wants to be there.
//!
//! This file decides what a usable manifest is and in which order manifests are applied. It must not send them.

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::Value;

use super::object::Object;

/// One wanted object.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its fields, without nulls.
    pub fields: Value,
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace, as far as the manifest or the step says one.
    pub namespace: Option<String>,
}

impl Manifest {
    /// How people name it.
    #[must_use]
    pub fn label(&self) -> String {
        Object(&self.fields).label()
    }

    /// Does it define a kind that other manifests may be of?
    #[must_use]
    pub fn is_definition(&self) -> bool {
        self.kind == "CustomResourceDefinition" && Object(&self.fields).group() == "apiextensions.k8s.io"
    }

    /// Is it of the kind that `definition` defines?
    #[must_use]
    pub fn is_defined_by(&self, definition: &Self) -> bool {
        let spec = |path: &[&str]| Object(&definition.fields).text(path);
        definition.is_definition()
            && spec(&["spec", "group"]) == Some(Object(&self.fields).group())
            && spec(&["spec", "names", "kind"]) == Some(self.kind.as_str())
    }

    /// Namespaces come before what lives in them, definitions before objects of their kinds; all else keeps its order.
    fn rank(&self) -> u8 {
        match self.kind.as_str() {
            "Namespace" if self.api_version == "v1" => 0,
            _ if self.is_definition() => 1,
            _ => 2,
        }
    }
}

/// Reads `objects`: a list of objects, lists in it (`kind: List`) opened, empty documents left out, namespaces filled in.
///
/// # Errors
/// `invalid`, naming the object, if one lacks what every manifest needs or two are the same object.
pub fn read(objects: &Value, namespace: Option<&str>) -> Result<Vec<Manifest>, Failure> {
    let mut manifests = Vec::new();
    match objects.peeled() {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                open(item, &format!("objects[{index}]"), namespace, &mut manifests)?;
            }
        }
        Value::Null => {}
        other => return Err(invalid(format!("`objects` is {}, not a list of objects", other.type_name()))),
    }
    unique(&manifests, "`objects`")?;
    Ok(manifests)
}

/// As [`read`], from the documents of files.
///
/// # Errors
/// As [`read`], naming the file.
pub fn read_files(files: &[(String, Vec<Value>)], namespace: Option<&str>) -> Result<Vec<Manifest>, Failure> {
    let mut manifests = Vec::new();
    for (path, documents) in files {
        for (index, document) in documents.iter().enumerate() {
            open(document, &format!("{path}[{index}]"), namespace, &mut manifests)?;
        }
    }
    unique(&manifests, "the archive")?;
    Ok(manifests)
}

fn unique(manifests: &[Manifest], place: &str) -> Result<(), Failure> {
    let mut known = std::collections::BTreeSet::new();
    for manifest in manifests {
        let group = Object(&manifest.fields).group();
        if !known.insert((group.to_owned(), &manifest.kind, &manifest.namespace, &manifest.name)) {
            return Err(invalid(format!("{} stands in {place} twice", manifest.label())));
        }
    }
    Ok(())
}

/// The places of `manifests` in the order in which they are applied.
#[must_use]
pub fn order(manifests: &[Manifest]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..manifests.len()).collect();
    places.sort_by_key(|place| manifests[*place].rank());
    places
}

fn open(item: &Value, place: &str, namespace: Option<&str>, into: &mut Vec<Manifest>) -> Result<(), Failure> {
    let object = Object(item);
    if item.is_null() {
        return Ok(());
    }
    if item.as_map().is_none() {
        return Err(invalid(format!("`{place}` is {}, not an object", item.type_name())));
    }
    if object.kind() == "List" && object.api_version() == "v1" {
        for (index, item) in object.items(&["items"]).iter().enumerate() {
            open(item, &format!("{place}.items[{index}]"), namespace, into)?;
        }
        return Ok(());
    }
    let text = |path: &[&str]| {
        let wanted = path.join(".");
        match object.at(path) {
            Some(value) => match value.as_str() {
                Some("") | None => {
                    Err(invalid(format!("`{wanted}` of `{place}` is not a name but {}", value.type_name())))
                }
                Some(text) => Ok(text.to_owned()),
            },
            None => Err(invalid(format!("`{place}` has no `{wanted}`"))),
        }
    };
    let (api_version, kind) = (text(&["apiVersion"])?, text(&["kind"])?);
    if object.at(&["metadata", "generateName"]).is_some() && object.at(&["metadata", "name"]).is_none() {
        return Err(invalid(format!("`{place}` has a `generateName`; what is applied needs a name of its own"))
            .help("write `metadata.name`: an object that gets another name each time cannot be found again"));
    }
    let name = text(&["metadata", "name"])?;
    let namespace = object.namespace().or(namespace).map(str::to_owned);
    into.push(Manifest { fields: item.clone().without_nulls(), api_version, kind, name, namespace });
    Ok(())
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureClass::Invalid, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn labels(objects: Json) -> Result<Vec<String>, String> {
        let manifests = read(&objects.into(), Some("shop")).map_err(|failure| failure.message)?;
        Ok(order(&manifests).into_iter().map(|place| manifests[place].label()).collect())
    }

    fn object(api_version: &str, kind: &str, name: &str) -> Json {
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}})
    }

    #[test]
    fn namespaces_and_definitions_go_first_and_lists_are_opened() {
        let objects = json!([
            object("x.io/v1", "Thing", "a"),
            {"apiVersion": "v1", "kind": "List", "items": [object("v1", "ConfigMap", "b"), object("v1", "Namespace", "c")]},
            null,
            object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "things.x.io"),
        ]);
        assert_eq!(
            labels(objects).unwrap(),
            ["Namespace c", "CustomResourceDefinition things.x.io", "Thing a", "ConfigMap b"]
        );
    }

    #[test]
    fn an_unusable_manifest_is_named() {
        for (objects, words) in [
            (json!("text"), "`objects` is text, not a list of objects"),
            (json!([{"kind": "X"}]), "`objects[0]` has no `apiVersion`"),
            (json!([{"apiVersion": "v1", "kind": "ConfigMap"}]), "`objects[0]` has no `metadata.name`"),
            (
                json!([{"apiVersion": 1, "kind": "ConfigMap"}]),
                "`apiVersion` of `objects[0]` is not a name but a number",
            ),
            (json!([["x"]]), "`objects[0]` is a list, not an object"),
            (
                json!([object("v1", "ConfigMap", "a"), object("v1", "ConfigMap", "a")]),
                "ConfigMap a stands in `objects` twice",
            ),
        ] {
            assert_eq!(labels(objects).unwrap_err(), words);
        }
        let generated = json!([{"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}}]);
        assert!(labels(generated).unwrap_err().contains("generateName"));
    }

    #[test]
    fn an_objects_own_namespace_wins() {
        let objects = json!([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "own"}},
                             object("v1", "ConfigMap", "a")]);
        let manifests = read(&objects.into(), Some("shop")).unwrap();
        let namespaces: Vec<_> = manifests.iter().map(|m| m.namespace.as_deref()).collect();
        assert_eq!(namespaces, [Some("own"), Some("shop")]);
    }

    #[test]
    fn a_definition_knows_its_objects() {
        let objects = json!([object("x.io/v1", "Thing", "a"), {"apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition", "metadata": {"name": "things.x.io"},
            "spec": {"group": "x.io", "names": {"kind": "Thing"}}}]);
        let manifests = read(&objects.into(), None).unwrap();
        assert!(manifests[0].is_defined_by(&manifests[1]));
        assert!(!manifests[1].is_defined_by(&manifests[0]));
    }
}
