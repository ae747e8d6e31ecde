//! Pictures of a plan with everything in it, compared as text.

use runbook_language::{Held, check};
use runbook_steps::kinds;

use super::*;

const TEXT: &str = r#"
apiVersion: runbook/v1
name: demo
version: 1.0.0
title: Demo
inputs:
  members: {type: list, items: {type: string}, default: []}
steps:
  - {id: vpc, title: 'Find "the" VPC <b>', set: {id: 1}}
  - {id: role, needs: [], set: {arn: "${{ steps.vpc.id }}"}}
  - {id: cluster, needs: [vpc, role], set: {name: "${{ steps.vpc.id }}"}}
  - id: joined
    title: Join the members
    for-each: ${{ inputs.members }}
    group:
      steps:
        - {id: register, title: "Register ${{ item }}", set: {a: "${{ item }}"}}
        - {id: confirm, approve: {message: "go?"}}
  - {id: audit, needs: [vpc], when: "${{ false }}", set: {a: 1}}
  - {id: end, needs: [joined, audit], set: {a: "${{ steps.cluster.name }}"}}
"#;

/// The picture of a runbook.
pub(crate) fn picture(text: &str) -> Level {
    let checked = check(&Held([("demo.yaml".to_owned(), text.to_owned())].into()), "demo.yaml", &kinds());
    Level::of(checked.draft().unwrap_or_else(|| panic!("{:?}", checked.diagnostics)))
}

#[test]
fn arrows_that_follow_from_others_are_left_out() {
    let level = picture(TEXT);
    let named: Vec<String> =
        level.edges.iter().map(|(from, to)| format!("{} {}", level.nodes[*from].path, level.nodes[*to].path)).collect();
    assert_eq!(named, ["vpc role", "vpc audit", "role cluster", "cluster joined", "joined end", "audit end"]);
    assert_eq!(level.size(), 8);
    assert_eq!(level.closed().size(), 6);
}

#[test]
fn a_picture_in_mermaid() {
    insta::assert_snapshot!(mermaid::text(&picture(TEXT)));
}

#[test]
fn a_picture_for_graphviz() {
    insta::assert_snapshot!(dot::text("demo", &picture(TEXT)));
}

#[test]
fn a_picture_in_svg() {
    insta::assert_snapshot!(svg::document("Demo", &picture(TEXT)));
}

#[test]
fn ten_thousand_steps_are_put_in_order_in_no_time() {
    let steps: String = (0..9_990).map(|i| format!("  - {{id: s{i}, set: {{a: 1}}}}\n")).collect();
    let level = picture(&format!("apiVersion: runbook/v1\nname: demo\nversion: 1.0.0\nsteps:\n{steps}"));
    assert_eq!(level.edges.len(), 9_989);
    assert!(svg::document("Demo", &level).len() < 6_000_000);
}
