//! Edits on a real disk, and edits that die between any two touches of it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use runbook_steps::files::Change;
use tempfile::TempDir;

use super::*;

/// Did a test stop this edit as a kill would?
pub(super) fn is_killed(failure: &Failure) -> bool {
    failure.code.as_deref() == Some("killed")
}

fn run() -> RunId {
    RunId::new("demo", 7)
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_string_lossy().into_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Every file becomes its own new text, the last path first; nothing is left to do once it is.
fn edit(paths: &[String], locks: bool) -> Edit {
    let judge = |originals: &[Original]| {
        let stale = |(at, original): (usize, &Original)| {
            let content = format!("new {at}").into_bytes();
            (original.content.as_ref() != Some(&content)).then_some(Change { file: at, content, mode: None })
        };
        let changes = originals.iter().enumerate().rev().filter_map(stale).collect();
        Ok(Judged { changes, found: originals.len().to_string().into() })
    };
    Edit { run: run(), paths: paths.to_vec(), locks, judge: Box::new(judge) }
}

fn done(edit: &Edit) -> Result<Edited, Failure> {
    edited(edit, &mut || Ok(()))
}

/// The edit, killed at the touch of that number; false if it was over before.
fn killed(edit: &Edit, at: usize) -> bool {
    let mut touches = 0;
    let outcome = edited(edit, &mut || {
        touches += 1;
        if touches > at { Err(Failure::new(FailureClass::Unknown, "killed").code("killed")) } else { Ok(()) }
    });
    outcome.is_err()
}

#[test]
fn an_edit_keeps_modes_links_and_one_backup() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link, new) = (path(&folder, "real"), path(&folder, "link"), path(&folder, "sub/deep/new"));
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real", &link).unwrap();
    let edit = edit(&[link.clone(), new.clone()], true);
    let outcome = done(&edit).unwrap();
    let backup = format!("{link}.{}.bak", run());
    assert_eq!((outcome.changed, outcome.backups), (true, vec![backup.clone()]));
    assert_eq!((text(&real), mode(&real), text(&new), mode(&new)), ("new 0".into(), 0o640, "new 1".into(), 0o600));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!((text(&backup), mode(&backup)), ("old".into(), 0o640));
    assert_eq!(names(&folder), ["link", &format!("link.{}.bak", run()), "real", "sub"], "nothing else is left");

    fs::write(&real, "changed by somebody").unwrap();
    assert!(done(&edit).unwrap().changed);
    assert_eq!((text(&real), text(&backup)), ("new 0".into(), "old".into()), "one backup per run");
    assert!(!done(&edit).unwrap().changed);
}

#[test]
fn a_killed_edit_leaves_whole_files_and_the_next_one_finishes_it() {
    let mut points = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let paths = [path(&folder, "a"), path(&folder, "b"), path(&folder, "c")];
        fs::write(&paths[0], "old 0").unwrap();
        fs::write(&paths[1], "old 1").unwrap();
        let edit = edit(&paths, true);
        let dead = killed(&edit, points);
        for (at, path) in paths.iter().enumerate().filter(|(at, _)| *at < 2) {
            let whole = [format!("old {at}"), format!("new {at}")];
            assert!(whole.contains(&text(path)), "killed at {points}: `{}` in {path}", text(path));
        }
        let outcome = done(&edit).unwrap_or_else(|failure| panic!("after a kill at {points}: {failure}"));
        assert_eq!(outcome.backups.len(), 2, "killed at {points}");
        for (at, path) in paths.iter().enumerate() {
            assert_eq!(text(path), format!("new {at}"), "killed at {points}");
        }
        for (at, backup) in outcome.backups.iter().enumerate() {
            assert_eq!(text(backup), format!("old {at}"), "killed at {points}");
        }
        assert!(names(&folder).iter().all(|name| !name.contains("tmp")), "killed at {points}: {:?}", names(&folder));
        let locks = names(&folder).into_iter().filter(|name| name.contains("lock")).count();
        // A kill behind the last write leaves nothing to do, and whoever has nothing to do touches no lock.
        assert!(locks == 0 || !outcome.changed, "killed at {points}: {:?}", names(&folder));
        if !dead {
            break;
        }
        points += 1;
    }
    assert!(points > 20, "it was killed at {points} points only");
}

