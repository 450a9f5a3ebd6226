//! Renders a model's own Jinja chat template.
//!
//! A GGUF contains the template that its model was trained with. Only that one gives the model a familiar prompt,
//! rendered as Hugging Face's transformers does it (`trim_blocks`, `lstrip_blocks`, Python's string methods,
//! `raise_exception`, `strftime_now`, plain `tojson`). For Qwen2.5, one question becomes
//! `<|im_start|>system\n…<|im_end|>\n<|im_start|>user\nWho is Mr. Collins?<|im_end|>\n<|im_start|>assistant\n`.
//!
//! This module does not know what the messages contain: [`super::prompt`] lays them out, with placeholders instead of a
//! book.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error as JinjaError, ErrorKind, UndefinedBehavior, context};

use super::markup::{Conventions, Renders, Thinking};
use super::moment::Moment;
use super::template_limits::{self, Rendered, on_a_large_stack};
use crate::engine::message::{ModelInfo, TurnMarks};
use crate::failure::Hint;

/// What stands in for the template of a model that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandIn {
    /// Most small models have seen it.
    ChatMl,
    /// Question and answer as plain text, for a model to whom the marks of `ChatML` would be letters: it goes on with the text, so that a
    /// base model answers, too. Gemma 3 270M repeats the document behind `ChatML`, and answers behind this.
    Plain,
}

impl StandIn {
    /// For the user.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChatMl => "ChatML",
            Self::Plain => "plain text",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::ChatMl => CHATML,
            Self::Plain => PLAIN,
        }
    }

    /// What the model would write where a turn ends.
    const fn ends(self) -> [&'static str; 2] {
        match self {
            Self::ChatMl => ["<|im_end|>", "<|im_start|>"],
            Self::Plain => ["\n\n", "\nAnswer:"],
        }
    }
}

const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}\
     {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

const PLAIN: &str = "{% for message in messages %}{% if message.role == 'assistant' %}{{ 'Answer: ' + message.content + '\\n\\n' }}\
     {% elif message.role == 'user' %}{{ message.content + '\\n' }}{% else %}{{ message.content + '\\n\\n' }}{% endif %}{% endfor %}\
     {% if add_generation_prompt %}{{ 'Answer:' }}{% endif %}";

const NAME: &str = "chat template";

/// What is said of a template that took as many steps as it may.
const ENDLESS: &str = "it does not come to an end";

/// Why a template did not give a prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not parse, calls something undefined, or refuses these messages.
    #[error("the model's chat template fails at line {line}: {reason}")]
    Fails { line: usize, reason: String },
    /// It renders, but a text is missing, repeated or out of order.
    #[error("the model's chat template drops, repeats or reorders {what}")]
    LeavesOut { what: &'static str },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Fails { .. } => {
                "try another GGUF of this model: the template in this one is broken or not meant for plain chat"
            }
            Self::LeavesOut { .. } => "use a model made for chat: the template of this one cannot hold a conversation",
        };
        Some(hint.to_owned())
    }
}

/// A template with the variables it may use. Rendering the same messages always gives the same text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTemplate {
    source: String,
    bos: String,
    eos: String,
    now: Moment,
    /// If the model has no template.
    stand_in: Option<StandIn>,
    conventions: Conventions,
}

impl ChatTemplate {
    /// The template of `model`, or what stands in for it (see [`ChatTemplate::stand_in`]).
    #[must_use]
    pub fn of(model: &ModelInfo, now: Moment) -> Self {
        let source = model.chat_template.as_deref().filter(|source| !source.trim().is_empty());
        let stand_in = match model.turn_marks {
            TurnMarks::ChatMl => StandIn::ChatMl,
            TurnMarks::Unknown => StandIn::Plain,
        };
        let bare = Self {
            source: without_generation_marks(source.unwrap_or(stand_in.source())),
            bos: model.bos_text.clone(),
            eos: model.eos_text.clone(),
            now,
            stand_in: source.is_none().then_some(stand_in),
            conventions: Conventions::default(),
        };
        Self::asked(bare)
    }

