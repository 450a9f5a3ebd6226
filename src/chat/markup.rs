//! Reads off a chat template how its model marks up what it writes: which tags are around reasoning, and which around
//! the answer.
//!
//! The template is asked: it renders an answer with reasoning and one without, and what it puts between question,
//! reasoning and answer are the model's own tags. gpt-oss, for one, renders
//! `<|channel|>analysis<|message|>` reasoning `<|end|><|start|>assistant<|channel|>final<|message|>` answer. Templates
//! that drop earlier reasoning are searched for the tags that are known from other models.
//!
//! This module doesn't see what the model writes: the engine splits it by the [`OutputMarkup`] made here. Whether the
//! model reasons at all is up to [`super::reasoning`].

use minijinja::context;
use minijinja::value::Value;

use crate::engine::message::{Begins, Origin, OutputMarkup, Part, Segment, TagPair};

/// What a template is told about reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// Nothing: it does what it does by default.
    Default,
    On,
    Off,
}

impl Thinking {
    pub(super) const ALL: [Self; 3] = [Self::Default, Self::On, Self::Off];

    /// The variables that templates know, with their values; none by default.
    pub(super) fn variables(self, source: &str) -> Vec<(&'static str, Value)> {
        let on = match self {
            Self::Default => return Vec::new(),
            Self::On => true,
            Self::Off => false,
        };
        let mode = if on { "enabled" } else { "disabled" };
        let mut all =
            vec![("enable_thinking", on.into()), ("thinking", on.into()), ("thinking_mode", Value::from(mode))];
        // A template that knows this value reasons only if it gets another one; others take it for a mistake.
        if source.contains("'no_think'") {
            all.push(("reasoning_effort", Value::from(if on { "high" } else { "no_think" })));
        }
        all
    }
}

/// A chat template, as far as it can be asked.
pub(super) trait Renders {
    /// As it is written.
    fn source(&self) -> &str;
    /// The text of a conversation, ending where the model's answer begins; `None` if it is refused.
    fn prompt(&self, messages: &[Value], thinking: Thinking) -> Option<String>;
    /// The text of a conversation that is over.
    fn talk(&self, messages: &[Value], thinking: Thinking) -> Option<String>;
}

/// Tags around reasoning that are known from models. At the very beginning of an output they are recognised under
/// every template, because fine-tuned models often keep the template of a model that doesn't reason.
const REASONING: [(&str, &str); 11] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
    ("<|channel|>commentary<|message|>", "<|end|>"),
];

/// Reasoning without an opening tag, which the answer's opening ends (Apriel).
const ANSWER_ENDS_REASONING: &str = "[BEGIN FINAL RESPONSE]";

/// Wrappers around answers that are known from models. Those of control tokens are recognised under every template, the
/// others where the template names them.
const ANSWERS: [(&str, &str); 7] = [
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ("<|START_TEXT|>", "<|END_TEXT|>"),
    ("<|channel|>final<|message|>", "<|return|>"),
    ("<|start|>assistant<|channel|>final<|message|>", "<|return|>"),
    ("<response>", "</response>"),
    ("<answer>", "</answer>"),
    (ANSWER_ENDS_REASONING, "[END FINAL RESPONSE]"),
];

/// Placeholders of the conversation that the template is asked to render.
const QUESTION: &str = "\u{F0000}";
const THOUGHT: &str = "\u{F0001}";
const ANSWER: &str = "\u{F0002}";

/// Longest tag, in bytes. Longer texts in brackets are something else.
const MAX_TAG_BYTES: usize = 64;

/// How a model marks up its output, as far as its template tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Conventions {
    /// The model's own tags around reasoning.
    tags: Option<TagPair>,
    /// What the template writes between question and reasoning, if it renders reasoning.
    lead: Option<String>,
    /// What closes reasoning and opens the answer, with the template's white space.
    cue: Option<String>,
    /// The opening tags in all their forms.
    reasoning: Vec<TagPair>,
    /// Wrappers around the answer.
    answer: Vec<TagPair>,
    /// Whether the template can make the model reason: it opens reasoning, or its switch changes the prompt.
    pub can_reason: bool,
}

