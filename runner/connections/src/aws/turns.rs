//! How many calls are on their way to one host at the same time.
//!
//! This file decides that. A thousand waits that look in the same second would open a thousand connections, which take memory
//! here and are throttled there. It must not know what is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// More calls are rarely answered sooner: services allow some tens in a second.
const AT_ONCE: usize = 64;

/// Who has waited for so long goes beside the others: a host that answers nobody must not keep a call past the time that a step
/// has for it, and what was never sent would be in doubt.
const PATIENCE: Duration = Duration::from_secs(5);

/// The turns of all hosts.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Turns {
    /// Waits for a turn at the host of a URL. It is over when what comes back is dropped.
    pub(super) async fn take(&self, url: &str) -> Option<OwnedSemaphorePermit> {
        let host = url.split_once("://").map_or(url, |(_, behind)| behind).split(['/', '?']).next().unwrap_or_default();
        let turns = {
            let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A bucket's host is its own: those that nobody calls now are forgotten.
            hosts.retain(|known, turns| known == host || Arc::strong_count(turns) > 1);
            Arc::clone(hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
        };
        tokio::time::timeout(PATIENCE, turns.acquire_owned()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_late_waits_for_a_turn_but_not_for_ever() {
        let turns = Turns::default();
        let mut taken = Vec::new();
        for number in 0..AT_ONCE {
            taken.push(turns.take(&format!("https://eks.eu-west-1.amazonaws.com/clusters/{number}?x")).await);
        }
        assert!(taken.iter().all(Option::is_some));
        assert!(turns.take("https://sts.eu-west-1.amazonaws.com").await.is_some(), "another host");
        let begun = tokio::time::Instant::now();
        assert!(turns.take("https://eks.eu-west-1.amazonaws.com/").await.is_none());
        assert_eq!(begun.elapsed(), PATIENCE);
        let next = turns.take("https://eks.eu-west-1.amazonaws.com/");
        taken.pop();
        assert!(next.await.is_some(), "one has ended");
        drop(taken);
        assert!(turns.take("https://other").await.is_some());
        assert_eq!(turns.0.lock().unwrap().len(), 1, "hosts without calls are forgotten");
    }
}
