//! What is the screen's own: the focus, the input box, scrolling, what is folded or lies open. An intent goes in, the chat's actions come out.
//!
//! The chat knows nothing of this, and this changes nothing in the chat. Scrolling follows the end of the transcript until the
//! person scrolls up; at the bottom it follows again.
//!
//! | file | answers |
//! |---|---|
//! | [`state`] | what does the screen know? |
//! | [`keys`] | what does a key do? |
//! | [`question_keys`], [`line_input`], [`pasted`] | what happens to what is typed, and to large pastes? |
//! | [`name_keys`], [`names`] | what can `@` refer to? |
//! | [`reader_keys`] | what do the reader's keys do? |
//! | [`search_keys`], [`search`] | what is searched for? |
//! | [`quote_keys`] | which quote of an answer is the cursor on, and where does it lead? |
//! | [`answer_keys`] | asking again, copying, exporting |
//! | [`branch_keys`] | where does the conversation fork, and which branch is shown? |
//! | [`overlay_keys`], [`overlay`] | what lies over everything, and how is it moved through? |
//! | [`palette_keys`], [`palette`] | which command has this name? |
//! | [`picker_keys`], [`picker`] | what are the presets, and how is one changed? |
//! | [`parts_keys`], [`parts`] | which parts of the document are read, and what would others take? |
//! | [`mouse`] | what do clicks and the wheel do? |
//! | [`scrolling`], [`frame_layout`] | how far is it scrolled, and where is everything? |

mod answer_keys;
mod branch_keys;
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
mod quote_keys;
mod reader_keys;
mod scrolling;
mod search;
mod search_keys;
mod state;

pub(super) use frame_layout::{FrameLayout, ReaderLayout, TranscriptLayout};
pub(super) use names::NameList;
pub(super) use overlay::{ListKind, ListPopup, Overlay};
pub(super) use palette::{CommandPalette, what};
pub(super) use parts::{DocumentParts, PartSelection, SelectionCost, SelectionVerdict, WouldFit};
pub(super) use picker::{PresetPicker, RecipeDraft, RecipeField};
pub(super) use scrolling::{PopupText, Rest};
pub(super) use search::{SearchEntry, TranscriptSearch};
pub(super) use state::Screen;
