//! Hostile texts neither hang nor crash the checker, and what is drawn of them stays within the text.

#![expect(clippy::disallowed_methods, reason = "tests measure how long a check takes")]

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use proptest::prelude::*;
use runbook_language::{Checked, Held, check, render};

/// Far more than any of these needs in a debug build on a busy machine; work that grows with the square of the text takes
/// minutes.
const BOUND: Duration = Duration::from_secs(60);

fn checked(text: &str) -> Checked {
    let began = Instant::now();
    let package = Held(IndexMap::from_iter([("a.yaml".to_owned(), text.to_owned())]));
    let checked = check(&package, "a.yaml", &runbook_steps::kinds());
    let drawn = render::text(&checked.diagnostics, &checked.sources, render::Style::default());
    assert!(!drawn.contains('\u{1b}'), "no control characters reach a terminal");
    let took = began.elapsed();
    assert!(took < BOUND, "took {took:?}");
    checked
}

fn codes(text: &str) -> Vec<&'static str> {
    let mut codes: Vec<&str> = checked(text).diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    codes.dedup();
    codes
}

const HEAD: &str = "apiVersion: runbook/v1\nname: a\nversion: 0.1.0\n";

/// Steps made of one line each, as many as fit into a file.
fn steps(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(format!("{HEAD}steps:\n"), |text, n| text + &line(n) + "\n")
}

#[test]
fn size_is_bounded() {
    assert_eq!(codes(&"x".repeat(10 << 20)), ["RB0801"]);
    assert_eq!(codes(&format!("{HEAD}steps: {}", "[".repeat(900_000))), ["RB0802"]);
    assert_eq!(codes(&format!("{HEAD}steps:\n{}", "- ".repeat(400_000))), ["RB0802"]);
    let nested: String = (0..900).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(codes(&nested), ["RB0802"]);
    assert_eq!(codes(&format!("{HEAD}title: \"{}\"\nsteps: [{{id: a, set: {{}}}}]\n", "é".repeat(400_000))), [""; 0]);
}

#[test]
fn many_complaints_are_cut() {
    let unknown = steps(4_000, |n| format!("- {{id: s{n}, nope{n}: 1}}"));
    assert_eq!(codes(&unknown).last(), Some(&"RB0809"));
    let double: String = (0..100_000).map(|_| "a: 1\n").collect();
    assert!(codes(&format!("{HEAD}{double}")).contains(&"RB0809"));
    let keys: String = (0..20_000).map(|n| format!("k{n}: 1\n")).collect();
    assert!(codes(&format!("{HEAD}{keys}")).contains(&"RB0809"));
    assert!(codes(&format!("{HEAD}{}: 1\n", "k".repeat(1_000))).contains(&"RB0201"));
}

#[test]
fn many_steps_and_mentions_are_looked_at_once() {
    let wrong = steps(4_000, |n| format!("- {{id: s{n}, set: {{x: \"${{{{ steps.nope{n}.x }}}}\"}}}}"));
    assert_eq!(codes(&wrong), ["RB0305", "RB0809"]);
    let chain =
        steps(4_000, |n| format!("- {{id: s{n}, set: {{x: \"${{{{ steps.s{}.x }}}}\"}}}}", n.saturating_sub(1)));
    assert_eq!(codes(&chain), ["RB0308"], "only the first mentions itself");
    let backwards =
        steps(4_000, |n| format!("- {{id: s{n}, needs: [], set: {{x: \"${{{{ steps.s{}.x }}}}\"}}}}", n + 1));
    assert_eq!(codes(&backwards), ["RB0305"], "only the last mentions what is not there");
    let circle = steps(4_000, |n| format!("- {{id: s{n}, needs: [s{}], set: {{}}}}", (n + 1) % 4_000));
    assert_eq!(codes(&circle), ["RB0311"]);
    let branches =
        steps(4_000, |n| format!("- {{id: s{n}, {} set: {{}}}}", if n % 2 == 0 { "needs: []," } else { "" }));
    assert_eq!(codes(&branches), ["RB0314", "RB0809"]);
    assert!(!checked(&branches).has_errors(), "too many warnings are a warning");
}

