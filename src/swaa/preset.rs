//! Named recipes: the user's vocabulary.

use super::RecipeSpec;

/// A recipe with a name and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    pub name: String,
    /// The digit that switches to it in the screen, if any.
    pub key: Option<char>,
    /// One line: what it is, and what it is known to be worth.
    pub summary: String,
    /// What this preset does; `None` is `auto`, which is decided per document by [`super::auto`].
    pub recipe: Option<RecipeSpec>,
}
