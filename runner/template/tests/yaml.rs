//! Reading YAML: places, refusals, limits.

use proptest::prelude::*;
use runbook_template::yaml::{Fault, Kind, Limits, Node, Style, byte_map, read};

fn scalars<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
    match &node.kind {
        Kind::Scalar(_) => found.push(node),
        Kind::List(items) => items.iter().for_each(|item| scalars(item, found)),
        Kind::Map(pairs) => pairs.iter().for_each(|pair| scalars(&pair.value, found)),
    }
}

fn faults(text: &str) -> Vec<(Fault, &str)> {
    let limits = Limits::default();
    read(text, &limits).complaints.into_iter().map(|c| (c.fault, text.get(c.range).unwrap_or("?"))).collect()
}

/// The first scalar that is a value, with its byte map.
fn mapped(text: &str) -> (String, Style, Vec<u32>) {
    let reading = read(text, &Limits::default());
    assert_eq!(reading.complaints, [], "{text}");
    let mut found = Vec::new();
    reading.documents.iter().for_each(|document| scalars(document, &mut found));
    let Kind::Scalar(scalar) = &found[0].kind else { panic!("is a scalar") };
    let map = byte_map(text, &found[0].range, scalar.style, &scalar.text).expect("is followed");
    (scalar.text.clone(), scalar.style, map)
}

#[test]
fn every_style_of_scalar_is_followed_to_its_bytes() {
    for text in [
        "a: x ${{ b }} y",
        "a: x\n  ${{ b }}\n  y",
        "a: 'it''s ${{ b }}'",
        "a: \"\\t\\u00e9\\\"ü ${{ b }}\"",
        "a: \"x \\\n   ${{ b }}\"",
        "a: |\n  x\n    ${{ b }}\n",
        "a: |2\n\n\n   x\n  ${{ b }}\n",
        "a: >-\n  x\n\n    more\n  ${{ b }}\n  y\n",
        "a: [1, \"${{ b }}\"]",
        "ä: ü ${{ b }}",
        "a: x\r\n  ${{ b }}\r\n",
    ] {
        let reading = read(text, &Limits::default());
        let mut found = Vec::new();
        reading.documents.iter().for_each(|document| scalars(document, &mut found));
        let node = found.iter().find(|n| matches!(&n.kind, Kind::Scalar(s) if s.text.contains("${{"))).unwrap();
        let Kind::Scalar(scalar) = &node.kind else { unreachable!() };
        let map = byte_map(text, &node.range, scalar.style, &scalar.text).unwrap_or_else(|| panic!("{text:?}"));
        let at = scalar.text.find("b }}").unwrap();
        assert_eq!(map[at] as usize, text.find("b }}").unwrap(), "{text:?}");
    }
}

#[test]
fn what_is_refused_is_told_and_reading_goes_on() {
    assert_eq!(
        faults("a: !!str 1\nb: &x {c: 1}\nd: {<<: *x}\na: 2\n? [e]\n: 1\nf: *nope\n"),
        [
            (Fault::Tag("!!str".into()), "!!str"),
            (Fault::MergeKey, "<<"),
            (Fault::DoubleKey { key: "a".into(), first: 0..1 }, "a"),
            (Fault::KeyNotText, "[e]"),
            (Fault::UnknownAnchor("nope".into()), "*nope"),
        ]
    );
    assert_eq!(faults("a:\n\tb: 1\n"), [(Fault::Tab, "\t")]);
    assert_eq!(faults("a: b: c\n"), [(Fault::ColonInPlain, ":")]);
    assert_eq!(faults("a: [1, 2\n").len(), 1);
    assert_eq!(faults("a: &b [*b]\n"), [(Fault::UnknownAnchor("b".into()), "*b")]);
    assert_eq!(faults("'<<': 1\n"), []);
    let control = Fault::Syntax("the control character `\\u{1b}` cannot stand in YAML".into());
    assert_eq!(faults("a: \"\u{1b}[31m\"\n"), [(control, "\u{1b}")]);
}

