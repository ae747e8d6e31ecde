//! The types that an author can write.
//!
//! This file decides their names. It must not know what a value has to be to fit one.

use serde::{Deserialize, Serialize};

/// The types of the language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Text such as `1h30m`.
    Duration,
    /// Text; a leading `~` stands for the home folder.
    Path,
    /// A list.
    List,
    /// A map.
    Map,
    /// Anything.
    #[default]
    Any,
}

impl BaseType {
    /// All types, in the order of the language page.
    pub const ALL: [Self; 9] = [
        Self::String,
        Self::Integer,
        Self::Number,
        Self::Boolean,
        Self::Duration,
        Self::Path,
        Self::List,
        Self::Map,
        Self::Any,
    ];

    /// The name that authors write.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Duration => "duration",
            Self::Path => "path",
            Self::List => "list",
            Self::Map => "map",
            Self::Any => "any",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|base| base.as_str() == name)
    }

    /// True where the source text of a scalar is what counts.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::String | Self::Duration | Self::Path)
    }
}
