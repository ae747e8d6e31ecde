//! Adding an entry to a kubeconfig, and taking it out.
//!
//! This file decides what an entry is made of (a cluster, a user and a context of one name), when it may replace another, and
//! what goes with one that is removed. It must not know where credentials come from.

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};
use serde_json::{Value as Json, json};

use super::entries::{Entry, Kubeconfig};
use super::text::{Text, block};
use super::tree::{self, unusable};
use crate::files::{Change, Judged, Original};

/// Others may not read it: it holds, or leads to, credentials.
const MODE: u32 = 0o600;

/// The parts of an entry: the list it stands in, and the key of its body.
const PARTS: [(&str, &str); 3] = [("clusters", "cluster"), ("contexts", "context"), ("users", "user")];

/// What is to be in the file.
pub(super) struct Wanted {
    /// The name of all three parts.
    pub(super) name: String,
    /// What stands behind `cluster`.
    pub(super) cluster: Json,
    /// What stands behind `user`.
    pub(super) user: Json,
    /// Is it made the current context?
    pub(super) current: bool,
}

/// The file with the entry in it.
///
/// # Errors
/// `exists` if the name belongs to another cluster, `invalid` if the file cannot be edited safely.
pub(super) fn added(original: &Original, wanted: &Wanted) -> Result<Judged, Failure> {
    let (path, content) = (original.path.as_str(), original.content.as_deref());
    let (edited, what) = with_entry(path, content, wanted)?;
    // What is written must be what was meant: read again, nothing is left to do.
    if let Some(edited) = &edited
        && with_entry(path, Some(edited.as_bytes()), wanted)?.0.is_some()
    {
        return Err(unusable(path, "the entry would not be read as it is written"));
    }
    Ok(judged(original, edited, what))
}

/// The text with the entry in it, if it is not there, and what was done for that.
fn with_entry(path: &str, content: Option<&[u8]>, wanted: &Wanted) -> Result<(Option<String>, &'static str), Failure> {
    let file = Kubeconfig::read(path, content)?;
    let name = wanted.name.as_str();
    let bodies = [wanted.cluster.clone(), json!({"cluster": name, "user": name}), wanted.user.clone()];
    let Some(root) = &file.root else {
        let mut whole = json!({"apiVersion": "v1", "kind": "Config"});
        for ((list, key), body) in PARTS.into_iter().zip(&bodies) {
            whole[list] = json!([item(key, name, body)]);
        }
        if wanted.current {
            whole["current-context"] = name.into();
        }
        // What stands there is nothing but comments.
        let gap = if file.text.is_empty() || file.text.ends_with('\n') { "" } else { "\n" };
        let content = format!("{}{gap}{}\n", file.text, block(&whole, 0));
        return Ok((Some(content), "added"));
    };
    let existing = PARTS.map(|(list, key)| one(&file, list, key, name));
    let [cluster, context, user] = existing;
    let existing = [cluster?, context?, user?];
    if let [Some(cluster), _, user] = &existing
        && cluster.text("server") != wanted.cluster["server"].as_str()
        && !user.is_some_and(|user| user.body.is_some_and(|body| tree::says(body, &wanted.user)))
    {
        let message = format!(
            "`{}` has an entry `{name}` already, which leads to {}",
            file.path,
            cluster.text("server").unwrap_or("another cluster")
        );
        return Err(Failure::new(FailureClass::Exists, message)
            .help("choose another `name`, or remove the entry if nobody needs it any more"));
    }
    let mut text = Text::new(file.path, file.text);
    let mut what = "unchanged";
    for (((list, key), body), existing) in PARTS.into_iter().zip(&bodies).zip(existing) {
        match existing {
            Some(entry) if entry.body.is_some_and(|found| tree::says(found, body)) => {}
            Some(entry) => {
                text.replace(entry.item, &item(key, name, body))?;
                what = "replaced";
            }
            None => {
                text.add_item(root, list, &item(key, name, body))?;
                what = if what == "replaced" { what } else { "added" };
            }
        }
    }
    if wanted.current && file.current().and_then(tree::text) != Some(name) {
        text.set(root, "current-context", name)?;
    }
    Ok((text.edited(), what))
}

/// The file without the entry. The cluster and the user go with the context if no other context leads to them.
///
/// # Errors
/// `invalid` if the file cannot be edited safely.
pub(super) fn removed(original: &Original, name: &str) -> Result<Judged, Failure> {
    let file = Kubeconfig::read(&original.path, original.content.as_deref())?;
    let (Some(root), Some(context)) = (&file.root, one(&file, "contexts", "context", name)?) else {
        let found = Map::from_iter([("path".to_owned(), Value::from(original.path.as_str()))]);
        return Ok(Judged { found: Value::Map(found), ..Judged::default() });
    };
    let contexts = file.entries("contexts", "context")?;
    let mut text = Text::new(file.path, file.text);
    text.remove_item(root, "contexts", context.item)?;
    for (list, key) in [("clusters", "cluster"), ("users", "user")] {
        let Some(named) = context.text(key) else { continue };
        let shared = contexts.iter().any(|other| other.called() != name && other.text(key) == Some(named));
        if let (false, Some(entry)) = (shared, one(&file, list, key, named)?) {
            text.remove_item(root, list, entry.item)?;
        }
    }
    if file.current().and_then(tree::text) == Some(name) {
        text.set(root, "current-context", "")?;
    }
    Ok(judged(original, text.edited(), "removed"))
}

/// The entry of a name; none, or just one.
fn one<'n>(file: &'n Kubeconfig<'_>, list: &str, key: &str, name: &str) -> Result<Option<Entry<'n>>, Failure> {
    let mut found = file.entries(list, key)?.into_iter().filter(|entry| entry.called() == name);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(unusable(file.path, &format!("`{list}` has several entries `{name}`"))),
        (first, None) => Ok(first),
    }
}

fn item(key: &str, name: &str, body: &Json) -> Json {
    json!({key: body, "name": name})
}

fn judged(original: &Original, content: Option<String>, what: &str) -> Judged {
    // A file that is right but open to others is closed to them.
    let open = original.mode.is_some_and(|mode| mode & !MODE & 0o777 != 0);
    let content = content.map(String::into_bytes).or_else(|| original.content.clone().filter(|_| open));
    let changes = content.into_iter().map(|content| Change { file: 0, content, mode: Some(MODE) }).collect();
    let found = [("what", what), ("path", original.path.as_str())];
    let found = found.into_iter().map(|(key, text)| (key.to_owned(), Value::from(text))).collect::<Map>();
    Judged { changes, found: Value::Map(found) }
}
