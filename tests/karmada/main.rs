//! The kinds of Karmada with the real program on real clusters, judged by the real karmadactl: a control plane is installed,
//! members join and register, work is spread over them, they leave, and nothing is left.
//!
//! All tests share one rig, one after the other, hence a test runner of our own.

mod adopt;
mod away;
mod before;
mod elsewhere;
mod install;
mod leave;
mod line;
mod members;
mod renew;
mod stage;

use std::env;

use runbook_harness::in_turn;
use stage::Stage;

type Test = (&'static str, fn(&Stage));

/// In this order: the last ones take away what the others need.
const TESTS: [Test; 20] = [
    ("what_would_fail_is_refused_before_anything_is_made", before::refusals),
    ("a_first_installation_killed_on_its_way_goes_on", install::first_killed),
    ("a_control_plane_is_installed_and_a_second_run_changes_nothing", install::twice),
    ("the_real_tool_works_with_it", install::real_tool),
    ("a_killed_installation_goes_on", install::killed),
    ("an_authority_that_signed_nothing_is_refused_until_it_is_away", away::foreign_authority),
    ("an_installation_outlives_a_member_of_etcd", away::member_of_etcd),
    ("an_installation_goes_on_when_the_parent_answers_again", away::half_way),
    ("clusters_that_cannot_be_meant_are_refused", away::other_clusters),
    ("members_join_and_a_second_run_changes_nothing", members::join),
    ("a_member_of_another_karmada_is_refused", away::of_another_karmada),
    ("a_stale_token_is_replaced", members::stale_token),
    ("a_member_registers_by_token", members::register_by_token),
    ("a_member_registers", members::register),
    ("names_and_clusters_of_others_are_refused", members::refusals),
    ("work_is_spread_over_the_members", members::schedule),
    ("certificates_are_made_anew_without_an_outage", renew::without_an_outage),
    ("members_leave_and_leave_nothing", leave::members),
    ("a_control_plane_goes_with_its_data", leave::control_plane),
    ("what_karmadactl_installed_is_taken_over_on_request", adopt::karmada_of_another),
];

/// Only when `RUNBOOK_ETCD_ELSEWHERE` is set: one more installation, from nothing to its end.
const LONG: [Test; 1] = [("its_etcd_may_run_elsewhere", elsewhere::etcd)];

fn main() {
    let long = LONG.into_iter().filter(|_| env::var_os("RUNBOOK_ETCD_ELSEWHERE").is_some());
    in_turn(TESTS.into_iter().chain(long), true, |stage: &Stage, test: fn(&Stage)| test(stage));
}
