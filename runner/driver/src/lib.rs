//! Carries out what the engine commands: clock, signals, futures, journal.
