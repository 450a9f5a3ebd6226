//! The interface's own state: focus, input box, scrolling, popups. Takes intents and returns chat actions.
//!
//! The chat does not know this state, and nothing here changes the chat. The transcript follows its end until the user
//! scrolls up, and follows again once the user is back at the bottom.
//!
//! | file | answers |
//! |---|---|
//! | [`state`] | what does the interface know? |
//! | [`keys`] | what does a key do? |
//! | [`question_keys`], [`line_input`], [`pasted`] | what happens to typed text, and to large pastes? |
//! | [`name_keys`], [`names`] | what can `@` refer to? |
//! | [`reader_keys`] | what do keys do in the document? |
//! | [`search_keys`], [`search`] | what is being searched for? |
//! | [`citation_keys`] | which quote is selected, and where does it lead? |
//! | [`answer_keys`] | how are answers repeated, copied and exported? |
//! | [`branch_keys`] | where does the conversation fork, and which branch is shown? |
//! | [`overlay_keys`], [`overlay`] | which popup is open, and how is it navigated? |
//! | [`palette_keys`], [`palette`] | which command has this name? |
//! | [`field_keys`], [`field`] | what is typed into a popup, and can it be the value? |
//! | [`start`] | what can be opened? |
//! | [`picker_keys`], [`picker`] | what are the presets, and how is one edited? |
//! | [`parts_keys`], [`parts`] | which parts of the document are in use, and what would others cost? |
//! | [`mouse`] | what do clicks and the wheel do? |
//! | [`scrolling`], [`frame_layout`] | how far is each text scrolled, and where is each area? |

mod answer_keys;
mod branch_keys;
mod citation_keys;
mod field;
mod field_keys;
mod frame_layout;
mod keys;
mod line_input;
mod mouse;
mod name_keys;
mod names;
mod overlay;
mod overlay_keys;
mod palette;
mod palette_keys;
mod parts;
mod parts_keys;
mod pasted;
mod picker;
mod picker_keys;
mod question_keys;
mod reader_keys;
mod scrolling;
mod search;
mod search_keys;
mod session_keys;
mod sessions;
mod start;
mod state;

pub(super) use field::FieldEntry;
pub(super) use frame_layout::{FrameLayout, ReaderLayout, TranscriptLayout};
pub(super) use names::NameList;
pub(super) use overlay::{ListKind, ListPopup, Overlay};
pub(super) use palette::{CommandPalette, what};
pub(super) use parts::{DocumentParts, PartSelection, SelectionCost, SelectionVerdict, WouldFit};
pub(super) use picker::{PresetPicker, RecipeDraft, RecipeField};
pub(super) use scrolling::{PopupText, Rest};
pub(super) use search::{SearchEntry, TranscriptSearch};
pub(super) use sessions::{SessionList, SessionRow};
pub(super) use start::{RecentRow, StartRow, start_rows};
pub(super) use state::Screen;