#[test]
fn long_expressions_are_refused() {
    let one = |source: String| codes(&format!("{HEAD}steps:\n- id: s\n  set:\n    x: >-\n      ${{{{ {source} }}}}\n"));
    for source in [
        format!("1{}", " + 1".repeat(100_000)),
        format!("inputs{}", ".a".repeat(100_000)),
        format!("1{}", " | abs".repeat(100_000)),
        format!("{}1", "not ".repeat(100_000)),
        format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000)),
    ] {
        assert_eq!(one(source), ["RB0401"]);
    }
    assert_eq!(one(format!("[] | jmespath('{}')", "(".repeat(3_000))), ["RB0406"]);
    assert_eq!(one(format!("[{}]", "1, ".repeat(200_000))), [""; 0]);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = format!("{HEAD}\"\\e[2J\\u202e\": 1\nsteps: [{{id: \"\\e[31m\", set: {{\"a\\eb\": 1}}}}]\n");
    assert!(codes(&text).contains(&"RB0201"));
}

fn good() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(include_str!("../../../fixtures/runbooks/good/language-page.yaml")),
        Just(include_str!("../../../fixtures/runbooks/good/structure.yaml")),
        Just(include_str!("../../../fixtures/runbooks/good/scalars.yaml")),
    ]
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Runbooks with pieces cut out, doubled and mixed in: whatever comes of it, every place lies in the text and can be drawn.
    #[test]
    fn broken_runbooks_are_complained_about_without_a_crash(
        text in good(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, prop::sample::select(vec![
            "", "  ", "\n", "${{ ", " }}", "- ", ": ", "'", "\"", "[", "}", "#", "|", "&a ", "*a ", "\t", "ü", "steps.", "item",
            "null", "{{ ", "when: ", "for-each: ", "!!x ", "<<: ", "0", "template('x')",
        ])), 1..6),
    ) {
        let mut text = text;
        for (at, cut, piece) in edits {
            let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let from = at.index(ends.len());
            let to = (from + cut).min(ends.len() - 1);
            text.replace_range(ends[from]..ends[to], piece);
        }
        let checked = checked(&text);
        for diagnostic in &checked.diagnostics {
            for span in diagnostic.span.iter().chain(diagnostic.related.iter().map(|(span, _)| span)) {
                let source = &checked.sources.get(span.source).text;
                prop_assert!(source.get(span.range()).is_some(), "{:?} {:?}", diagnostic, text);
            }
        }
        prop_assert!(render::json(&checked.diagnostics, &checked.sources).is_array());
    }

    /// Wherever an expression stands, its mistake is underlined exactly.
    #[test]
    fn mistakes_in_expressions_are_underlined_exactly(
        before in "([a-zé][a-zé ]{0,7})?",
        after in "[a-zé ]{0,8}",
        style in 0..7_usize,
        folded in any::<bool>(),
    ) {
        let gap = if folded { "\n          " } else { " " };
        let expression = format!("${{{{ [1] |{gap}wrongfilter }}}}");
        let value = match style {
            0 => format!("x{before}{gap}{expression}{gap}{after}x"),
            1 => format!("'it''s {before} {expression} {after}'"),
            2 => format!("\"\\u00fc\\t{before}\\\n          {expression} {after}\""),
            3 => format!("|\n          {before}x\n          {expression} {after}"),
            4 => format!(">-\n          {before}x\n\n            more\n          {expression} {after}"),
            5 => format!("\"{expression}\""),
            _ => format!("[1, \"{before}{expression}\"]"),
        };
        let checked = checked(&format!("{HEAD}steps:\n  - id: s\n    set:\n      x: {value}\n"));
        let found: Vec<_> = checked.diagnostics.iter().filter(|diagnostic| diagnostic.code == "RB0402").collect();
        prop_assert_eq!(found.len(), 1, "{} {:?}", value, checked.diagnostics);
        let span = found[0].span.unwrap();
        prop_assert_eq!(&checked.sources.get(span.source).text[span.range()], "wrongfilter", "{}", value);
    }
}
