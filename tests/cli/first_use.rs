//! What the README tells newcomers to do, done.

use crate::sandbox::Sandbox;

/// The first fenced block of a language behind a heading.
fn block<'a>(text: &'a str, heading: &str, language: &str) -> &'a str {
    let (_, behind) = text.split_once(heading).unwrap_or_else(|| panic!("the README has no `{heading}`"));
    let (_, block) = behind.split_once(&format!("```{language}\n")).unwrap_or_else(|| panic!("no {language} there"));
    block.split_once("```").map_or(block, |(block, _)| block)
}

#[test]
fn the_first_runbook_of_the_readme_works_as_it_says() {
    let readme = include_str!("../../README.md");
    let sandbox = Sandbox::new();
    sandbox.file("hello.yaml", block(readme, "## Your first runbook", "yaml"));
    let commands = block(readme, "Write `hello.yaml`", "sh").lines().map(|line| {
        let command = line.split('#').next().unwrap_or_default();
        command.split_whitespace().skip(1).collect::<Vec<_>>()
    });
    let codes = [0, 4, 0, 0];
    let outcomes: Vec<_> = commands.zip(codes).map(|(words, code)| sandbox.run(&words).expect(code)).collect();
    assert_eq!(outcomes.len(), codes.len());
    assert!(outcomes[3].stdout().contains("text: hello you"), "{}", outcomes[3]);
}
