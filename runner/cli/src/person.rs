//! Who sits at which machine: for journals, holders and the inbox.
//!
//! This file decides where the names come from. It must not know what they are used for.

use runbook_engine::event::Person;
use runbook_journal::Holder;
use runbook_model::time::Timestamp;

/// The person this process works for. `USER` and `LOGNAME` are what login sets; without them (cron, containers) it is
/// who the machine's own list of users says, or the bare number.
pub(crate) fn person() -> Person {
    let named =
        ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    let user = named.unwrap_or_else(|| {
        let uid = rustix::process::getuid().as_raw();
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        listed(&users, uid).map_or_else(|| format!("uid {uid}"), str::to_owned)
    });
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Person { user, host }
}

/// The name of a user in a list like `/etc/passwd`.
fn listed(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// This process as the holder of a run.
pub(crate) fn holder() -> Holder {
    let Person { user, host } = person();
    Holder { pid: std::process::id(), host, user, since: now() }
}

/// The time of the machine.
pub(crate) fn now() -> Timestamp {
    let millis = jiff::Timestamp::now().as_millisecond();
    Timestamp::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbroken\n";
        assert_eq!((listed(users, 1000), listed(users, 7)), (Some("ann"), None));
    }
}
