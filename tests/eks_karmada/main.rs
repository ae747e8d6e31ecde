//! The guide against the test cloud and real clusters, with the real program. Its part on AWS, `eks-cluster.yaml`, runs
//! undisturbed, again, and through every trouble it may meet; however it gets there, the end is what an undisturbed run
//! leaves. The whole, `eks-karmada.yaml`, is killed on its way and taken away again.
//!
//! All tests share one cloud and one rig, one after the other, hence a test runner of our own. By default 3 runs are
//! killed at random; `RUNBOOK_KILLED_RUNS=100 cargo test --test eks_karmada -- --include-ignored killed_at_random` is the
//! long version, `RUNBOOK_GUIDE_KILLS=20 cargo test --test eks_karmada -- --include-ignored the_whole_guide` kills the
//! whole guide twenty times, and `RUNBOOK_SEED` chooses other moments. `RUNBOOK_GUIDE_FAULTS=1 … faults_around_karmada` stops
//! a node, takes a member of etcd away, silences the load balancer and deletes it meanwhile.

mod again;
mod faults;
mod guide;
mod killed;
mod moments;
mod parked;
mod refused;
mod stage;
mod traces;
mod trouble;

use runbook_harness::in_turn;
use std::env;

use stage::Stage;

type Test = (&'static str, fn(&Stage));

const TESTS: [Test; 14] = [
    ("an_undisturbed_run_makes_what_the_guide_wants", again::undisturbed),
    ("a_second_run_adopts_everything", again::adopts),
    ("the_cluster_alone_lets_a_user_in", again::cluster_alone),
    ("killed_while_calls_are_in_flight", killed::in_flight),
    ("killed_at_random", killed::at_random),
    ("lost_replies", trouble::lost_replies),
    ("lost_requests", trouble::lost_requests),
    ("throttling_and_broken_services", trouble::refusals),
    ("expired_credentials", parked::credentials),
    ("a_passed_deadline", parked::deadline),
    ("two_resumers", refused::two_resumers),
    ("another_account", refused::another_account),
    ("somebody_elses_role", refused::somebody_elses_role),
    ("the_whole_guide_is_killed_and_taken_away", guide::killed),
];

/// Only when `RUNBOOK_GUIDE_FAULTS` is set: it takes as long as all others together.
const LONG: [Test; 1] = [("faults_around_karmada", faults::around_karmada)];

fn main() {
    let long = LONG.into_iter().filter(|_| env::var_os("RUNBOOK_GUIDE_FAULTS").is_some());
    in_turn(TESTS.into_iter().chain(long), true, |stage: &Stage, test: fn(&Stage)| test(stage));
}
