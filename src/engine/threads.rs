//! Decides how many threads compute: one for each physical core that no other program keeps busy.
//!
//! The threads of a graph wait for each other hundreds of times a token. A thread that gets no core delays all others,
//! so one thread too many costs more than one too few. The load is looked at before each job, and between its decode
//! calls.
//!
//! Example: 8 cores, and another program that keeps 3 of them busy: 5 threads. Two busy programs on 2 cores: 1 thread.
//!
//! Doesn't measure the load ([`super::cpu_load`] does).

use super::cpu_load::Load;
use super::message::Threads;

/// The number of threads changes during a job only if the load has changed by more than this, so that it doesn't follow
/// each short-lived process.
const CHANGED_CORES: f32 = 0.75;

/// The physical cores of a machine, each counted once however many threads it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cores {
    pub in_machine: u32,
    /// Those that this process may use: a container or `taskset` may allow fewer.
    pub allowed: u32,
}

impl Cores {
    /// The cores of this machine. A quota of a container counts as so many cores.
    pub(super) fn here() -> Self {
        let logical = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let in_machine = sysinfo::System::physical_core_count().unwrap_or(logical).max(1);
        Self { in_machine: in_machine as u32, allowed: in_machine.min(logical) as u32 }
    }

    /// How many are free, at least one; a core that is busy half of the time counts as free. Others are assumed to keep
    /// those busy that this process may not use, as far as there are any.
    fn free(self, busy: f32) -> u32 {
        let free = (self.in_machine as f32 - busy).max(1.0);
        (free.round() as u32).clamp(1, self.allowed.max(1))
    }
}

/// Chooses the number of threads, again and again.
pub(super) struct ThreadChooser {
    /// What the user asked for; `None`: what is free.
    asked: Option<u32>,
    cores: Cores,
    load: Box<dyn Load>,
    chosen: Threads,
}

impl ThreadChooser {
    pub(super) fn new(asked: Option<u32>, cores: Cores, load: Box<dyn Load>) -> Self {
        let count = asked.unwrap_or(cores.allowed).max(1);
        Self { asked, cores, load, chosen: Threads { count, cores: cores.allowed, busy_cores: None } }
    }

    /// The number of threads for a job that starts now. Takes some milliseconds.
    pub(super) fn before_job(&mut self) -> Threads {
        let busy = self.load.before_job();
        self.choose(busy)
    }

    /// The number of threads for the next decode call of a running job.
    pub(super) fn between_calls(&mut self) -> Threads {
        match (self.load.between_calls(), self.chosen.busy_cores) {
            (Some(busy), Some(before)) if (busy - before).abs() > CHANGED_CORES => self.choose(Some(busy)),
            _ => self.chosen,
        }
    }

    /// Whether other programs keep more than half of the cores busy, as far as the last look told. Where the user decides how many threads
    /// compute, the load is no matter.
    pub(super) fn is_crowded(&self) -> bool {
        let Cores { in_machine, .. } = self.cores;
        self.asked.is_none() && self.chosen.busy_cores.is_some_and(|busy| busy * 2.0 > in_machine as f32)
    }

    /// To be called when a job has ended.
    pub(super) fn after_job(&mut self) {
        self.load.after_job();
    }

    fn choose(&mut self, busy: Option<f32>) -> Threads {
        let count = self.asked.unwrap_or_else(|| self.cores.free(busy.unwrap_or(0.0))).max(1);
        self.chosen = Threads { count, cores: self.cores.allowed, busy_cores: busy };
        self.chosen
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// The loads to report, one by one; the last one stays.
    struct Scripted(VecDeque<f32>);

    impl Scripted {
        fn next(&mut self) -> Option<f32> {
            if self.0.len() > 1 { self.0.pop_front() } else { self.0.front().copied() }
        }
    }

    impl Load for Scripted {
        fn before_job(&mut self) -> Option<f32> {
            self.next()
        }

        fn between_calls(&mut self) -> Option<f32> {
            self.next()
        }

        fn after_job(&mut self) {}
    }

    fn chooser(asked: Option<u32>, cores: u32, loads: &[f32]) -> ThreadChooser {
        let cores = Cores { in_machine: cores, allowed: cores };
        ThreadChooser::new(asked, cores, Box::new(Scripted(loads.iter().copied().collect())))
    }

    #[test]
    fn cores_that_others_keep_busy_are_left_to_them() {
        for (cores, busy, count) in
            [(2, 0.0, 2), (2, 0.4, 2), (2, 1.0, 1), (2, 2.0, 1), (2, 9.0, 1), (8, 3.0, 5), (8, 3.4, 5), (1, 0.0, 1)]
        {
            let chosen = chooser(None, cores, &[busy]).before_job();
            assert_eq!(chosen, Threads { count, cores, busy_cores: Some(busy) });
        }
    }

    #[test]
    fn a_container_on_a_large_host_loses_no_core_while_the_host_has_free_ones() {
        let cores = Cores { in_machine: 64, allowed: 8 };
        for (busy, free) in [(0.0, 8), (40.0, 8), (56.0, 8), (60.0, 4), (64.0, 1), (200.0, 1)] {
            assert_eq!(cores.free(busy), free, "{busy} busy");
        }
        let here = Cores::here();
        assert!((1..=here.in_machine).contains(&here.allowed), "{here:?}");
    }

    #[test]
    fn a_number_that_was_asked_for_is_used_whatever_the_load() {
        let mut chooser = chooser(Some(6), 2, &[2.0, 0.0]);
        assert_eq!([chooser.before_job().count, chooser.between_calls().count], [6, 6]);
    }

    #[test]
    fn every_core_is_used_where_the_load_is_unknown() {
        assert_eq!(chooser(None, 4, &[]).before_job(), Threads { count: 4, cores: 4, busy_cores: None });
    }

    #[test]
    fn a_running_job_follows_the_load_but_not_its_every_move() {
        let mut chooser = chooser(None, 4, &[0.0, 0.6, 2.0, 1.8, 0.1]);
        let first = chooser.before_job().count;
        let later = std::array::from_fn(|_| chooser.between_calls().count);
        assert_eq!((first, later), (4, [4, 2, 2, 4]));
    }

    proptest! {
        #[test]
        fn there_is_always_a_thread_and_never_more_than_cores(cores in 1u32..300, busy in 0f32..500.0) {
            let count = chooser(None, cores, &[busy]).before_job().count;
            prop_assert!((1..=cores).contains(&count));
            prop_assert!(count == 1 || (count as f32) <= cores as f32 - busy + 0.5);
        }
    }
}
