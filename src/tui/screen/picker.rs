//! The presets as a list to look at, to choose from, and to change: a change is a draft, tried with Enter and saved with `s`.

use super::super::errand::Errand;
use super::super::keymap::{Intent, Scroll};
use super::{Overlay, Screen, scrolled};
use crate::chat::{Action, Chat};
use crate::failure::Hint;
use crate::swaa::preset::CUSTOM;
use crate::swaa::{LayerSpec, Preset, RecipeSpec, WindowSpec};

/// The picker as it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct Picker {
    /// Which offer is looked at.
    pub at: usize,
    pub draft: Option<Draft>,
    /// The question is asked under the preset in force and the one that is chosen.
    pub versus: bool,
}

/// A recipe that is being changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct Draft {
    pub recipe: RecipeSpec,
    pub field: Field,
}

/// A field of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Field {
    Window,
    Sinks,
    FullLayers,
    Decode,
    Tail,
}

impl Field {
    pub(in crate::tui) const ALL: [Self; 5] = [Self::Window, Self::Sinks, Self::FullLayers, Self::Decode, Self::Tail];

    /// As a preset's file names it.
    pub(in crate::tui) const fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Sinks => "sinks",
            Self::FullLayers => "full_layers",
            Self::Decode => "fa_decode",
            Self::Tail => "dense_tail",
        }
    }

    /// As a preset's file writes it.
    pub(in crate::tui) fn value(self, recipe: &RecipeSpec) -> String {
        match self {
            Self::Window => recipe.window.to_string(),
            Self::Sinks => recipe.sinks.to_string(),
            Self::FullLayers => recipe.full_layers.to_string(),
            Self::Decode => recipe.fa_decode.to_string(),
            Self::Tail => recipe.dense_tail.to_string(),
        }
    }

    fn step(self, recipe: &mut RecipeSpec, up: bool) {
        match self {
            Self::Window => recipe.window = stepped(&WINDOWS, &recipe.window, up),
            Self::Sinks => recipe.sinks = stepped(&SINKS, &recipe.sinks, up),
            Self::FullLayers => recipe.full_layers = stepped(&LAYERS, &recipe.full_layers, up),
            Self::Decode => recipe.fa_decode ^= true,
            Self::Tail => recipe.dense_tail ^= true,
        }
    }
}

/// What the fields go through; everything else can be written in the user's file.
const WINDOWS: [WindowSpec; 9] = [
    WindowSpec::Tokens(512),
    WindowSpec::Tokens(1024),
    WindowSpec::Tokens(2048),
    WindowSpec::Tokens(4096),
    WindowSpec::Tokens(8192),
    WindowSpec::Tokens(16_384),
    WindowSpec::Share { divisor: 8, at_least: 4096 },
    WindowSpec::Share { divisor: 4, at_least: 4096 },
    WindowSpec::Full,
];
const SINKS: [u32; 5] = [0, 10, 50, 100, 200];
const LAYERS: [LayerSpec; 5] =
    [LayerSpec::None, LayerSpec::Every { step: 4, from: 1 }, LayerSpec::Odd, LayerSpec::FirstHalf, LayerSpec::Even];

/// The neighbour of `value`; from a value that is not among them the first or the last.
fn stepped<T: Clone + PartialEq>(values: &[T], value: &T, up: bool) -> T {
    let at = values.iter().position(|known| known == value);
    let next = match (at, up) {
        (Some(at), true) => (at + 1).min(values.len() - 1),
        (Some(at), false) => at.saturating_sub(1),
        (None, true) => 0,
        (None, false) => values.len() - 1,
    };
    values[next].clone()
}

impl Screen {
    /// Opens the picker on the preset in force, and has the engine asked what each would cost.
    pub(super) fn open_picker(&mut self, chat: &Chat, versus: bool) -> Vec<Action> {
        let current = chat.current_offer();
        let at = if versus { another(chat, current) } else { current };
        self.overlay = Some(Overlay::Picker(Picker { at, draft: None, versus }));
        vec![Action::Survey]
    }

    pub(super) fn in_picker(&mut self, chat: &Chat, mut picker: Picker, intent: &Intent) -> Vec<Action> {
        let actions = match &mut picker.draft {
            Some(_) => self.in_draft(chat, &mut picker, intent),
            None => self.among_presets(chat, &mut picker, intent),
        };
        if let Some(actions) = actions {
            return actions;
        }
        self.overlay = Some(Overlay::Picker(picker));
        Vec::new()
    }

