//! The conversation: its entries' sheets, as far as they have changed, and the lines of them that are shown.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span, Text};

use super::super::screen::{Finding, Rest, Screen, SearchEntry};
use super::super::sheets::{Label, Sheets};
use super::super::theme::Theme;
use super::super::wrap::{shorten, width, wrap};
use super::reader::ends;
use super::words::{bytes, count};
use super::{exchange, switch};
use crate::chat::{Attached, AttachedText, Chat, Entry, Exchange, ExchangeState, Model, Offered};
use crate::document::Document;
use crate::quotes::Quote;

/// How far answers stand in.
pub(super) const INDENT: &str = "  ";

/// What an entry is drawn with.
#[derive(Clone, Copy)]
pub(super) struct Drawn<'a> {
    pub chat: &'a Chat,
    pub document: &'a Document,
    pub theme: &'a Theme,
    pub cells: usize,
    pub reasoning_open: bool,
    /// Of this entry's quotes, the one that the cursor is on.
    pub chosen: Option<usize>,
}

pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &mut Screen, theme: &Theme, area: Rect) {
    if chat.transcript.is_empty() {
        draw_welcome(frame, welcome(chat, theme, area.width.into()), screen, theme, area);
        return;
    }
    let (title, area) = with_search(screen, area);
    let shown = usize::from(area.height);
    let mut sheets = std::mem::take(&mut screen.sheets);
    write(&mut sheets, chat, screen, theme, area.width.into());
    let lines = sheets.len();
    screen.measured(lines, shown, Rest::End);
    let end = lines.saturating_sub(shown);
    show_found(&mut sheets, screen, end, shown);
    draw_search(frame, screen, theme, title);
    show_chosen(&sheets, screen, end, shown);
    let top = screen.top.unwrap_or(end).min(end);
    let mut visible = sheets.lines(top, shown);
    if let Some(finding) = screen.finding.as_ref().filter(|finding| finding.pattern.is_some()) {
        sheets.mark(&mut visible, top, finding.at, theme);
    }
    frame.render_widget(Text::from(visible), area);
    draw_rest(frame, lines.saturating_sub(top + shown), theme, area);
    screen.sheets = sheets;
}

/// A greeting; where it goes on below, that has a row of its own.
fn draw_welcome(frame: &mut Frame, mut lines: Vec<Line<'static>>, screen: &mut Screen, theme: &Theme, area: Rect) {
    let shown = usize::from(area.height);
    if lines.len() > shown {
        // The blank line above it is worth less than what it would push out.
        lines.remove(0);
    }
    let all = lines.len();
    let top = screen.measured(all, shown, Rest::Beginning);
    let seen = if top + shown < all { shown.saturating_sub(1) } else { shown };
    frame.render_widget(Text::from(lines.into_iter().skip(top).take(seen).collect::<Vec<Line>>()), area);
    draw_rest(frame, all.saturating_sub(top + seen), theme, area);
}

/// How much there is below.
fn draw_rest(frame: &mut Frame, below: usize, theme: &Theme, area: Rect) {
    if below > 0 {
        let mark = format!(" {below} more ↓ ");
        let cells = width(&mark) as u16;
        let corner = Rect { x: area.right().saturating_sub(cells), y: area.bottom() - 1, width: cells, height: 1 };
        frame.render_widget(Span::styled(mark, theme.chosen), corner.intersection(area));
    }
}

/// Scrolls to the quote that was chosen by the last key.
fn show_chosen(sheets: &Sheets, screen: &mut Screen, end: usize, shown: usize) {
    if let Some(line) = screen.take_chosen_entry().and_then(|entry| sheets.line_of_chosen(entry)) {
        show(screen, line, end, shown);
    }
}

/// Searches the sheets, and scrolls to the hit that is wished for.
fn show_found(sheets: &mut Sheets, screen: &mut Screen, end: usize, shown: usize) {
    let Some(finding) = &mut screen.finding else { return };
    let lines = match &finding.pattern {
        Some(pattern) => sheets.search(finding.number, pattern),
        None => Vec::new(),
    };
    if let Some(line) = finding.counted(&lines) {
        show(screen, line, end, shown);
    }
}

