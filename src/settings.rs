//! What the user asked for: flags, config and environment become one validated value. The only reader of the environment.
