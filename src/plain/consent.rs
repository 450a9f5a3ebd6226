//! Asks whether a model that is missing may be fetched: a question in a line, and its answer.

use std::io::{BufRead, Write};

use crate::harmless;
use crate::models::{Entry, Machine};
use crate::session::model::predicted_speed;
use crate::session::{Activity, Observer};
use crate::units::bytes;

/// Hands on to another observer what there is to know, and asks the person who types on `input`.
pub struct Consent<'a> {
    pub observer: &'a mut dyn Observer,
    pub machine: Machine,
    pub input: &'a mut dyn BufRead,
    pub output: &'a mut dyn Write,
}

impl Observer for Consent<'_> {
    fn note(&mut self, text: &str) {
        self.observer.note(text);
    }

    fn progress(&mut self, activity: Activity<'_>) {
        self.observer.progress(activity);
    }

    /// Enter and `y` mean yes; the end of the input means no.
    fn agrees_to_fetch(&mut self, model: &Entry) -> bool {
        let (title, size) = (harmless::line(&model.title), bytes(model.all_bytes()));
        let speed = predicted_speed(model, self.machine).map_or(String::new(), |speed| format!(" It {speed}."));
        let asked = writeln!(self.output, "{title} is not on this machine.{speed} Download it ({size})? [Y/n]");
        let mut answer = String::new();
        let read = asked.and_then(|()| self.input.read_line(&mut answer));
        read.is_ok_and(|length| length > 0) && matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Catalogue;
    use crate::session::Unobserved;

    fn answered(typed: &str) -> (bool, String) {
        let (machine, mut output) = (Machine::default(), Vec::new());
        let entry = Catalogue::bundled().default_for(machine);
        let mut consent =
            Consent { observer: &mut Unobserved, machine, input: &mut typed.as_bytes(), output: &mut output };
        let agrees = consent.agrees_to_fetch(entry);
        (agrees, String::from_utf8(output).expect("text"))
    }

    #[test]
    fn enter_is_yes_and_the_end_of_the_input_is_no() {
        assert_eq!(
            ["\n", "y\n", " Yes\n", "n\n", "what?\n", ""].map(|typed| answered(typed).0),
            [true, true, true, false, false, false]
        );
        let (_, asked) = answered("n\n");
        assert!(
            asked.contains("It reads about 170 tokens/s on 4 cores (predicted). Download it (1.12 GB)? [Y/n]"),
            "{asked}"
        );
    }
}