/// Scrolls to a line, unless it is seen.
fn show(screen: &mut Screen, line: usize, end: usize, shown: usize) {
    let top = screen.top.unwrap_or(end).min(end);
    if !(top..top + shown).contains(&line) {
        let top = line.saturating_sub(shown / 2);
        screen.top = (top < end).then_some(top);
    }
}

/// A line above the rest for what is searched for, when something is; and the rest.
fn with_search(screen: &Screen, area: Rect) -> (Rect, Rect) {
    let line = u16::from(screen.finding.is_some() && area.height > 1);
    let [title, rest] = Layout::vertical([Constraint::Length(line), Constraint::Min(1)]).areas(area);
    (title, rest)
}

/// What is searched for, and how often this frame has found it.
fn draw_search(frame: &mut Frame, screen: &Screen, theme: &Theme, title: Rect) {
    let Some(finding) = screen.finding.as_ref().filter(|_| !title.is_empty()) else { return };
    let (cells, right) = (usize::from(title.width), hits(finding));
    let left = shorten(&format!("/{}", finding.needle), cells.saturating_sub(width(&right) + 2));
    let is_typed = screen.entry.as_ref().is_some_and(SearchEntry::is_in_transcript);
    let style = if is_typed { theme.strong } else { theme.accent };
    let column = (width(&left) as u16).min(title.width.saturating_sub(1));
    frame.render_widget(ends(&left, style, &right, theme, cells), title);
    if is_typed {
        frame.set_cursor_position(Position { x: title.x + column, y: title.y });
    }
}

/// `hit 3 of 12`.
fn hits(finding: &Finding) -> String {
    match finding.all {
        0 if finding.pattern.is_none() => "search".to_owned(),
        0 => "no hit".to_owned(),
        all => format!("hit {} of {all} · n N", finding.at + 1),
    }
}

fn write(sheets: &mut Sheets, chat: &Chat, screen: &Screen, theme: &Theme, cells: usize) {
    sheets.fit(chat.branches.shown(), chat.transcript.len());
    for (index, entry) in chat.transcript.iter().enumerate() {
        let chosen = screen.quote.filter(|quote| quote.entry == index).map(|quote| quote.index);
        let at = Drawn {
            chat,
            document: screen.reader.book.document(),
            theme,
            cells,
            reasoning_open: screen.reasoning_open || is_thought(screen, entry),
            chosen,
        };
        match entry {
            Entry::Exchange(exchange) => match twin(chat, index) {
                Some(Twin::OfSecond(second)) => {
                    let both = label(exchange, &at).with(label(second, &at));
                    sheets.write(index, both, |sheet| exchange::write_pair(sheet, exchange, second, &at));
                }
                // It stands beside the first.
                Some(Twin::OfFirst) => sheets.write(index, Label { cells, ..Label::default() }, |_| {}),
                None => sheets.write(index, label(exchange, &at), |sheet| exchange::write(sheet, exchange, &at)),
            },
            Entry::Switch(comparison) => {
                let state = u8::from(comparison.new.decode_tokens_per_s.is_some());
                let label = Label { state, cells, ..Label::default() };
                sheets.write(index, label, |sheet| sheet.lines = switch::lines(comparison, theme, cells));
            }
        }
    }
}

/// Whether the thoughts of an entry have what is searched for.
fn is_thought(screen: &Screen, entry: &Entry) -> bool {
    let pattern = screen.finding.as_ref().and_then(|finding| finding.pattern.as_ref());
    matches!((pattern, entry), (Some(pattern), Entry::Exchange(exchange)) if pattern.is_match(&exchange.reasoning.text))
}

/// Nothing is there yet but the document: what can be done, in one view.
fn first_run(chat: &Chat, offered: &Offered, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let license = offered.license.as_ref().map_or(String::new(), |license| format!(", {license}"));
    let fetches = format!(" fetches {} ({}{license}), once.", offered.title, bytes(offered.bytes));
    let about = format!(
        "Lunette reads a long document with a language model on this machine, and answers questions about it. {} is open.",
        chat.document.title
    );
    let rows: [Vec<Span>; 4] = [
        vec![Span::raw(about)],
        vec![Span::raw("There is no model here yet:")],
        vec![Span::styled("Enter", theme.accent), Span::raw(fetches)],
        vec![
            Span::styled("A path", theme.accent),
            Span::raw(
                " of a GGUF file, typed below, takes the model that you have. You can ask meanwhile, and read: Tab goes to the document.",
            ),
        ],
    ];
    rows.iter().flat_map(|row| [vec![Line::default()], wrap(row, cells, 2)].concat()).collect()
}