#[test]
fn anchors_are_copied() {
    let text = "a: &x {b: [1, 2]}\nc: *x\n";
    let document = &read(text, &Limits::default()).documents[0];
    assert_eq!(
        runbook_template::yaml::value(document).exposed(),
        serde_json::json!({"a": {"b": [1, 2]}, "c": {"b": [1, 2]}})
    );
}

#[test]
fn hostile_texts_end_soon() {
    let laughs = format!(
        "a: &a [{}]\n{}",
        ["lol"; 10].join(","),
        (b'b'..=b'j')
            .map(|c| format!("{0}: &{0} [{1}]\n", char::from(c), vec![format!("*{}", char::from(c - 1)); 10].join(",")))
            .collect::<String>()
    );
    assert!(matches!(faults(&laughs).as_slice(), [(Fault::TooManyAliases, _)]));
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 100].join(","));
    assert!(matches!(faults(&long).as_slice(), [(Fault::TooManyAliases, _)]));
    let deep = "[".repeat(100_000);
    assert!(matches!(faults(&deep).as_slice(), [(Fault::TooDeep, _)]));
    let blocks: String = (0..2_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert!(matches!(faults(&blocks).as_slice(), [(Fault::TooDeep, _)]));
    let dashes = "- ".repeat(100_000);
    assert!(matches!(faults(&dashes).as_slice(), [(Fault::TooDeep, _)]));
    let many: String = (0..100_000).map(|_| "a: 1\n").collect();
    assert_eq!(faults(&many).len(), Limits::default().complaints + 1);
    let wide: String = (0..100_000).map(|i| format!("k{i}: 1\n")).collect();
    assert_eq!(faults(&wide), []);
}

fn written() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(" ".to_owned()),
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\t".to_owned()),
        Just("''".to_owned()),
        Just("\\n".to_owned()),
        Just("\\\"".to_owned()),
        Just("\\u00e9".to_owned()),
        Just("\\\n".to_owned()),
        Just("é".to_owned()),
        Just("${{ x }}".to_owned()),
        Just("# ".to_owned()),
        "[a-e]{1,3}",
    ];
    let style = prop_oneof![Just(""), Just("'"), Just("\""), Just("|\n"), Just(">-\n"), Just("|+\n"), Just(">2\n")];
    (style, prop::collection::vec(piece, 1..12)).prop_map(|(style, pieces)| {
        let body = pieces.concat();
        let indented = body.replace('\n', "\n  ");
        match style {
            "'" | "\"" => format!("k: {style}{indented}{style}\nz: 1\n"),
            "" => format!("k: a{indented}\nz: 1\n"),
            block => format!("k: {block}  {indented}\nz: 1\n"),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn places_are_followed_exactly(text in written()) {
        let reading = read(&text, &Limits::default());
        if !reading.complaints.is_empty() {
            return Ok(());
        }
        let mut found = Vec::new();
        reading.documents.iter().for_each(|document| scalars(document, &mut found));
        for node in found {
            let Kind::Scalar(scalar) = &node.kind else { continue };
            let Some(map) = byte_map(&text, &node.range, scalar.style, &scalar.text) else {
                return Err(TestCaseError::fail(format!("not followed: {text:?}")));
            };
            prop_assert_eq!(map.len(), scalar.text.len() + 1);
            prop_assert!(map.is_sorted(), "{:?}", text);
            // What cannot come from an escape stands in the source as it is.
            for (i, byte) in scalar.text.bytes().enumerate() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'{' | b'}') {
                    prop_assert_eq!(text.as_bytes()[map[i] as usize], byte, "{:?} at {}", text, i);
                }
            }
        }
    }

    #[test]
    fn any_text_is_read_without_a_crash(text in "[ -~\n\t\r\"'#&*!|>%@`{}\\[\\]:,?é-]{0,80}") {
        let reading = read(&text, &Limits::default());
        for complaint in &reading.complaints {
            prop_assert!(text.get(complaint.range.clone()).is_some(), "{:?} {:?}", text, complaint);
        }
    }
}

#[test]
fn the_map_ends_where_the_scalar_ends() {
    let (text, style, map) = mapped("a: 'x'\n");
    assert_eq!((text.as_str(), style, map), ("x", Style::Single, vec![4, 5]));
}
