//! Up to here: questions about everything before a place in the document, so that an answer can't tell what comes after it.
//!
//! The KV cache is causal: what was read before the place is the same whether or not the rest follows. So the prompt has the text up to the
//! place, and the engine reuses what it has read of it; it keeps the whole reading as a snapshot, and the rest comes back at once.
//!
//! Example: 161,059 tokens of a book are read, and the reader is at chapter 12. A question up to there is answered from 33,000 tokens, of
//! which none is read again. Quotes are looked up before the place only, and turns that were about more of the document are left out of the
//! prompt, because they may tell what comes later.
//!
//! A window that depends on the length of the document stays that of the whole: otherwise all would be read again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A place in the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Until {
    /// What is before it is asked about; a byte of the document's text, where a line ends.
    pub byte: usize,
    /// `Chapter 12, line 1,204`
    pub words: Arc<str>,
}
