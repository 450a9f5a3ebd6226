//! Chooses a preset when the user has not.
