//! Which jobs of other Lunettes wait or run, so that their clients can stop them?
//!
//! A client chooses the id of its job, and nobody else knows it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use super::error::ApiError;
use super::work::Control;

/// 32 hexadecimal digits are usual.
const LONGEST_ID: usize = 64;

/// The jobs that wait or run, by the ids that their clients chose.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<HashMap<String, Arc<Control>>>);

impl Jobs {
    /// Stops a job.
    pub(super) fn stop(&self, id: &str) -> Result<(), ApiError> {
        self.find(id).map(|control| control.cancel.cancel())
    }

    pub(super) fn answer_now(&self, id: &str) -> Result<(), ApiError> {
        self.find(id).map(|control| control.answer_now.store(true, Ordering::Relaxed))
    }

    fn find(&self, id: &str) -> Result<Arc<Control>, ApiError> {
        self.all().get(id).cloned().ok_or_else(|| ApiError::invalid("id", "no job with this id waits or runs"))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Control>>> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }
}

/// A job in [`Jobs`], until it is dropped.
#[derive(Debug)]
pub(super) struct Listed {
    jobs: Arc<Jobs>,
    id: String,
    pub(super) control: Arc<Control>,
}

impl Listed {
    pub(super) fn new(jobs: &Arc<Jobs>, id: String) -> Result<Self, ApiError> {
        if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
            return Err(ApiError::invalid("id", "1 to 64 letters and digits"));
        }
        let control = Arc::new(Control::default());
        let mut all = jobs.all();
        if all.contains_key(&id) {
            return Err(ApiError::invalid("id", "a job with this id waits or runs"));
        }
        all.insert(id.clone(), control.clone());
        drop(all);
        Ok(Self { jobs: jobs.clone(), id, control })
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.jobs.all().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_can_be_stopped_until_it_ends() {
        let jobs = Arc::new(Jobs::default());
        let listed = Listed::new(&jobs, "a1".into()).expect("a new job");
        assert_eq!(Listed::new(&jobs, "a1".into()).expect_err("there is one").status, 400);
        assert!(
            jobs.answer_now("a1").is_ok() && listed.control.takes_answer_now() && !listed.control.takes_answer_now()
        );
        assert!(jobs.stop("a1").is_ok() && listed.control.cancel.is_cancelled());
        drop(listed);
        assert_eq!(jobs.stop("a1").expect_err("it has ended").status, 400);
        assert!(Listed::new(&jobs, "a1".into()).is_ok());
    }

    #[test]
    fn ids_are_short_and_plain() {
        let jobs = Arc::new(Jobs::default());
        for id in ["", "a/b", "é", &"x".repeat(65)] {
            assert!(Listed::new(&jobs, id.to_owned()).is_err(), "{id}");
        }
    }
}