    /// `None` leaves the picker open.
    fn among_presets(&mut self, chat: &Chat, picker: &mut Picker, intent: &Intent) -> Option<Vec<Action>> {
        let last = chat.offers.len().saturating_sub(1);
        match intent {
            Intent::Scroll(scroll) => picker.at = scrolled(*scroll, picker.at, last, 4).min(last),
            Intent::Preset(key) => {
                let named = chat.offers.iter().position(|offer| offer.key == Some(*key));
                picker.at = named.unwrap_or(picker.at);
            }
            Intent::Submit if picker.versus => return Some(self.ask_versus(chat, picker.at)),
            Intent::Submit => return Some(vec![Action::Switch(picker.at)]),
            Intent::Change => {
                let recipe = chat.way_of(picker.at).map(|way| way.recipe);
                let recipe = chat.offers.get(picker.at).and_then(|offer| offer.recipe.clone()).or(recipe);
                picker.draft = recipe.map(|recipe| Draft { recipe: sliding(recipe), field: Field::Window });
            }
            Intent::Escape | Intent::Interrupt => return Some(Vec::new()),
            _ => {}
        }
        None
    }

    fn in_draft(&mut self, chat: &Chat, picker: &mut Picker, intent: &Intent) -> Option<Vec<Action>> {
        let draft = picker.draft.as_mut()?;
        let field = Field::ALL.iter().position(|field| *field == draft.field).unwrap_or(0);
        match intent {
            Intent::Scroll(Scroll::Up) => draft.field = Field::ALL[field.saturating_sub(1)],
            Intent::Scroll(Scroll::Down) => draft.field = Field::ALL[(field + 1).min(Field::ALL.len() - 1)],
            Intent::Less => draft.field.step(&mut draft.recipe, false),
            Intent::More => draft.field.step(&mut draft.recipe, true),
            Intent::Submit => match draft.recipe.check() {
                Ok(()) => return Some(vec![Action::Try(Box::new(tried(chat, draft.recipe.clone())))]),
                Err(error) => self.told = Some(format!("{error}: {}", error.hint().unwrap_or_default())),
            },
            Intent::Save => match draft.recipe.check() {
                Ok(()) => {
                    let preset = saved(chat, draft.recipe.clone());
                    self.errands.push(Errand::SavePreset(preset.clone()));
                    return Some(vec![Action::Try(Box::new(preset))]);
                }
                Err(error) => self.told = Some(format!("{error}: {}", error.hint().unwrap_or_default())),
            },
            Intent::Escape | Intent::Interrupt => picker.draft = None,
            _ => {}
        }
        None
    }

    /// The question in the box, or the last one, under the preset in force and under `offer`.
    fn ask_versus(&mut self, chat: &Chat, offer: usize) -> Vec<Action> {
        let offers = vec![chat.current_offer(), offer];
        if let Err(failure) = chat.compares(&offers) {
            self.told = Some(failure.message);
            return Vec::new();
        }
        let mut actions = self.attach(chat, |_| true);
        let last = chat.exchanges().last().map(|exchange| exchange.question.to_string());
        let question = if self.text().trim().is_empty() { last } else { Some(self.take_question()) };
        let Some(question) = question else {
            self.told = Some("write a question first: it is asked under both presets".to_owned());
            return Vec::new();
        };
        self.follow();
        actions.push(Action::Versus { question, offers });
        actions
    }
}

/// What `current` is most likely to be compared with: full attention, or what comes next.
fn another(chat: &Chat, current: usize) -> usize {
    let is_full = |offer: &Preset| offer.recipe.as_ref().is_some_and(|recipe| recipe.window == WindowSpec::Full);
    let full = chat.offers.iter().position(is_full).filter(|full| *full != current);
    full.unwrap_or((current + 1).min(chat.offers.len().saturating_sub(1)))
}

/// Full attention has no window to change: a draft of it begins with what a window brings.
fn sliding(recipe: RecipeSpec) -> RecipeSpec {
    if recipe.window == WindowSpec::Full { RecipeSpec::SLIDING } else { recipe }
}

fn tried(chat: &Chat, recipe: RecipeSpec) -> Preset {
    let known = chat.offers.iter().find(|offer| offer.name == CUSTOM);
    let key = known.map_or_else(|| free_key(chat), |offer| offer.key);
    Preset {
        name: CUSTOM.to_owned(),
        key,
        summary: format!("as you made it: {recipe}"),
        recipe: Some(recipe),
        cot: None,
    }
}

/// `mine`, or the first `mine-2`, `mine-3`, … that is free.
fn saved(chat: &Chat, recipe: RecipeSpec) -> Preset {
    let is_free = |name: &String| chat.offers.iter().all(|offer| offer.name != *name);
    let names = (1..).map(|number| if number == 1 { "mine".to_owned() } else { format!("mine-{number}") });
    let name = names.into_iter().find(is_free).expect("some number is free");
    Preset { name, key: free_key(chat), summary: recipe.to_string(), recipe: Some(recipe), cot: None }
}

fn free_key(chat: &Chat) -> Option<char> {
    ('1'..='9').find(|key| chat.offers.iter().all(|offer| offer.key != Some(*key)))
}
