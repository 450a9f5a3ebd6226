//! Keys in the preset picker.

use super::super::keymap::{Focus, Intent, Scroll};
use super::super::ui_command::UiCommand;
use super::overlay::Overlay;
use super::picker::{PresetPicker, RecipeDraft, RecipeField};
use super::scrolling::scrolled;
use super::state::Screen;
use crate::chat::{Action, Chat};
use crate::failure::Hint;
use crate::swaa::preset::CUSTOM;
use crate::swaa::{Preset, RecipeSpec, WindowSpec};

impl Screen {
    /// Opens the picker at the active preset, and asks the engine what each preset would cost.
    pub(super) fn open_picker(&mut self, chat: &Chat, versus: bool) -> Vec<Action> {
        let current = chat.current_preset_entry();
        let at = if versus { another(chat, current) } else { current };
        self.overlay = Some(Overlay::Picker(PresetPicker { at, draft: None, versus }));
        vec![Action::Survey]
    }

    pub(super) fn in_picker(&mut self, chat: &Chat, mut picker: PresetPicker, intent: &Intent) -> Vec<Action> {
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

    /// Returns `None` to keep the picker open.
    fn among_presets(&mut self, chat: &Chat, picker: &mut PresetPicker, intent: &Intent) -> Option<Vec<Action>> {
        let last = chat.preset_entries.len().saturating_sub(1);
        match intent {
            Intent::Scroll(scroll) => picker.at = scrolled(*scroll, picker.at, last, 4).min(last),
            Intent::Preset(key) => {
                let named = chat.preset_entries.iter().position(|preset_entry| preset_entry.key == Some(*key));
                picker.at = named.unwrap_or(picker.at);
            }
            Intent::Submit if picker.versus => return Some(self.ask_versus(chat, picker.at)),
            Intent::Submit => return Some(vec![Action::Switch(picker.at)]),
            Intent::Change => {
                let recipe = chat.resolve_entry(picker.at).map(|resolved_preset| resolved_preset.recipe);
                let recipe =
                    chat.preset_entries.get(picker.at).and_then(|preset_entry| preset_entry.recipe.clone()).or(recipe);
                picker.draft = recipe.map(|recipe| RecipeDraft {
                    recipe: sliding(recipe),
                    field: RecipeField::Window,
                    to_save: false,
                });
            }
            Intent::Escape | Intent::Interrupt => return Some(Vec::new()),
            _ => {}
        }
        None
    }

    fn in_draft(&mut self, chat: &Chat, picker: &mut PresetPicker, intent: &Intent) -> Option<Vec<Action>> {
        let draft = picker.draft.as_mut()?;
        let field = RecipeField::ALL.iter().position(|field| *field == draft.field).unwrap_or(0);
        let to_save = std::mem::take(&mut draft.to_save);
        match intent {
            Intent::Submit if to_save => {
                let preset = saved(chat, draft.recipe.clone());
                self.commands.push(UiCommand::SavePreset(preset.clone()));
                return Some(vec![Action::Try(Box::new(preset))]);
            }
            Intent::Scroll(Scroll::Up) => draft.field = RecipeField::ALL[field.saturating_sub(1)],
            Intent::Scroll(Scroll::Down) => draft.field = RecipeField::ALL[(field + 1).min(RecipeField::ALL.len() - 1)],
            Intent::Less => draft.field.step(&mut draft.recipe, false),
            Intent::More => draft.field.step(&mut draft.recipe, true),
            Intent::Submit => match draft.recipe.check() {
                Ok(()) => return Some(vec![Action::Try(Box::new(tried(chat, draft.recipe.clone())))]),
                Err(error) => self.message = Some(format!("{error}: {}", error.hint().unwrap_or_default())),
            },
            Intent::Save => match draft.recipe.check() {
                Ok(()) => {
                    draft.to_save = true;
                    let name = saved(chat, draft.recipe.clone()).name;
                    self.message =
                        Some(format!("Enter saves it as {name} in the configuration, any other key does not"));
                }
                Err(error) => self.message = Some(format!("{error}: {}", error.hint().unwrap_or_default())),
            },
            Intent::Escape | Intent::Interrupt => picker.draft = None,
            _ => {}
        }
        None
    }

    /// Asks the question in the input box, or the last one, under the active preset and under `preset_entry`.
    fn ask_versus(&mut self, chat: &Chat, preset_entry: usize) -> Vec<Action> {
        let preset_entries = vec![chat.current_preset_entry(), preset_entry];
        if let Err(failure) = chat.compares(&preset_entries) {
            self.message = Some(failure.message);
            return Vec::new();
        }
        let mut actions = self.attach(chat, |_| true);
        let last = chat.exchanges().last().map(|exchange| exchange.question.to_string());
        let question = if self.text().trim().is_empty() { last } else { Some(self.take_question()) };
        let Some(question) = question else {
            self.focus = Focus::Input;
            self.message = Some("type a question, then choose again: it is asked with both presets".to_owned());
            return Vec::new();
        };
        self.follow();
        actions.push(Action::Versus { question, preset_entries });
        actions
    }
}

/// The preset that `current` is most likely compared with: full attention, or the next one.
fn another(chat: &Chat, current: usize) -> usize {
    let is_full =
        |preset_entry: &Preset| preset_entry.recipe.as_ref().is_some_and(|recipe| recipe.window == WindowSpec::Full);
    let full = chat.preset_entries.iter().position(is_full).filter(|full| *full != current);
    full.unwrap_or((current + 1).min(chat.preset_entries.len().saturating_sub(1)))
}

/// Full attention has no window to edit, so a draft starts from the default sliding recipe.
fn sliding(recipe: RecipeSpec) -> RecipeSpec {
    if recipe.window == WindowSpec::Full {
        RecipeSpec { adapters: recipe.adapters, ..RecipeSpec::SLIDING }
    } else {
        recipe
    }
}

fn tried(chat: &Chat, recipe: RecipeSpec) -> Preset {
    let known = chat.preset_entries.iter().find(|preset_entry| preset_entry.name == CUSTOM);
    let key = known.map_or_else(|| free_key(chat), |preset_entry| preset_entry.key);
    Preset {
        name: CUSTOM.to_owned(),
        key,
        summary: format!("custom: {recipe}"),
        recipe: Some(recipe),
        cot: None,
        has_own_adapters: true,
    }
}

/// `mine`, or the first free one of `mine-2`, `mine-3`, …
fn saved(chat: &Chat, recipe: RecipeSpec) -> Preset {
    let is_free = |name: &String| chat.preset_entries.iter().all(|preset_entry| preset_entry.name != *name);
    let names = (1..).map(|number| if number == 1 { "mine".to_owned() } else { format!("mine-{number}") });
    let name = names.into_iter().find(is_free).expect("some number is free");
    // None at all has to be said where `--lora` gives some to presets that say nothing.
    let given_to_all = chat.preset_entries.iter().filter(|preset_entry| !preset_entry.has_own_adapters);
    let are_given =
        given_to_all.filter_map(|preset_entry| preset_entry.recipe.as_ref()).any(|recipe| !recipe.adapters.is_empty());
    let has_own_adapters = are_given || !recipe.adapters.is_empty();
    Preset { name, key: free_key(chat), summary: recipe.to_string(), recipe: Some(recipe), cot: None, has_own_adapters }
}

fn free_key(chat: &Chat) -> Option<char> {
    ('1'..='9').find(|key| chat.preset_entries.iter().all(|preset_entry| preset_entry.key != Some(*key)))
}
