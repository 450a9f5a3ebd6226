//! What of a chat was told already, so that every change is told once.

use std::io::{self, Write};

use crate::chat::{Chat, Entry, Exchange, ExchangeState, Model, Notice, Work};

/// So far.
#[derive(Debug, Default)]
pub(super) struct Told {
    loading: bool,
    /// The last tenth of a reading.
    tenth: Option<(String, u32)>,
    read_by: Option<String>,
    /// The entry that is being answered, and how many bytes of its answer were told.
    answering: Option<(usize, usize)>,
    notice: Option<Notice>,
    deciding: bool,
    prompted: bool,
}

impl Told {
    /// Tells what is new.
    pub(super) fn tell(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        self.tell_model(chat, out)?;
        self.tell_reading(chat, out)?;
        self.tell_answer(chat, out)?;
        self.tell_decision(chat, out)?;
        if chat.notice != self.notice {
            self.notice.clone_from(&chat.notice);
            if let Some(notice) = &chat.notice {
                self.line(out, &notice.text)?;
                if let Some(hint) = &notice.hint {
                    self.line(out, hint)?;
                }
            }
        }
        if matches!(chat.work, Work::Idle | Work::Deciding { .. }) && chat.held.is_some() && !self.prompted {
            self.prompt(out)?;
        }
        out.flush()
    }

    /// Says that it is the person's turn.
    pub(super) fn prompt(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.prompted = true;
        write!(out, "> ")?;
        out.flush()
    }

    fn line(&mut self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        if std::mem::take(&mut self.prompted) {
            writeln!(out)?;
        }
        writeln!(out, "{text}")
    }

    fn tell_model(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        if matches!(chat.model, Model::Loading { .. }) && !std::mem::replace(&mut self.loading, true) {
            self.line(out, "loading the model")?;
        }
        Ok(())
    }

    /// Every tenth of a reading, and its end.
    fn tell_reading(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        if let (Work::Reading { run, .. }, Some(way)) = (&chat.work, &chat.way)
            && let Some(progress) = run.progress
        {
            let share = 100 * u64::from(progress.done_tokens) / u64::from(progress.total_tokens.max(1));
            let tenth = (way.name.to_string(), share as u32 / 10);
            if self.tenth.as_ref() != Some(&tenth) {
                self.line(out, &format!("reading {} by {}: {share}%", chat.document.title, way.name))?;
                self.tenth = Some(tenth);
            }
        }
        let held = chat.held.as_ref().filter(|held| held.is_complete()).map(|held| held.way.name.to_string());
        if held.is_some() && held != self.read_by {
            let first = self.read_by.is_none();
            let by = held.clone().unwrap_or_default();
            let told = if first {
                format!("{} is read. Ask, or /help.", chat.document.title)
            } else {
                format!("read by {by}")
            };
            self.line(out, &told)?;
            self.read_by = held;
        }
        Ok(())
    }

    /// The answer that is under way. Where one ends the next may have begun since: that is told behind it.
    fn tell_answer(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        self.tell_answering(chat, out)?;
        match chat.work {
            Work::Answering { entry, .. } if self.answering.is_none() => {
                self.answering = Some((entry, 0));
                self.tell_answering(chat, out)
            }
            _ => Ok(()),
        }
    }

    /// An answer as it grows, then what it cost.
    fn tell_answering(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        let Some((entry, bytes)) = self.answering else { return Ok(()) };
        let Some(Entry::Exchange(exchange)) = chat.transcript.get(entry) else { return Ok(()) };
        if exchange.answer.len() > bytes {
            if std::mem::take(&mut self.prompted) {
                writeln!(out)?;
            }
            write!(out, "{}", safe(&exchange.answer[bytes..]))?;
            self.answering = Some((entry, exchange.answer.len()));
        }
        if !matches!(exchange.state, ExchangeState::Running | ExchangeState::Waiting) {
            self.answering = None;
            self.prompted = false;
            writeln!(out)?;
            self.line(out, &ended(exchange))?;
        }
        Ok(())
    }

    fn tell_decision(&mut self, chat: &Chat, out: &mut dyn Write) -> io::Result<()> {
        let Work::Deciding { to, plan } = &chat.work else {
            self.deciding = false;
            return Ok(());
        };
        if !std::mem::replace(&mut self.deciding, true) {
            let time = plan.predicted.map_or(String::new(), |time| format!(", about {} s", time.as_secs().max(1)));
            self.line(out, &format!("{} reads {} tokens again{time}. Go on? y or n", to.name, plan.to_prefill_tokens))?;
        }
        Ok(())
    }
}

/// Without what could reach the terminal.
fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

fn ended(exchange: &Exchange) -> String {
    match &exchange.state {
        ExchangeState::Failed(failure) => failure.message.clone(),
        ExchangeState::Withdrawn => "not asked: the reading was stopped".to_owned(),
        _ => {
            let preset = exchange.preset.as_deref().unwrap_or_default();
            let figures = exchange.figures.as_ref().map_or(String::new(), |figures| {
                let speed = figures.timings.decode_tokens_per_s;
                format!(", {} tokens at {speed:.1} tok/s", figures.tokens.generated)
            });
            format!("({preset}{figures})")
        }
    }
}