#[test]
fn a_lock_of_somebody_else_is_respected_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = path(&folder, "config");
    let lock = format!("{config}.lock");
    fs::write(&config, "old").unwrap();
    for (words, whose) in [
        ("", "by kubectl or another program"),
        ("runbook other-aaaaaa process 12\n", "by the run other-aaaaaa, process 12"),
    ] {
        fs::write(&lock, words).unwrap();
        let failure = done(&edit(std::slice::from_ref(&config), true)).unwrap_err();
        assert_eq!(failure.class, FailureClass::Conflict, "which is tried again");
        assert_eq!(failure.message, format!("the kubeconfig `{config}` is locked {whose}: `{lock}` is there"));
        assert!(failure.help.unwrap().contains(&format!("rm {lock}")));
        assert_eq!((text(&config), text(&lock)), ("old".into(), words.to_owned()));
    }
    assert_eq!(names(&folder), ["config", "config.lock"]);
    fs::write(&lock, format!("runbook {} process 1\n", run())).unwrap();
    assert!(done(&edit(std::slice::from_ref(&config), true)).unwrap().changed, "that process is dead");
    assert!(!fs::exists(&lock).unwrap());
    fs::write(&lock, "").unwrap();
    assert!(!done(&edit(std::slice::from_ref(&config), true)).unwrap().changed, "nothing to do needs no lock");
}

#[test]
fn of_several_locks_all_are_taken_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [path(&folder, "a"), path(&folder, "b")];
    fs::write(path(&folder, "b.lock"), "").unwrap();
    assert_eq!(done(&edit(&paths, true)).unwrap_err().class, FailureClass::Conflict);
    assert_eq!(names(&folder), ["b.lock"]);
}

#[test]
fn what_may_not_be_written_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = path(&folder, "config");
    fs::write(&config, "old").unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o444)).unwrap();
    let failure = done(&edit(std::slice::from_ref(&config), true)).unwrap_err();
    assert_eq!(failure.class, FailureClass::Denied);
    assert_eq!(failure.message, format!("`{config}` is read-only (its mode is 0444)"));
    assert_eq!((text(&config), names(&folder)), ("old".into(), vec!["config".to_owned()]));
    let failure = done(&edit(&[folder.path().to_string_lossy().into_owned()], false)).unwrap_err();
    assert_eq!(failure.class, FailureClass::Invalid, "{failure}");
    let failure = done(&edit(&[format!("{config}/below")], false)).unwrap_err();
    assert_eq!(failure.class, FailureClass::Invalid, "{failure}");
}

#[test]
fn what_the_judge_refuses_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |_: &[Original]| Err(Failure::new(FailureClass::Missing, "no"));
    let edit = Edit { run: run(), paths: vec![path(&folder, "x/a")], locks: true, judge: Box::new(refuse) };
    assert_eq!(done(&edit).unwrap_err().class, FailureClass::Missing);
    assert_eq!(names(&folder), [""; 0]);
}

#[tokio::test]
async fn edits_of_one_run_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let files = RealFiles::default();
    let config = path(&folder, "config");
    let add = |line: usize| {
        let judge = move |originals: &[Original]| {
            let mut content = originals[0].content.clone().unwrap_or_default();
            let line = format!("{line:02}\n");
            let there = content.chunks(3).any(|known| known == line.as_bytes());
            content.extend_from_slice(line.as_bytes());
            let change = Change { file: 0, content, mode: None };
            Ok(Judged { changes: if there { vec![] } else { vec![change] }, ..Judged::default() })
        };
        files.edit(Edit { run: run(), paths: vec![config.clone()], locks: true, judge: Box::new(judge) })
    };
    let mut all: Vec<_> = (0..20).map(add).collect();
    for edit in &mut all {
        edit.await.unwrap();
    }
    assert_eq!(text(&config).len(), 60);
}
