//! Commands as a person can paste them into a shell.
//!
//! This file decides which words need quotes. It must not know what the commands do.

/// The words as one line for a POSIX shell.
pub(crate) fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// One word, in single quotes unless every character of it is harmless. `[` is not: zsh refuses it unquoted.
fn quoted(word: &str) -> String {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(harmless) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(command(["runbook", "resume", "a-7k3m9q"]), "runbook resume a-7k3m9q");
        assert_eq!(command(["x", "join[a]/wait", "it's", ""]), r"x 'join[a]/wait' 'it'\''s' ''");
    }
}