impl Conventions {
    /// Asks `template`.
    pub(super) fn of(template: &impl Renders) -> Self {
        let prompts: Vec<String> =
            Thinking::ALL.iter().filter_map(|&thinking| generation_prompt(template, thinking)).collect();
        let mut conventions = Self::default();
        if let Some(talk) = Talk::with_reasoning(template) {
            conventions.read_reasoning(&talk, &prompts);
        }
        if conventions.tags.is_none() {
            conventions.tags = named_tags(template.source());
        }
        if let Some(talk) = Talk::plain(template) {
            conventions.read_answer(&talk, &prompts);
        }
        let names = |pair: &TagPair| !pair.open.is_empty() && template.source().contains(&pair.open);
        let renders = conventions.lead.is_some();
        conventions.can_reason = renders || conventions.tags.as_ref().is_some_and(names) || has_switch(template);
        conventions.add_known(template.source());
        conventions
    }

    /// The tags around the reasoning of `talk`, and what opens the answer behind it.
    fn read_reasoning(&mut self, talk: &Talk, prompts: &[String]) {
        let Some(close) = leading_tag(talk.between.trim_start()) else { return };
        let open = opening(&talk.lead, prompts);
        let rest = talk.between.trim_start()[close.len()..].trim();
        let header = header(rest, prompts);
        let answer_close = leading_tag(talk.behind.trim_start()).unwrap_or_default();
        self.tags = Some(TagPair::new(&open, close));
        self.lead = Some(talk.lead.clone());
        self.cue = Some(talk.between.clone());
        if !open.is_empty() {
            self.reasoning.push(TagPair::new(&open, close));
            self.reasoning.extend((!header.is_empty()).then(|| TagPair::new(format!("{header}{open}"), close)));
        }
        for opener in [rest, rest[header.len()..].trim_start()] {
            self.add_answer(opener, answer_close);
        }
    }

    /// What opens an answer without reasoning.
    fn read_answer(&mut self, talk: &Talk, prompts: &[String]) {
        let lead = &talk.lead;
        let shared = prompts.iter().map(|prompt| shared_tags(lead, prompt)).max().unwrap_or_default();
        let opener = lead[shared..].trim_start();
        let own = self.tags.iter().flat_map(|pair| [pair.open.clone(), pair.close.clone()]);
        let names_reasoning = own
            .chain(REASONING.iter().flat_map(|(open, close)| [(*open).to_owned(), (*close).to_owned()]))
            .any(|tag| !tag.is_empty() && opener.contains(&tag));
        // A word is a wrapper only together with its line end: functionary's answers begin with `all\n`.
        let opener = if leading_tag(opener).is_some() { opener.trim_end() } else { opener };
        let is_wrapper = leading_tag(opener).is_some() || opener.ends_with('\n');
        if names_reasoning || !is_wrapper || opener.trim().is_empty() {
            return;
        }
        if let (None, Some(pair)) = (&self.cue, &self.tags) {
            self.cue = Some(format!("{}{opener}", pair.close));
        }
        self.add_answer(opener, leading_tag(talk.behind.trim_start()).unwrap_or_default());
    }

    fn add_answer(&mut self, open: &str, close: &str) {
        if !open.is_empty() && self.answer.iter().all(|known| known.open != open) {
            self.answer.push(TagPair::new(open, close));
        }
    }

    /// Adds the known tags that count under every template, and those that the template names.
    fn add_known(&mut self, source: &str) {
        if self.reasoning.is_empty() {
            self.reasoning.extend(self.tags.clone());
        }
        for (open, close) in REASONING {
            if self.reasoning.iter().all(|known| known.open != open) {
                self.reasoning.push(TagPair::new(open, close));
            }
        }
        for (open, close) in ANSWERS {
            if open.starts_with("<|") || source.contains(open) {
                self.add_answer(open, close);
            }
        }
    }

    /// The markup of the output behind a prompt that ends in `tail`: the template's text behind the question.
    pub(super) fn markup(&self, tail: &str) -> OutputMarkup {
        let close = self.tags.as_ref().map(|pair| pair.close.clone());
        let begins = match &close {
            Some(close) if self.is_open(tail) => Begins::InReasoning(Some(close.clone())),
            Some(close) if tail.trim_end().ends_with(close.as_str()) => Begins::BehindReasoning,
            _ => Begins::Undecided,
        };
        let cue = self.cue.iter().map(|cue| Part {
            text: cue.as_str().into(),
            origin: Origin::Template,
            segment: Segment::Tail,
        });
        OutputMarkup {
            begins,
            reasoning: self.reasoning.clone(),
            lone_close: close.filter(|close| belongs_to_reasoning(close)),
            answer: self.answer.clone(),
            ends: Vec::new(),
            answer_cue: cue.collect(),
            answer_is_asked_for: false,
        }
    }

