//! Keys for branches: fork, list, next and previous.

use super::super::keymap::{Focus, Intent};
use super::overlay::{ListKind, ListPopup, Overlay};
use super::state::Screen;
use crate::chat::{Action, Chat};

impl Screen {
    pub(super) fn with_branches(&mut self, chat: &Chat, intent: &Intent) -> Vec<Action> {
        let (shown, all) = (chat.branches.shown(), chat.branches.count());
        match intent {
            Intent::Fork if chat.transcript.is_empty() => self.message = Some("no question was asked yet".to_owned()),
            Intent::Fork => self.open(ListKind::ForkPoints, chat.fork_points().len() - 1),
            _ if all == 1 => self.message = Some("there is only one branch; F starts another".to_owned()),
            Intent::Branches => self.open(ListKind::Branches, shown),
            Intent::NextBranch => return self.show_branch((shown + 1) % all),
            Intent::PreviousBranch => return self.show_branch((shown + all - 1) % all),
            _ => {}
        }
        Vec::new()
    }

    fn open(&mut self, kind: ListKind, at: usize) {
        self.overlay = Some(Overlay::List(ListPopup::new(kind, at)));
    }

    /// Forks after the selected row; the user then writes the question.
    pub(super) fn fork_after(&mut self, chat: &Chat, row: usize) -> Vec<Action> {
        self.leave_branch();
        self.focus = Focus::Input;
        let after = chat.fork_points().get(row).copied().flatten();
        vec![Action::Fork { after }]
    }

    pub(super) fn show_branch(&mut self, number: usize) -> Vec<Action> {
        self.leave_branch();
        vec![Action::ShowBranch(number)]
    }

    /// Positions in the transcript are meaningless in another branch.
    pub(super) fn leave_branch(&mut self) {
        if self.editing.is_some() {
            self.clear();
        }
        self.top = None;
        self.citation = None;
        self.transcript_search = None;
        self.pane = Focus::Transcript;
    }
}
