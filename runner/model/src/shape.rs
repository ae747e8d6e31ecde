//! What a value is known to look like before it exists.
//!
//! This file decides what can be said about an answer without having it, so that the checker finds a misspelt
//! member. It must not know where a shape comes from: AWS models and Kubernetes kinds make them elsewhere.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

/// What is known of a value.
#[derive(Clone, Default)]
pub enum Shape {
    /// Nothing is known; any member may exist.
    #[default]
    Any,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// Text.
    Text,
    /// A list of such items.
    List(Box<Self>),
    /// A map with free keys and such values.
    Map(Box<Self>),
    /// A map with just these members, all of which are there (perhaps null).
    Structure(Arc<Structure>),
    /// Made when it is looked at, for shapes that hold themselves.
    Lazy(Arc<dyn Fn() -> Self + Send + Sync>),
}

/// The members of a structure.
#[derive(Clone, Default)]
pub struct Structure {
    /// What people call it, such as `DescribeVpcsResult`.
    pub name: String,
    /// The members, in the order of their definition.
    pub members: IndexMap<String, Member>,
}

/// One member of a structure.
#[derive(Clone, Default)]
pub struct Member {
    /// What it looks like.
    pub shape: Shape,
    /// Is its value a secret?
    pub sensitive: bool,
}

impl Shape {
    /// A structure of members that are not secret.
    pub fn structure<N: Into<String>>(name: &str, members: impl IntoIterator<Item = (N, Self)>) -> Self {
        let members =
            members.into_iter().map(|(name, shape)| (name.into(), Member { shape, sensitive: false })).collect();
        Self::Structure(Arc::new(Structure { name: name.to_owned(), members }))
    }

    /// This shape, made if it was lazy.
    #[must_use]
    pub fn resolved(&self) -> Self {
        match self {
            Self::Lazy(make) => make().resolved(),
            other => other.clone(),
        }
    }

    /// What people call it in an error.
    #[must_use]
    pub fn name(&self) -> String {
        match self.resolved() {
            Self::Any | Self::Lazy(_) => "a value".into(),
            Self::Boolean => "a boolean".into(),
            Self::Number => "a number".into(),
            Self::Text => "text".into(),
            Self::List(_) => "a list".into(),
            Self::Map(_) => "a map".into(),
            Self::Structure(structure) => format!("`{}`", structure.name),
        }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(inner) => write!(f, "[{inner:?}]"),
            Self::Map(inner) => write!(f, "{{{inner:?}}}"),
            Self::Structure(structure) => f.write_str(&structure.name),
            Self::Lazy(_) => f.write_str("…"),
            other => f.write_str(&other.name()),
        }
    }
}
