//! Looks up what a dictionary of a PDF refers to.

use pdf_extract::{Dictionary, Document, Object};

/// The dictionary under `key`, which may lie elsewhere in the file.
pub(super) fn child<'a>(document: &'a Document, dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
    dictionary.get_deref(key, document).and_then(Object::as_dict).ok()
}
