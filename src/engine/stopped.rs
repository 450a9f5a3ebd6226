//! What is told of a job that was stopped before anything was done for it?
//!
//! To begin it would cost the cache what it holds, for nothing. So it ends as if it had been stopped at its first token: with an outcome that
//! says so, and figures without a token.
//!
//! Example: a client asks about another document and goes away while it waits. The KV cache keeps the document that all others ask about.
//!
//! Doesn't end jobs that have begun: those look at their [`super::job::Watch`] between two decode calls.

use super::job::Job;
use super::machine::Machine;
use super::message::{CancelToken, Command, Event, Figures, Finish, JobId, Question};
use super::worker::Worker;
use crate::swaa::RecipeSpec;

impl<M: Machine> Worker<M> {
    /// Tells the end of `command`'s job if it is stopped already; returns whether it is.
    pub(super) fn ends_stopped(&mut self, command: &Command) -> bool {
        if !command.cancel().is_some_and(CancelToken::is_cancelled) {
            return false;
        }
        match command {
            Command::Ask(question) => self.tell_cancelled(question),
            Command::Prefill { job, recipe, .. } => self.tell_not_prefilled(*job, recipe),
            Command::ReadAhead(ahead) => self.tell_not_prefilled(ahead.job, &ahead.recipe),
            Command::Weigh { question, .. } => {
                let figures = self.figures_of_none(question.job, &question.recipe);
                self.tell(Event::Weighed { job: question.job, stopped: true, tokens: Vec::new(), figures });
            }
            // A search for heads tells what it found before.
            _ => return false,
        }
        true
    }

    pub(super) fn tell_cancelled(&mut self, question: &Question) {
        let job = Job::new(question.job, question.cancel.clone(), None);
        let recipe = question.recipe.resolve(0, self.machine.layers());
        self.tell_answered(&job, recipe, Finish::Cancelled, None);
    }

    fn tell_not_prefilled(&self, job: JobId, recipe: &RecipeSpec) {
        self.tell(Event::Prefilled { job, stopped: true, figures: self.figures_of_none(job, recipe) });
    }

    fn figures_of_none(&self, job: JobId, recipe: &RecipeSpec) -> Box<Figures> {
        let recipe = recipe.resolve(0, self.machine.layers());
        Box::new(self.figures(&Job::new(job, CancelToken::default(), None), recipe))
    }
}