    /// The same for a model whose reasoning is prompted: the whole turn is reasoning, and the answer is asked for with
    /// `cue`.
    pub(super) fn prompted(&self, cue: Vec<Part>) -> OutputMarkup {
        let begins = Begins::InReasoning(None);
        let (close, answer_is_asked_for) = (REASONING[0].1.to_owned(), true);
        let own = self.markup("");
        let lone_close = own.lone_close.clone().or(Some(close));
        OutputMarkup { begins, answer_cue: cue, answer_is_asked_for, lone_close, ..own }
    }

    /// What has to follow a prompt that ends in `tail` for the reasoning to be closed; `None` if it is not open.
    pub(super) fn closing(&self, tail: &str) -> Option<String> {
        let pair = self.tags.as_ref().filter(|_| self.is_open(tail))?;
        Some(self.cue.clone().unwrap_or_else(|| format!("\n{}\n\n", pair.close)))
    }

    /// Whether `tail` has opened the reasoning.
    fn is_open(&self, tail: &str) -> bool {
        let Some(pair) = &self.tags else { return false };
        let opened = tail.rfind(&pair.open).filter(|_| !pair.open.is_empty());
        match (opened, tail.rfind(&pair.close)) {
            (Some(opened), closed) => closed.is_none_or(|closed| opened > closed),
            // Without an opening tag, reasoning is what a prompt begins that goes on as it does before reasoning.
            (None, None) => {
                let lead = self.lead.as_deref().map(str::trim_end).filter(|_| pair.open.is_empty());
                lead.is_some_and(|lead| tail.starts_with(lead))
            }
            (None, Some(_)) => false,
        }
    }
}

/// What a template writes around one answer.
struct Talk {
    /// Between the question and the reasoning, or the answer.
    lead: String,
    /// Between the reasoning and the answer.
    between: String,
    /// Behind the answer.
    behind: String,
}

impl Talk {
    /// `None` if the template doesn't render reasoning before the answer.
    fn with_reasoning(template: &impl Renders) -> Option<Self> {
        let answer = context! {
            role => "assistant",
            content => ANSWER,
            // The names that templates know it by.
            reasoning_content => THOUGHT,
            reasoning => THOUGHT,
            thinking => THOUGHT,
            thought => THOUGHT,
        };
        [Thinking::On, Thinking::Default].into_iter().find_map(|thinking| {
            let rendered = template.talk(&[question(), answer.clone()], thinking)?;
            let (lead, rest) = behind_question(&rendered)?.split_once(THOUGHT)?;
            let (between, behind) = rest.split_once(ANSWER)?;
            Some(Self { lead: lead.to_owned(), between: between.to_owned(), behind: behind.to_owned() })
        })
    }

    fn plain(template: &impl Renders) -> Option<Self> {
        let answer = context! { role => "assistant", content => ANSWER };
        let rendered = template.talk(&[question(), answer], Thinking::Default)?;
        let (lead, behind) = behind_question(&rendered)?.split_once(ANSWER)?;
        Some(Self { lead: lead.to_owned(), between: String::new(), behind: behind.to_owned() })
    }
}

fn question() -> Value {
    context! { role => "user", content => QUESTION }
}

fn behind_question(rendered: &str) -> Option<&str> {
    rendered.rsplit_once(QUESTION).map(|(_, behind)| behind)
}

/// What the template writes behind a question that is to be answered.
fn generation_prompt(template: &impl Renders, thinking: Thinking) -> Option<String> {
    let rendered = template.prompt(&[question()], thinking)?;
    behind_question(&rendered).map(str::to_owned)
}

/// Whether the template's switch changes the prompt.
fn has_switch(template: &impl Renders) -> bool {
    let [on, off] = [Thinking::On, Thinking::Off].map(|thinking| template.prompt(&[question()], thinking));
    on != off
}

/// The known tags that `source` names; of several the ones nearest to its end, where the generation prompt is.
fn named_tags(source: &str) -> Option<TagPair> {
    if source.contains(ANSWER_ENDS_REASONING) {
        return Some(TagPair::new("", ANSWER_ENDS_REASONING));
    }
    REASONING
        .into_iter()
        .filter_map(|pair| Some((source.rfind(pair.0).max(source.rfind(pair.1))?, pair)))
        .max_by_key(|(at, _)| *at)
        .map(|(_, (open, close))| TagPair::new(open, close))
}

