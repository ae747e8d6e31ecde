//! `k8s-apply`, `k8s-get` and waits over Kubernetes, with the real program against a real cluster: what they make, what they
//! say, who they meet.
//!
//! All tests share one cloud and one cluster, each in a namespace of its own, hence a test runner of our own.

mod apply;
mod contexts;
mod door;
mod examples;
mod kit;
mod stage;
mod wait;

use runbook_harness::in_turn;
use stage::Stage;

type Test = (&'static str, fn(&Stage));

const TESTS: [Test; 21] = [
    ("objects_are_created_then_left_alone_then_changed", apply::origins),
    ("a_definition_is_awaited_before_its_objects", apply::definition),
    ("a_field_of_somebody_else_is_not_taken_unasked", apply::conflict),
    ("what_must_exist_is_not_made", apply::must_exist),
    ("what_cannot_be_is_invalid_and_not_tried_again", apply::unfit),
    ("secrets_are_written_nowhere", apply::secrets),
    ("a_roll_out_is_awaited", wait::roll_out),
    ("a_roll_out_that_fails_says_why", wait::failure),
    ("a_wait_watches", wait::watches),
    ("a_kubeconfig_user_of_the_aws_cli_needs_no_aws_cli", door::kubeconfig),
    ("a_cluster_that_does_not_exist_is_missing", door::missing),
    ("an_entry_of_a_kubeconfig_is_what_kubectl_uses", contexts::entry),
    ("a_renamed_context_is_what_kubectl_uses", contexts::renamed),
    ("certificates_are_made_once", kit::pki),
    ("manifests_of_an_archive_are_checked_and_patched", kit::archive),
    ("a_finalizer_that_holds_a_deletion_is_named", kit::delete),
    ("a_quota_that_keeps_pods_away_is_named", kit::quota),
    ("a_node_is_emptied_as_its_budgets_allow", kit::drain),
    ("a_password_is_rotated_through_a_lost_reply_and_a_refusal", examples::rotation),
    ("a_certificate_goes_to_one_cluster_after_the_other", examples::certificate),
    ("a_node_group_is_replaced_once_a_person_says_so", examples::node_group),
];

fn main() {
    in_turn(TESTS, true, |stage: &Stage, test: fn(&Stage)| test(stage));
}
