//! From text to a plan: YAML, checks, diagnostics.
