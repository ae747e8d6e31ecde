//! An ordered, fenced log of opaque records.