/// The tag that opens reasoning at the end of `lead`: what goes beyond the generation prompts, or else the last tag.
fn opening(lead: &str, prompts: &[String]) -> String {
    // A prompt that begins otherwise tells nothing about the tag.
    let shared = prompts.iter().map(|prompt| shared_tags(lead, prompt)).filter(|&len| len > 0).min();
    let shared = shared.unwrap_or_default();
    let own = lead[shared..].trim();
    if own.is_empty() {
        return trailing_tag(lead.trim_end()).unwrap_or_default().to_owned();
    }
    // `<|open|>think<|sep|>`, where `<|open|>response<|sep|>` opens an answer.
    let before = if leading_tag(own).is_none() { trailing_tag(&lead[..shared]).unwrap_or_default() } else { "" };
    format!("{before}{own}")
}

/// The head of a message that a generation prompt ends in and `text` begins with: `<|start|>assistant`.
fn header<'a>(text: &'a str, prompts: &[String]) -> &'a str {
    let ends_one = |len: usize| prompts.iter().any(|prompt| prompt.trim_end().ends_with(&text[..len]));
    let boundaries = text.char_indices().map(|(at, _)| at).skip(1);
    &text[..boundaries.filter(|&len| ends_one(len)).max().unwrap_or(0)]
}

/// The length of the common beginning of two texts, without a tag that only one of them completes.
fn shared_tags(one: &str, other: &str) -> usize {
    let same = one.char_indices().zip(other.chars()).take_while(|((_, a), b)| a == b);
    let len = same.last().map_or(0, |((at, c), _)| at + c.len_utf8());
    match one[..len].rfind(['<', '[']) {
        Some(open) if !one[open..len].contains(['>', ']']) => open,
        _ => len,
    }
}

/// `<…>` or `[…]` at the beginning of `text`.
fn leading_tag(text: &str) -> Option<&str> {
    let end = match text.chars().next()? {
        '<' => text.find('>')?,
        '[' => text.find(']')?,
        _ => return None,
    };
    Some(&text[..=end]).filter(|tag| tag.len() <= MAX_TAG_BYTES && !tag.contains('\n'))
}

/// `<…>` or `[…]` at the end of `text`.
fn trailing_tag(text: &str) -> Option<&str> {
    let start = match text.chars().next_back()? {
        '>' => text.rfind('<')?,
        ']' => text.rfind('[')?,
        _ => return None,
    };
    Some(&text[start..]).filter(|tag| tag.len() <= MAX_TAG_BYTES && !tag.contains('\n'))
}

