//! Looks up values in the dictionaries of a PDF.

use pdf_extract::{Dictionary, Document, Object};

/// The dictionary at `key`, which may be a reference to another object.
pub(super) fn child<'a>(document: &'a Document, dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
    dictionary.get_deref(key, document).and_then(Object::as_dict).ok()
}
