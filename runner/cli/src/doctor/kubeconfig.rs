//! The kubeconfig: can it be read, and are the programs there that its users run?
//!
//! This file decides what of it is worth a word. It must not run a program nor reach a cluster.

use std::path::Path;

use runbook_connections::{KubeconfigContext, KubeconfigUser};
use runbook_model::failure::{Failure, FailureClass};

use super::Finding;
use crate::report::story::classed;

const SUBJECT: &str = "kubeconfig";

/// What the contexts, or the failure to read them, mean. `is_there` says whether a program can be found.
pub(super) fn judged(contexts: Result<Vec<KubeconfigContext>, Failure>, is_there: impl Fn(&str) -> bool) -> Finding {
    let contexts = match contexts {
        Ok(contexts) => contexts,
        Err(failure) if failure.class == FailureClass::Missing => {
            return Finding::ok(
                SUBJECT,
                "none; clusters are reached through EKS, and only connections that name one miss it",
            );
        }
        Err(failure) => {
            let remedy = failure.help.clone().unwrap_or_else(|| "put the file right, or set `KUBECONFIG`".to_owned());
            return Finding::warn(SUBJECT, classed(&failure), remedy);
        }
    };
    let mut lost: Vec<String> = Vec::new();
    for context in &contexts {
        match &context.user {
            KubeconfigUser::Program { command } if !is_there(command) => {
                lost.push(format!("`{}` runs `{command}`, which is not there", context.name));
            }
            KubeconfigUser::Absent => lost.push(format!("`{}` names no user that is in the file", context.name)),
            _ => {}
        }
    }
    let current = contexts.iter().find(|context| context.current);
    let current = current.map_or("none is current".to_owned(), |context| format!("`{}` is current", context.name));
    let count = if contexts.len() == 1 { "1 context".to_owned() } else { format!("{} contexts", contexts.len()) };
    if lost.is_empty() {
        return Finding::ok(SUBJECT, format!("{count}; {current}"));
    }
    let more = if lost.len() > 3 { format!(", and {} more", lost.len() - 3) } else { String::new() };
    lost.truncate(3);
    Finding::warn(
        SUBJECT,
        format!("{count}, some of which cannot be used: {}{more}", lost.join(", ")),
        "install the program, or correct the context's user",
    )
}

/// Is there such a program: a path, or a name on the `PATH`?
pub(super) fn is_program(command: &str) -> bool {
    if command.contains('/') {
        return Path::new(command).is_file();
    }
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(command).is_file()))
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    fn context(name: &str, user: KubeconfigUser) -> KubeconfigContext {
        KubeconfigContext { name: name.into(), current: name == "a", user }
    }

    #[test]
    fn a_program_that_is_not_there_is_told_with_its_context() {
        let program = |command: &str| KubeconfigUser::Program { command: command.into() };
        let contexts = vec![
            context("a", KubeconfigUser::Signed { cluster: "a".into() }),
            context("b", program("kubelogin")),
            context("c", program("known")),
        ];
        let finding = judged(Ok(contexts.clone()), |command| command == "known");
        assert_eq!(finding.health, Health::Warn);
        assert_eq!(finding.words, "3 contexts, some of which cannot be used: `b` runs `kubelogin`, which is not there");
        let finding = judged(Ok(contexts), |_| true);
        assert_eq!((finding.health, finding.words.as_str()), (Health::Ok, "3 contexts; `a` is current"));
    }

    #[test]
    fn no_file_is_fine_and_a_broken_one_is_not() {
        let failure = |class| Err(Failure::new(class, "it is no kubeconfig at line 3, column 1"));
        assert_eq!(judged(failure(FailureClass::Missing), |_| true).health, Health::Ok);
        let broken = judged(failure(FailureClass::Invalid), |_| true);
        assert!(broken.health == Health::Warn && broken.words.contains("line 3"), "{broken:?}");
    }
}
