//! One question under several presets (`--ab full,balanced`): each preset's answer in turn, with its figures.
//!
//! As text every answer has a line before it that names the preset; with `--json` there is one object for each, which names it. Readings are
//! kept, so a second question reads nothing again.

use super::{Session, Voice};
use crate::exit::{Exit, Trouble};
use crate::settings::{Output, Settings};

impl Session<'_> {
    /// Answers `question` under each preset of `--ab`. The first that ended badly gives the exit code.
    pub(super) async fn answer_under_each(
        &mut self,
        settings: &Settings,
        question: &str,
        voice: &mut Voice<'_>,
    ) -> Result<Exit, Trouble> {
        let tokens = self.talk.count(&self.document).await?;
        let mut worst = Exit::Ok;
        for (index, name) in settings.ab.iter().enumerate() {
            let preset = settings.reading.presets.get(name).expect("resolve has looked the names up");
            (self.chosen, _) = settings.reading.choose(preset, &self.model.facts(), tokens)?;
            if self.headless.output == Output::Text {
                let apart = if index > 0 { "\n" } else { "" };
                voice.data(&format!("{apart}== {}\n\n", self.chosen.name))?;
            }
            let exit = self.answer(question, voice).await?;
            worst = if worst == Exit::Ok { exit } else { worst };
            if self.talk.stopped().is_some() {
                break;
            }
        }
        Ok(worst)
    }
}
