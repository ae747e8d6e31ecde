//! The program under test sees its home and nothing of the machine.

use std::time::{Duration, Instant};

use runbook_harness::Home;

#[test]
fn it_sees_its_own_environment_alone() {
    let home = Home::new("/usr/bin/env").with("GREETING", "hello");
    let finished = home.run(Vec::<&str>::new()).expect(0);
    let mut names: Vec<&str> = finished.stdout.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["GREETING", "HOME", "PATH", "RUNBOOK_STATE", "TMPDIR"]);
    assert_eq!(std::fs::read_dir(home.programs()).unwrap().count(), 0, "no `aws` and nothing else in the PATH");
}

#[test]
fn it_is_watched_and_killed_with_its_children() {
    let home = Home::new("/bin/sh");
    let script = "/bin/sleep 1000 & echo $!; wait";
    let mut started = home.start(["-c", script]);
    assert!(started.until(Duration::from_secs(20), |started| started.stdout().ends_with('\n')));
    let child = format!("/proc/{}/stat", started.stdout().trim());
    let finished = started.kill();
    assert_eq!(finished.status.code(), None, "a signal ended it");
    // Killed with the group at the same moment; the system may take another one to carry it out and to bury it.
    let deadline = Instant::now() + Duration::from_secs(20);
    let ended =
        || std::fs::read_to_string(&child).map_or(true, |state| state.contains(") Z ") || state.contains(") X "));
    while !ended() {
        assert!(Instant::now() < deadline, "its child still runs");
        std::thread::yield_now();
    }
}

#[test]
fn a_wrong_end_is_told_with_all_it_wrote() {
    let home = Home::new("/bin/sh");
    let finished = home.run(["-c", "echo out; echo err >&2; exit 3"]);
    let told = std::panic::catch_unwind(|| finished.expect(0)).unwrap_err();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(told.contains("\nout\n") && told.contains("\nerr\n") && told.contains("exit status: 3"), "{told}");
}
