//! The same chat and engine without a screen.