/// Whether a closing tag stands for reasoning alone. `<|end|>` ends any message.
fn belongs_to_reasoning(close: &str) -> bool {
    let is_known = REASONING.iter().any(|(_, known)| *known == close) && close != "<|end|>";
    is_known || close == ANSWER_ENDS_REASONING || close.starts_with("</") || close.starts_with("[/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::model;
    use crate::chat::{ChatTemplate, Moment};
    use crate::engine::message::{ModelInfo, TurnMarks};

    /// A template of turns, with `answer` for the model's and `prompt` at the end.
    fn template(answer: &str, prompt: &str) -> ChatTemplate {
        let source = format!(
            "{{% for m in messages %}}{{% if m.role == 'assistant' %}}{answer}{{% else %}}{{{{ '<|user|>' + m.content + '<|eot|>' }}}}\
             {{% endif %}}{{% endfor %}}{{% if add_generation_prompt %}}{prompt}{{% endif %}}"
        );
        ChatTemplate::of(&ModelInfo { chat_template: Some(source), ..model() }, Moment(0))
    }

    fn markup(template: &ChatTemplate, thinking: Thinking) -> OutputMarkup {
        let prompt = generation_prompt(template, thinking).expect("it renders");
        template.conventions().markup(&prompt)
    }

    fn own(markup: &OutputMarkup) -> (&str, &str) {
        (&markup.reasoning[0].open, &markup.reasoning[0].close)
    }

    fn in_reasoning(close: &str) -> Begins {
        Begins::InReasoning(Some(close.to_owned()))
    }

    #[test]
    fn a_template_that_renders_reasoning_shows_its_tags() {
        let answer = "<|bot|><|plan|>{{ m.reasoning_content }}<|act|>{{ m.content }}<|eot|>";
        let undecided = markup(&template(answer, "<|bot|>"), Thinking::Default);
        assert_eq!((own(&undecided), &undecided.begins), (("<|plan|>", "<|act|>"), &Begins::Undecided));
        let opened = markup(&template(answer, "<|bot|><|plan|>"), Thinking::Default);
        assert_eq!((own(&opened), &opened.begins), (("<|plan|>", "<|act|>"), &in_reasoning("<|act|>")));
    }

    #[test]
    fn channels_are_opened_with_and_without_the_head_of_a_message() {
        let answer = "<|start|>bot{% if m.thinking %}<|channel|>plan<|message|>{{ m.thinking }}<|end|><|start|>bot{% endif %}\
            <|channel|>say<|message|>{{ m.content }}<|return|>";
        let markup = markup(&template(answer, "<|start|>bot"), Thinking::Default);
        let opens = |pairs: &[TagPair]| pairs[..2].iter().map(|pair| pair.open.clone()).collect::<Vec<_>>();
        assert_eq!(opens(&markup.reasoning), ["<|channel|>plan<|message|>", "<|start|>bot<|channel|>plan<|message|>"]);
        assert_eq!(opens(&markup.answer), ["<|start|>bot<|channel|>say<|message|>", "<|channel|>say<|message|>"]);
        assert_eq!((markup.lone_close, markup.answer[0].close.as_str()), (None, "<|return|>"));
        assert_eq!(&*markup.answer_cue[0].text, "<|end|><|start|>bot<|channel|>say<|message|>");
    }

    #[test]
    fn wrappers_of_answers_are_read_off_an_answer() {
        let answer = "<|bot|><|START_X|>{{ m.content }}<|END_X|><|eot|>";
        let wrapped = markup(&template(answer, "<|bot|>"), Thinking::Default);
        assert_eq!(wrapped.answer[0], TagPair::new("<|START_X|>", "<|END_X|>"));
        let word = markup(&template(">>>all\n{{ m.content }}<|eot|>", ">>>"), Thinking::Default);
        assert_eq!(word.answer[0].open, "all\n");
        let none = markup(&template("<|bot|>{{ m.content }}<|eot|>", "<|bot|>"), Thinking::Default);
        assert!(none.answer.iter().all(|pair| ANSWERS.iter().any(|(open, _)| pair.open == *open)), "{none:?}");
    }

    #[test]
    fn a_template_that_names_the_closing_tag_alone_is_understood() {
        let template = template("<|bot|>{{ m.content.split('</think>')[-1] }}<|eot|>", "<|bot|>");
        let markup = markup(&template, Thinking::Default);
        assert_eq!((own(&markup), &markup.lone_close), (("<think>", "</think>"), &Some("</think>".to_owned())));
        assert!(!template.conventions().can_reason);
    }

    #[test]
    fn a_prompt_that_has_closed_the_reasoning_is_behind_it() {
        let answer = "<|bot|>{{ m.content }}<|eot|>";
        let prompt = "<|bot|>{% if enable_thinking is false %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}";
        let template = template(answer, prompt);
        let begins = |thinking| markup(&template, thinking).begins;
        assert_eq!(begins(Thinking::Default), in_reasoning("</think>"));
        assert_eq!(begins(Thinking::Off), Begins::BehindReasoning);
        assert_eq!(template.conventions().closing("<|bot|><think>\n"), Some("\n</think>\n\n".to_owned()));
        assert_eq!(template.conventions().closing("<|bot|>"), None);
        assert!(template.conventions().can_reason);
    }

    #[test]
    fn a_model_that_always_reasons_first_is_in_its_reasoning_without_a_tag() {
        let answer =
            "<|bot|>\n{% if m.thought %}{{ m.thought }}\n[BEGIN FINAL RESPONSE]\n{% endif %}{{ m.content }}<|eot|>";
        let markup = markup(&template(answer, "<|bot|>\nMy reasoning:\n"), Thinking::Default);
        assert_eq!(markup.begins, in_reasoning("[BEGIN FINAL RESPONSE]"));
    }

    #[test]
    fn without_a_word_about_reasoning_only_the_known_openings_count() {
        let markup = markup(&template("<|bot|>{{ m.content }}<|eot|>", "<|bot|>"), Thinking::Default);
        assert_eq!((markup.begins, markup.lone_close, markup.answer_cue), (Begins::Undecided, None, Vec::new()));
        assert_eq!(markup.reasoning.len(), REASONING.len());
    }

    #[test]
    fn the_stand_in_ends_at_its_own_marks() {
        let stand_in = ChatTemplate::of(&ModelInfo { chat_template: None, ..model() }, Moment(0));
        assert_eq!(stand_in.ends(), ["<|im_end|>", "<|im_start|>"]);
        assert_eq!(template("", "").ends(), Vec::<String>::new());
        let unmarked = ModelInfo { chat_template: None, turn_marks: TurnMarks::Unknown, ..model() };
        assert_eq!(ChatTemplate::of(&unmarked, Moment(0)).ends(), ["\n\n", "\nAnswer:"]);
    }
}
