//! What a preset is worth: recall on records, against full attention.
