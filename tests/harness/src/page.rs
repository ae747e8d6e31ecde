//! Pages of the documentation, carried out as a reader would.
//!
//! This file decides what the marks of a fenced block mean. It must not know what a page is about.
//!
//! | first line of the block | what a reader does |
//! | --- | --- |
//! | `yaml file=NAME` | writes it into this file |
//! | `sh run` | types each line; `# exit 4` at its end says how it ends, otherwise with 0 |
//! | `sh run interrupt=WORD` | types the line, and presses Ctrl-C once this word is on the screen |
//! | `text shows` | finds these lines, one after the other, in what the last block said; `…` stands for anything |

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use crate::cloud::Cloud;
use crate::home::Home;

/// No command of a page takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Fence {
    /// The number of its first line, from 1.
    pub line: usize,
    /// The words behind the opening fence: the language, and marks.
    pub words: Vec<String>,
    /// What stands in it.
    pub text: String,
}

impl Fence {
    fn is(&self, language: &str, mark: &str) -> bool {
        self.words.iter().map(String::as_str).take(2).eq([language, mark])
    }

    fn mark(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The fenced blocks of a page, in their order. Those in lists are taken without their indentation.
#[must_use]
pub fn fences(page: &str) -> Vec<Fence> {
    let mut found = Vec::new();
    let mut open: Option<(Fence, usize)> = None;
    for (number, line) in page.lines().enumerate() {
        let bare = line.trim_start();
        match (&mut open, bare.strip_prefix("```")) {
            (None, Some(words)) => {
                let words = words.split_whitespace().map(str::to_owned).collect();
                open = Some((Fence { line: number + 1, words, text: String::new() }, line.len() - bare.len()));
            }
            (Some(_), Some("")) => found.extend(open.take().map(|(fence, _)| fence)),
            (Some((fence, indentation)), _) => {
                let content = line.get(*indentation..).unwrap_or(bare);
                fence.text.extend([content, "\n"]);
            }
            (None, None) => {}
        }
    }
    found
}

/// Does a page have a block to be carried out?
#[must_use]
pub fn runs(page: &str) -> bool {
    fences(page).iter().any(|fence| fence.is("sh", "run"))
}

/// Carries a page out in an empty folder, with `program` as `runbook`, the usual tools of a shell, and the cloud.
///
/// # Panics
/// Something does not end as the page says; the words name the line of the page.
pub fn follow(program: &str, page: &Path, cloud: Option<&Cloud>) {
    let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let work = tempfile::tempdir().expect("a temporary folder can be made");
    let home = Home::new("/bin/sh").in_directory(work.path()).with("USER", "ann").with("LANG", "C.UTF-8");
    symlink(program, home.programs().join("runbook")).expect("a link can be made in a new folder");
    let path = format!("{}:/usr/bin:/bin", home.programs().display());
    let home = home.with("PATH", path);
    let home = match cloud {
        Some(cloud) => home.with_cloud(cloud),
        None => home,
    };
    let mut said = String::new();
    for fence in fences(&text) {
        let place = format!("{}:{}", page.display(), fence.line);
        if let Some(name) = fence.mark("file") {
            let file = work.path().join(name);
            fs::create_dir_all(file.parent().expect("it is below a folder")).expect("a folder can be made");
            fs::write(file, &fence.text).expect("a file can be written");
        } else if fence.is("sh", "run") {
            said.clear();
            for line in fence.text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty()) {
                said += &typed(&home, line, fence.mark("interrupt"), &place);
            }
        } else if fence.is("text", "shows") {
            shows(&said, &fence.text, &place);
        }
    }
}

/// Types one line, and tells what it wrote.
fn typed(home: &Home, line: &str, interrupt: Option<&str>, place: &str) -> String {
    let code = line.rsplit_once("# exit ").map(|(_, code)| code.split_whitespace().next().unwrap_or_default());
    let code = code.map_or(0, |code| code.parse().unwrap_or_else(|_| panic!("{place}: `{code}` is no exit code")));
    let finished = if let Some(word) = interrupt {
        // Without a shell between, so that what ends is the program.
        let mut started = home.start(["-c", &format!("exec {line}")]);
        let seen = started.until(PATIENCE, |started| started.stderr().contains(word));
        started.interrupt();
        let finished = started.wait(PATIENCE);
        assert!(seen, "{place}: `{word}` was never shown\n{}", finished.report());
        finished
    } else {
        home.start(["-c", line]).wait(PATIENCE)
    };
    assert!(finished.status.code() == Some(code), "{place}: it should have ended with {code}\n{}", finished.report());
    finished.stdout + &finished.stderr
}

/// Judges whether the lines of `wanted` stand in `said`, each behind the one before.
fn shows(said: &str, wanted: &str, place: &str) {
    let bare = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = |line: &str, wanted: &str| {
        let mut rest = line;
        wanted.split('…').map(str::trim).all(|part| {
            let found = rest.find(part);
            rest = found.map_or(rest, |at| &rest[at + part.len()..]);
            found.is_some()
        })
    };
    let mut lines = said.lines().map(bare);
    for want in wanted.lines().map(bare).filter(|line| !line.is_empty()) {
        assert!(
            lines.any(|line| fits(&line, &want)),
            "{place}: `{want}` does not stand there, or not in this order:\n{said}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_stands_between_its_fences() {
        let page = "text\n```yaml file=a.yaml\na: 1\n  b\n```\n- item\n  ```sh run\n  ls\n  ```\n";
        let found = fences(page);
        assert_eq!((found[0].line, found[0].mark("file"), found[0].text.as_str()), (2, Some("a.yaml"), "a: 1\n  b\n"));
        assert_eq!((found[1].line, found[1].text.as_str()), (7, "ls\n"));
        assert!(found[1].is("sh", "run") && runs(page));
    }

    #[test]
    fn lines_are_found_in_their_order_and_with_gaps() {
        shows("a 1\nb   2 x 3\n", "a 1\nb 2 … 3\n", "here");
    }

    #[test]
    #[should_panic(expected = "here: `a 1` does not stand there")]
    fn a_line_that_was_not_said_is_missed() {
        shows("b\na 12\n", "a 12\na 1\n", "here");
    }
}
