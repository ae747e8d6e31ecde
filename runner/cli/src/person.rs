//! Who sits at which machine: for journals, holders and the inbox.
//!
//! This file decides where the names come from. It must not know what they are used for.

use runbook_engine::event::Person;
use runbook_journal::Holder;
use runbook_model::time::Timestamp;

/// The person this process works for. `USER` and `LOGNAME` are what login sets; without them the number of the user
/// stands for the name.
pub(crate) fn person() -> Person {
    let named =
        ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    let user = named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Person { user, host }
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
