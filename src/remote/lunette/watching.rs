//! What is wished of a job while it runs: that it stops, that it answers now, or that it is left because the program ends.
//!
//! A [`CancelToken`] and a channel of the standard library wake nobody up, so both are looked at every [`LOOK`].

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use crate::engine::message::{CancelToken, Command, JobId};

const LOOK: Duration = Duration::from_millis(10);
/// How long a server may take to end a job that it was told to stop: a decode call on a busy machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The incoming commands, with those that came while a job ran.
pub(super) struct Inbox {
    receiver: Receiver<Command>,
    waiting: VecDeque<Command>,
    is_closed: bool,
}

impl Inbox {
    pub(super) fn new(receiver: Receiver<Command>) -> Self {
        Self { receiver, waiting: VecDeque::new(), is_closed: false }
    }

    /// Waits for the next command; `None` if there will be none.
    pub(super) fn next(&mut self) -> Option<Command> {
        self.waiting.pop_front().or_else(|| self.receiver.recv().ok())
    }

    /// Takes what has come. Returns whether `job` should answer now.
    fn takes_answer_now(&mut self, job: JobId) -> bool {
        loop {
            match self.receiver.try_recv() {
                Ok(command) => self.waiting.push_back(command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.is_closed = true;
                    break;
                }
            }
        }
        let before = self.waiting.len();
        self.waiting.retain(|command| *command != Command::AnswerNow { job });
        self.waiting.len() < before
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Once.
    Stop,
    AnswerNow,
    /// It was told to stop, and goes on.
    GiveUp,
    /// Nobody listens any more.
    Leave,
}

/// Watches over one job.
pub(super) struct Watch<'a> {
    pub(super) job: JobId,
    cancel: CancelToken,
    stopped: Option<Instant>,
    inbox: &'a mut Inbox,
}

impl<'a> Watch<'a> {
    pub(super) fn of(command: &Command, job: JobId, inbox: &'a mut Inbox) -> Self {
        let cancel = command.cancel().cloned().unwrap_or_default();
        Self { job, cancel, stopped: None, inbox }
    }

    /// Waits until the job should not be begun any more. Cancel-safe.
    pub(super) async fn is_over(&mut self) {
        loop {
            self.inbox.takes_answer_now(self.job);
            if self.cancel.is_cancelled() || self.inbox.is_closed {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits for the next wish. Cancel-safe.
    pub(super) async fn next(&mut self) -> Wish {
        loop {
            if let Some(wish) = self.wish() {
                return wish;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn wish(&mut self) -> Option<Wish> {
        if self.inbox.takes_answer_now(self.job) {
            return Some(Wish::AnswerNow);
        }
        if self.inbox.is_closed {
            return Some(Wish::Leave);
        }
        match self.stopped {
            None if self.cancel.is_cancelled() => {
                self.stopped = Some(Instant::now());
                Some(Wish::Stop)
            }
            Some(at) if at.elapsed() > PATIENCE => Some(Wish::GiveUp),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::engine::message::Prompt;
    use crate::swaa::RecipeSpec;

    #[tokio::test(start_paused = true)]
    async fn wishes_come_in_turn_and_other_commands_wait() {
        let (sender, receiver) = channel();
        let mut inbox = Inbox::new(receiver);
        let (job, cancel) = (JobId(7), CancelToken::default());
        let command =
            Command::Prefill { job, prompt: Prompt::default(), recipe: RecipeSpec::FULL, cancel: cancel.clone() };
        let mut watch = Watch::of(&command, job, &mut inbox);
        for command in [Command::AnswerNow { job: JobId(6) }, Command::AnswerNow { job }, Command::Shutdown] {
            sender.send(command).expect("sent");
        }
        assert_eq!(watch.next().await, Wish::AnswerNow);
        cancel.cancel();
        assert_eq!(watch.next().await, Wish::Stop);
        assert_eq!(watch.wish(), None, "it is told once");
        drop(sender);
        assert_eq!(watch.next().await, Wish::Leave);
        let waiting: Vec<Command> = std::iter::from_fn(|| inbox.next()).collect();
        assert_eq!(waiting, [Command::AnswerNow { job: JobId(6) }, Command::Shutdown]);
    }
}