    /// Renders the template `source` as conversations would, from one question to many turns. What comes of it doesn't
    /// matter: whoever calls this sees whether it comes to an end.
    pub fn exercise(source: &str, bos: &str, eos: &str) {
        let template = Self::asked(Self {
            source: without_generation_marks(source),
            bos: bos.to_owned(),
            eos: eos.to_owned(),
            now: Moment(0),
            stand_in: None,
            conventions: Conventions::default(),
        });
        let said = |role: &str| context! { role => role, content => "text" };
        for turns in [0, 1, 8] {
            let mut messages = vec![[said("user"), said("assistant")]; turns].concat();
            messages.push(said("user"));
            for thinking in Thinking::ALL {
                let with_system = [&[said("system")][..], &messages].concat();
                if [&messages, &with_system].iter().any(|messages| template.is_endless(messages, thinking)) {
                    return;
                }
                let _ = template.render_with(&messages, thinking, false);
            }
        }
    }

    /// Asks the template for its conventions, unless asking it once takes too long already.
    fn asked(bare: Self) -> Self {
        let question = context! { role => "user", content => "text" };
        if bare.is_endless(&[question], Thinking::Default) {
            return bare;
        }
        Self { conventions: Conventions::of(&bare), ..bare }
    }

    fn is_endless(&self, messages: &[Value], thinking: Thinking) -> bool {
        matches!(self.render_with(messages, thinking, true), Err(Error::Fails { reason, .. }) if reason == ENDLESS)
    }

    /// What is used instead, where the model has no template. The user must be told.
    #[must_use]
    pub fn stand_in(&self) -> Option<StandIn> {
        self.stand_in
    }

    /// The template as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How the model marks up its output.
    pub(super) fn conventions(&self) -> &Conventions {
        &self.conventions
    }

    /// Texts that end a turn: the stand-in's own marks, which a model that doesn't know them writes as text.
    pub(super) fn ends(&self) -> Vec<String> {
        self.stand_in.map_or(Vec::new(), |stand_in| stand_in.ends().map(str::to_owned).to_vec())
    }

    /// The text of `messages` (a sequence of `{role, content}`), ending where the model's answer begins.
    pub(super) fn render(&self, messages: &[Value], thinking: Thinking) -> Result<String, Error> {
        self.render_with(messages, thinking, true)
    }

    fn render_with(&self, messages: &[Value], thinking: Thinking, goes_on: bool) -> Result<String, Error> {
        template_limits::check_source(&self.source)
            .map_err(|refused| Error::Fails { line: refused.line, reason: refused.reason })?;
        on_a_large_stack(|| self.render_checked(messages, thinking, goes_on))
    }

    fn render_checked(&self, messages: &[Value], thinking: Thinking, goes_on: bool) -> Result<String, Error> {
        let environment = environment(&self.source, self.now).map_err(as_ours)?;
        let template = environment.get_template(NAME).map_err(as_ours)?;
        let mut context = BTreeMap::from([
            ("messages", Value::from(messages.to_vec())),
            ("bos_token", Value::from(self.bos.as_str())),
            ("eos_token", Value::from(self.eos.as_str())),
            ("add_generation_prompt", Value::from(goes_on)),
            // transformers passes these two as None; templates distinguish that from undefined.
            ("tools", Value::from(())),
            ("documents", Value::from(())),
        ]);
        context.extend(thinking.variables(&self.source));
        let mut rendered = Rendered::default();
        template.render_captured_to(context, &mut rendered).map_err(as_ours)?;
        Ok(rendered.into_text())
    }
}

impl Renders for ChatTemplate {
    fn source(&self) -> &str {
        &self.source
    }

    fn prompt(&self, messages: &[Value], thinking: Thinking) -> Option<String> {
        self.render_with(messages, thinking, true).ok()
    }

    fn talk(&self, messages: &[Value], thinking: Thinking) -> Option<String> {
        self.render_with(messages, thinking, false).ok()
    }
}

fn environment(source: &str, now: Moment) -> Result<Environment<'_>, JinjaError> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    template_limits::limit(&mut environment);
    environment.add_function("raise_exception", |reason: String| -> Result<Value, JinjaError> {
        Err(JinjaError::new(ErrorKind::InvalidOperation, reason))
    });
    environment.add_function("strftime_now", move |format: String| now.strftime(&format));
    environment.add_filter("tojson", to_json);
    // Python's None is not iterable; minijinja's none is, and `tools is iterable and tools | length` would fail.
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    environment.add_template(NAME, source)?;
    Ok(environment)
}

