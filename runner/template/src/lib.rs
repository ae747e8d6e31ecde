//! minijinja behind a strict face.