/// The other of two exchanges that ask the same.
enum Twin<'a> {
    OfSecond(&'a Exchange),
    OfFirst,
}

fn twin(chat: &Chat, index: usize) -> Option<Twin<'_>> {
    let exchange = |index: usize| match chat.transcript.get(index) {
        Some(Entry::Exchange(exchange)) => exchange.variant.as_ref().map(|variant| (exchange, variant)),
        _ => None,
    };
    let (_, variant) = exchange(index)?;
    if variant.index > 0 {
        return Some(Twin::OfFirst);
    }
    exchange(index + 1).filter(|(_, other)| other.group == variant.group).map(|(second, _)| Twin::OfSecond(second))
}

/// Everything that an exchange's lines depend on.
fn label(exchange: &Exchange, at: &Drawn<'_>) -> Label {
    let reasoning = &exchange.reasoning;
    let running = reasoning.time(at.chat.now).filter(|_| reasoning.is_open());
    let state = match &exchange.state {
        ExchangeState::Waiting if !matches!(at.chat.model, Model::Ready { .. }) => 0,
        ExchangeState::Waiting if !at.chat.is_read() => 1,
        ExchangeState::Waiting => 2,
        ExchangeState::Running => 3,
        ExchangeState::Answered(_) => 4,
        ExchangeState::Failed(_) => 5,
        ExchangeState::Withdrawn => 6,
    };
    Label {
        question: exchange.question.len(),
        attached: exchange.attached.iter().map(known).sum(),
        answer: exchange.answer.len(),
        reasoning: reasoning.text.len(),
        state,
        seconds: running.map_or(0, |time| time.as_secs() + 1),
        quotes: exchange.quotes.iter().fold(0, found_at),
        chosen: at.chosen,
        reasoning_open: at.reasoning_open,
        cells: at.cells,
    }
}

/// A number for what became of each quote so far, and of this one.
fn found_at(sum: usize, quote: &Quote) -> usize {
    let place = quote.verdict.passage().map_or(1, |passage| passage.start + 2);
    sum.wrapping_mul(31).wrapping_add(place)
}

/// Counts the steps that an attachment has come.
fn known(attached: &Attached) -> usize {
    let text = match attached.text {
        AttachedText::Coming => 1,
        AttachedText::File(_) | AttachedText::Unread(_) => 2,
        AttachedText::Read(_) => 4,
    };
    text + 8 * usize::from(attached.tokens.is_some())
}

/// What a person sees who has not asked yet.
fn welcome(chat: &Chat, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let title = &chat.document.title;
    if let Model::Absent(offered) | Model::Fetching { offered, .. } = &chat.model {
        return first_run(chat, offered, theme, cells);
    }
    let part = chat.document.part.as_ref().map_or(String::new(), |part| format!(", {part},"));
    let state = match (&chat.model, &chat.held) {
        (Model::Failed(_), _) => "There is no model to ask.".to_owned(),
        (Model::Loading { .. }, _) | (_, None) => {
            "You can ask already; the answer comes when the document is read.".to_owned()
        }
        (_, Some(held)) if held.is_complete() => format!("{title}{part} is read. Ask it anything."),
        (_, Some(held)) => format!(
            "{} of {} tokens are read. Enter reads on, a question does, too.",
            count(held.tokens),
            count(held.document_tokens)
        ),
    };
    let presets =
        "Presets change how it is read: 1 with full attention, others through a window, faster. Alt-P shows them.";
    let mut lines = vec![Line::default()];
    lines.extend(wrap(&[Span::raw(state)], cells, 0));
    lines.extend(chat.document.choice.iter().flat_map(|choice| wrap(&[Span::raw(choice.clone())], cells, 0)));
    if !matches!(chat.model, Model::Failed(_)) {
        lines.extend(wrap(&[Span::styled(presets, theme.dim)], cells, 0));
    }
    lines
}

pub(super) fn indented(indent: &'static str, line: Line<'static>) -> Line<'static> {
    prefixed(Span::raw(indent), line)
}

pub(super) fn prefixed(prefix: Span<'static>, mut line: Line<'static>) -> Line<'static> {
    line.spans.insert(0, prefix);
    line
}
