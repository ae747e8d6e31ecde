//! Renaming a context over the files that make up a kubeconfig.
//!
//! This file decides which entries belong together and in which order files are written: the one that holds the context
//! comes last, so that a renaming that was killed between two files is found again by its old name. It must not touch files.

use runbook_model::diagnostic::did_you_mean;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};

use crate::files::{Change, Judged, Original};
use crate::kubeconfig::entries::{Entry, Kubeconfig};
use crate::kubeconfig::text::Text;
use crate::kubeconfig::tree;

/// An entry and the file it stands in.
type Placed<'n> = (usize, Entry<'n>);

/// What has to be written so that the context `from`, its cluster and whatever points to them is called `to`.
///
/// # Errors
/// `missing` if there is no such context, `exists` if the new name is taken, `invalid` for what cannot be told apart or
/// edited safely.
pub(super) fn renamed(originals: &[Original], from: &str, to: &str) -> Result<Judged, Failure> {
    let plan = planned(originals, from, to)?;
    // What was written must be what was meant: read again, nothing is left to do.
    let after: Vec<Original> = originals
        .iter()
        .enumerate()
        .map(|(at, original)| {
            let change = plan.changes.iter().find(|change| change.file == at);
            Original {
                path: original.path.clone(),
                content: change.map(|change| change.content.clone()).or_else(|| original.content.clone()),
                mode: original.mode,
                backed_up: true,
            }
        })
        .collect();
    match planned(&after, from, to) {
        Ok(again) if again.changes.is_empty() => Ok(plan),
        _ => Err(invalid("the renaming would not leave the kubeconfig as it is meant to be".to_owned())
            .help("rename the entries by hand, and report the form of the file as a bug of runbook")),
    }
}

fn planned(originals: &[Original], from: &str, to: &str) -> Result<Judged, Failure> {
    let read: Result<Vec<Kubeconfig<'_>>, Failure> =
        originals.iter().map(|original| Kubeconfig::read(&original.path, original.content.as_deref())).collect();
    let files = read?;
    let contexts = all(&files, "contexts", "context")?;
    let clusters = all(&files, "clusters", "cluster")?;
    let (holder, context) = held(&files, &contexts, from, to)?;
    let Some(cluster) = context.text("cluster").map(str::to_owned) else {
        return Err(invalid(format!("the context `{}` names no cluster", context.called()))
            .help("give it one with `kubectl config set-context`"));
    };

    let mut texts: Vec<Text<'_>> = files.iter().map(|file| Text::new(file.path, file.text)).collect();
    if context.called() != to {
        texts[holder].replace_scalar(context.name, to)?;
    }
    if let Some((at, entry)) = to_rename(originals, &files, &clusters, &cluster, to)? {
        texts[at].replace_scalar(entry.name, to)?;
    }
    if cluster != to {
        for (at, other) in contexts.iter().filter(|(_, other)| other.text("cluster") == Some(cluster.as_str())) {
            if let Some(named) = other.body.and_then(|body| tree::get(body, "cluster")) {
                texts[*at].replace_scalar(named, to)?;
            }
        }
    }
    // A file may name the cluster as its current context, though no context is called that; the cluster goes by the new
    // name now.
    let names_cluster = |name: &str| name == cluster && !contexts.iter().any(|(_, other)| other.called() == name);
    for (text, file) in texts.iter_mut().zip(&files) {
        let stale = |name: &str| name != to && (name == from || names_cluster(name));
        if let Some(current) = file.current().filter(|current| tree::text(current).is_some_and(stale)) {
            text.replace_scalar(current, to)?;
        }
    }

    let file = originals[holder].path.clone();
    let mut changes: Vec<Change> = texts
        .into_iter()
        .enumerate()
        .filter_map(|(file, text)| Some(Change { file, content: text.edited()?.into_bytes(), mode: None }))
        .collect();
    changes.sort_by_key(|change| change.file == holder);
    let found =
        [("context", to.to_owned()), ("was", context.called().to_owned()), ("cluster_was", cluster), ("file", file)];
    let found = found.into_iter().map(|(key, text)| (key.to_owned(), Value::from(text))).collect::<Map>();
    Ok(Judged { changes, found: Value::Map(found) })
}

