//! Measures how many cores other programs keep busy.
//!
//! Linux tells how many tasks want a core right now (the fourth field of `/proc/loadavg`). The load averages beside it
//! are of no use here: the shortest covers a minute, which includes this program's own last answer. Elsewhere the load
//! is what the processor was used between two jobs, when this program computes nothing.
//!
//! Example: `0.52 0.40 0.38 3/211 4711` means that 3 tasks of 211 run or wait for a core. One is the reader of this
//! file, so others keep 2 cores busy.
//!
//! In a container the file counts the tasks of the whole host, so the load has to be compared with the host's cores.

use std::time::{Duration, Instant};

/// How many cores others keep busy, by the moment at which it is asked. `None`: unknown.
pub(super) trait Load {
    /// This program computes nothing; some milliseconds don't matter.
    fn before_job(&mut self) -> Option<f32>;

    /// This program's threads have just stopped and are about to go on.
    fn between_calls(&mut self) -> Option<f32>;

    /// This program has just stopped computing.
    fn after_job(&mut self);
}

/// A machine whose load is unknown.
#[cfg(test)]
pub(super) struct Unknown;

#[cfg(test)]
impl Load for Unknown {
    fn before_job(&mut self) -> Option<f32> {
        None
    }

    fn between_calls(&mut self) -> Option<f32> {
        None
    }

    fn after_job(&mut self) {}
}

/// The load as the system reports it.
#[cfg(target_os = "linux")]
pub(super) type SystemLoad = RunnableTasks;
#[cfg(not(target_os = "linux"))]
pub(super) type SystemLoad = IdleUsage;

/// Looks before a job, and the time between two of them. A program that compiles or draws starts and stops within
/// milliseconds, so one look says little.
#[cfg(target_os = "linux")]
const LOOKS: u32 = 6;
#[cfg(target_os = "linux")]
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// During a job, looks are this far apart or farther: one takes some microseconds, a token of a small model 3 ms.
#[cfg(target_os = "linux")]
const BETWEEN_CALLS: Duration = Duration::from_millis(10);

/// During a job, a look weighs as much as the seconds since the last one, up to this much.
#[cfg(target_os = "linux")]
const WEIGHT_AT_MOST: f32 = 0.3;

/// Counts the tasks that want a core.
#[cfg(target_os = "linux")]
pub(super) struct RunnableTasks {
    average: f32,
    looked: Instant,
}

#[cfg(target_os = "linux")]
impl Default for RunnableTasks {
    fn default() -> Self {
        Self { average: 0.0, looked: Instant::now() }
    }
}

#[cfg(target_os = "linux")]
impl RunnableTasks {
    fn look(&mut self) -> Option<f32> {
        self.looked = Instant::now();
        others(&std::fs::read_to_string("/proc/loadavg").ok()?)
    }
}

#[cfg(target_os = "linux")]
impl Load for RunnableTasks {
    fn before_job(&mut self) -> Option<f32> {
        let mut sum = self.look()?;
        for _ in 1..LOOKS {
            std::thread::sleep(BETWEEN_LOOKS);
            sum += self.look()?;
        }
        self.average = sum / LOOKS as f32;
        Some(self.average)
    }

    fn between_calls(&mut self) -> Option<f32> {
        let passed = self.looked.elapsed();
        if passed < BETWEEN_CALLS {
            return None;
        }
        let weight = passed.as_secs_f32().min(WEIGHT_AT_MOST);
        self.average += (self.look()? - self.average) * weight;
        Some(self.average)
    }

    fn after_job(&mut self) {}
}

/// The tasks other than the reader that want a core, from the contents of `/proc/loadavg`.
#[cfg(target_os = "linux")]
fn others(loadavg: &str) -> Option<f32> {
    let (runnable, _) = loadavg.split_whitespace().nth(3)?.split_once('/')?;
    Some(runnable.parse::<u32>().ok()?.saturating_sub(1) as f32)
}

/// Shorter times between jobs say nothing: systems count a processor's time in steps.
#[cfg(not(target_os = "linux"))]
const SHORTEST: Duration = sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;

/// How much of the processor was used since the last job.
#[cfg(not(target_os = "linux"))]
pub(super) struct IdleUsage {
    system: sysinfo::System,
    since: Instant,
    busy_cores: Option<f32>,
}

#[cfg(not(target_os = "linux"))]
impl Default for IdleUsage {
    fn default() -> Self {
        let mut system = sysinfo::System::new();
        system.refresh_cpu_usage();
        Self { system, since: Instant::now(), busy_cores: None }
    }
}

#[cfg(not(target_os = "linux"))]
impl Load for IdleUsage {
    fn before_job(&mut self) -> Option<f32> {
        if self.since.elapsed() >= SHORTEST {
            self.system.refresh_cpu_usage();
            self.busy_cores = Some(self.system.global_cpu_usage() / 100.0 * self.system.cpus().len() as f32);
        }
        self.busy_cores
    }

    /// The processor's use since the last look is this program's own.
    fn between_calls(&mut self) -> Option<f32> {
        None
    }

    fn after_job(&mut self) {
        self.system.refresh_cpu_usage();
        self.since = Instant::now();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_reader_of_the_file_is_not_counted() {
        assert_eq!(others("0.52 0.40 0.38 3/211 4711\n"), Some(2.0));
        assert_eq!(others("0.00 0.00 0.00 1/90 17\n"), Some(0.0));
        assert_eq!(others("0.00 0.00 0.00 0/90 17\n"), Some(0.0));
        assert_eq!([others(""), others("0.1 0.2 0.3"), others("0.1 0.2 0.3 x/9 1")], [None; 3]);
    }

    #[test]
    fn threads_that_compute_are_seen() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let stop = AtomicBool::new(false);
        let busy = std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            // They are started, though not all at once.
            std::thread::sleep(Duration::from_millis(50));
            let busy = RunnableTasks::default().before_job();
            stop.store(true, Ordering::Relaxed);
            busy
        });
        assert!(busy.is_some_and(|busy| busy >= 2.0), "three threads spin, and {busy:?} are seen");
    }
}
