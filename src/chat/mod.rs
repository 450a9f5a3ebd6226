//! What the conversation does next: a pure state machine, and the layout of prompts.
