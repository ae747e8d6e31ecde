//! The shipped runbooks that need nothing but AWS, against the test cloud.
//!
//! All tests share one cloud, one after the other, hence a test runner of our own.

mod cost;
mod doctor;
mod examples;
mod network;
mod pages;

use std::sync::OnceLock;

use runbook_harness::{Call, Cloud, CloudOptions, Home, in_turn};

/// A test; it gets an empty cloud.
type Test = (&'static str, fn(&Cloud));

const TESTS: [Test; 14] = [
    ("network::makes_what_the_prerequisites_ask_for", network::makes_what_the_prerequisites_ask_for),
    ("network::a_second_run_changes_nothing", network::a_second_run_changes_nothing),
    ("network::a_vpc_of_other_addresses_is_left_alone", network::a_vpc_of_other_addresses_is_left_alone),
    ("network::killed_in_any_call_it_makes_everything_once", network::killed_in_any_call_it_makes_everything_once),
    ("cost::the_guides_cluster_is_added_up", cost::the_guides_cluster_is_added_up),
    ("cost::other_regions_and_old_versions_have_their_prices", cost::other_regions_and_old_versions_have_their_prices),
    ("cost::what_is_not_sold_is_told", cost::what_is_not_sold_is_told),
    (
        "examples::every_bucket_of_every_region_is_at_the_baseline",
        examples::every_bucket_of_every_region_is_at_the_baseline,
    ),
    ("examples::a_new_account_comes_under_the_roof", examples::a_new_account_comes_under_the_roof),
    ("examples::a_snapshot_is_restored_and_cut_over_to", examples::a_snapshot_is_restored_and_cut_over_to),
    ("doctor::finds_all_well", doctor::finds_all_well),
    ("pages::tutorial", pages::tutorial),
    ("pages::probes", pages::probes),
    ("pages::adopting", pages::adopting),
];

fn main() {
    in_turn(TESTS, false, |shared: &OnceLock<Cloud>, test: fn(&Cloud)| {
        let cloud = shared.get_or_init(|| Cloud::start(&CloudOptions::default()));
        cloud.reset();
        test(cloud);
    });
}

fn home(cloud: &Cloud) -> Home {
    Home::new(env!("CARGO_BIN_EXE_runbook")).with_cloud(cloud)
}

/// Does the call change something?
fn changes(call: &Call) -> bool {
    !["Describe", "Get", "List"].iter().any(|verb| call.operation.starts_with(verb))
}