fn all<'n>(files: &'n [Kubeconfig<'_>], list: &str, body: &str) -> Result<Vec<Placed<'n>>, Failure> {
    let mut all = Vec::new();
    for (at, file) in files.iter().enumerate() {
        all.extend(file.entries(list, body)?.into_iter().map(|entry| (at, entry)));
    }
    Ok(all)
}

/// The context that is meant: the one of the old name, or of the new one if it has it already.
fn held<'n>(files: &[Kubeconfig<'_>], contexts: &[Placed<'n>], from: &str, to: &str) -> Result<Placed<'n>, Failure> {
    let called = |name: &str| contexts.iter().filter(|(_, entry)| entry.called() == name).copied().collect::<Vec<_>>();
    let old = if from == to { Vec::new() } else { called(from) };
    let new = called(to);
    match (old.as_slice(), new.as_slice()) {
        ([one], []) | ([], [one]) => Ok(*one),
        ([], []) => {
            let names: Vec<&str> = contexts.iter().map(|(_, entry)| entry.called()).collect();
            let failure =
                Failure::new(FailureClass::Missing, format!("there is no context `{from}` in {}", shown(files)));
            Err(match did_you_mean(from, names.iter().copied()) {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help("list the contexts with `kubectl config get-contexts`"),
            })
        }
        ([], several) | (several, []) => Err(twice(files, "context", several)),
        ([(_, _), ..], [(at, _), ..]) => Err(Failure::new(
            FailureClass::Exists,
            format!("beside the context `{from}` there is a context `{to}` already, in `{}`", files[*at].path),
        )
        .help("choose another name, or remove the one that is not wanted with `kubectl config delete-context`")),
    }
}

/// The entry of the cluster that has to be renamed, if it still has to be.
fn to_rename<'n>(
    originals: &[Original],
    files: &[Kubeconfig<'_>],
    clusters: &[Placed<'n>],
    cluster: &str,
    to: &str,
) -> Result<Option<Placed<'n>>, Failure> {
    let called = |name: &str| clusters.iter().filter(|(_, entry)| entry.called() == name).copied().collect::<Vec<_>>();
    let old = if cluster == to { Vec::new() } else { called(cluster) };
    let new = called(to);
    match (old.as_slice(), new.as_slice()) {
        ([one], []) => Ok(Some(*one)),
        ([], [_]) if cluster == to => Ok(None),
        // This run renamed the cluster in its file and was killed before it came to the file of the context.
        ([], [(at, _)]) if originals[*at].backed_up => Ok(None),
        ([], [] | [_]) => {
            Err(invalid(format!("the context leads to the cluster `{cluster}`, which is not in {}", shown(files)))
                .help(
                    "add the cluster with `kubectl config set-cluster`, or name the file that holds it in KUBECONFIG",
                ))
        }
        ([], several) | (several, []) => Err(twice(files, "cluster", several)),
        ([_, ..], [(at, _), ..]) => Err(Failure::new(
            FailureClass::Exists,
            format!("beside the cluster `{cluster}` there is a cluster `{to}` already, in `{}`", files[*at].path),
        )
        .help("choose another name, or remove the one that is not wanted with `kubectl config delete-cluster`")),
    }
}

fn twice(files: &[Kubeconfig<'_>], what: &str, entries: &[Placed<'_>]) -> Failure {
    let name = entries.first().map(|(_, entry)| entry.called()).unwrap_or_default();
    let mut places: Vec<String> = Vec::new();
    for (at, entry) in entries {
        let (line, _) = tree::place(files[*at].text, entry.item.range.start);
        places.push(format!("`{}` line {line}", files[*at].path));
    }
    invalid(format!("there are {} entries for the {what} `{name}`: {}", entries.len(), places.join(", ")))
        .help("keep the one that is right; which of them a program takes differs")
}

fn shown(files: &[Kubeconfig<'_>]) -> String {
    let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.path)).collect();
    names.join(" and ")
}

fn invalid(message: String) -> Failure {
    Failure::new(FailureClass::Invalid, message)
}
