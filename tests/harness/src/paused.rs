//! Processes of a rig that stand still: a node that is stopped, a load balancer that answers nobody any more.
//!
//! This file decides what belongs to a process. It must not know what its standing still is to show.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::rig::Rig;

/// Processes that stand still until this is dropped.
#[must_use = "they go on when it is dropped"]
pub struct Paused(Vec<Pid>);

impl Rig {
    /// Lets a process of the rig stand still with all that it has started: `aws-side`, which carries the traffic of load
    /// balancers, or `node-` and the name of a node with its pods.
    ///
    /// # Panics
    /// There is no such process.
    pub fn pause(&self, process: &str) -> Paused {
        let mut all = vec![self.process(process)];
        let parents = parents();
        let mut seen = 0;
        while seen < all.len() {
            let parent = all[seen];
            all.extend(parents.iter().filter(|(_, of)| **of == parent).map(|(child, _)| *child));
            seen += 1;
        }
        let all = all.into_iter().filter_map(|id| Pid::from_raw(i32::try_from(id).ok()?)).collect();
        let paused = Paused(all);
        paused.signal(Signal::STOP);
        paused
    }
}

impl Paused {
    fn signal(&self, signal: Signal) {
        for id in &self.0 {
            // One that has ended meanwhile is fine.
            let _ended = kill_process(*id, signal);
        }
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.signal(Signal::CONT);
    }
}

/// Every process of this machine and who started it.
fn parents() -> BTreeMap<u32, u32> {
    let entries = fs::read_dir("/proc").expect("Linux tells its processes");
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let parent = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        line.trim().parse::<u32>().ok()
    };
    processes.filter_map(|id| Some((id, parent(id)?))).collect()
}