#[allow(clippy::needless_pass_by_value)] // the form that `map_err` wants
fn as_ours(error: JinjaError) -> Error {
    let reason = match error.kind() {
        ErrorKind::OutOfFuel => ENDLESS.to_owned(),
        ErrorKind::WriteFailure => {
            std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
        }
        kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
    };
    Error::Fails { line: error.line().unwrap_or(0), reason }
}

/// minijinja's own `tojson` escapes `<`, `>`, `&` and `'` for HTML; a model must see them unescaped.
#[allow(clippy::needless_pass_by_value)] // the form of a filter
fn to_json(value: &Value, indent: Option<Value>, arguments: Kwargs) -> Result<Value, JinjaError> {
    // `ensure_ascii` and the like change nothing for plain text.
    let indent = indent.or(arguments.get("indent")?);
    let _: Option<bool> = arguments.get("ensure_ascii")?;
    let keywords: Kwargs = std::iter::empty::<(&str, Value)>().collect();
    let json = minijinja::filters::tojson(value, indent, keywords)?;
    Ok(Value::from(without_html_escapes(json.as_str().unwrap_or_default())))
}

fn without_html_escapes(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest[at..].get(..6).unwrap_or_default();
        let (plain, taken) = match escape {
            "\\u003c" => ("<", 6),
            "\\u003e" => (">", 6),
            "\\u0026" => ("&", 6),
            "\\u0027" => ("'", 6),
            // A backslash and the character that it escapes, which may be another backslash.
            _ => (&rest[at..at + 2], 2),
        };
        out.push_str(plain);
        rest = &rest[at + taken..];
    }
    out + rest
}

/// `{% generation %}` marks the text to train on (a transformers extension). It renders nothing, so it is turned into a
/// comment, which trims the space around it in the same way.
fn without_generation_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, inside, after)) = next_block(rest) {
        out.push_str(before);
        let word = inside.trim_matches(['-', '+']).trim();
        let mark = if matches!(word, "generation" | "endgeneration") { '#' } else { '%' };
        out.extend(['{', mark]);
        out.push_str(inside);
        out.extend([mark, '}']);
        rest = after;
    }
    out + rest
}

fn next_block(source: &str) -> Option<(&str, &str, &str)> {
    let (before, from_block) = source.split_once("{%")?;
    let (inside, after) = from_block.split_once("%}")?;
    Some((before, inside, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(source: &str) -> ChatTemplate {
        ChatTemplate {
            source: without_generation_marks(source),
            bos: "<s>".to_owned(),
            eos: "</s>".to_owned(),
            now: Moment(0),
            stand_in: None,
            conventions: Conventions::default(),
        }
    }

    fn rendered(source: &str) -> Result<String, Error> {
        let hello = context! { role => "user", content => "hello" };
        template(source).render(&[hello], Thinking::On)
    }

    #[test]
    fn blocks_leave_no_blank_lines_as_in_transformers() {
        let source =
            "{% for m in messages %}\n  {% if m.role == 'user' %}\n{{ m.content }}\n  {% endif %}\n{% endfor %}\nend";
        assert_eq!(rendered(source), Ok("hello\nend".to_owned()));
    }

    #[test]
    fn what_templates_may_name_is_there() {
        let source =
            "{{ bos_token }}{{ strftime_now('%d %b %Y') }} {{ tools is none }} {{ enable_thinking }} {{ eos_token }}";
        assert_eq!(rendered(source), Ok("<s>01 Jan 1970 True True </s>".to_owned()));
    }

    #[test]
    fn a_refusal_is_a_sentence_with_its_line() {
        let source = "{{ bos_token }}\n{{ raise_exception('System role not supported') }}";
        assert_eq!(
            rendered(source).map_err(|error| error.to_string()),
            Err("the model's chat template fails at line 2: System role not supported".to_owned())
        );
    }

    #[test]
    fn generation_marks_render_nothing() {
        let source = "a\n  {%- generation -%}\n  {{ messages[0].content }}\n{% endgeneration %}\nb";
        assert_eq!(rendered(source), Ok("ahello\nb".to_owned()));
    }

    #[test]
    fn json_is_for_models_and_not_for_html() {
        let source = r#"{{ {"a": "<b> & 'c' \\u003c", "d": [1, none]} | tojson }}"#;
        assert_eq!(rendered(source), Ok(r#"{"a": "<b> & 'c' \\u003c", "d": [1, null]}"#.to_owned()));
    }
}
