//! What is in a kubeconfig: named clusters, contexts and users.
//!
//! This file decides where these stand, and that one that cannot be edited safely is left alone. It must not know what
//! becomes of them.

use runbook_model::failure::Failure;
use runbook_template::yaml::{Kind, Node};

use super::tree::{self, get, is_anchored, is_copy, is_null, place, unusable};

/// A kubeconfig as it was read.
pub(crate) struct Kubeconfig<'t> {
    pub(crate) path: &'t str,
    pub(crate) text: &'t str,
    pub(crate) root: Option<Node>,
}

/// One named entry of a list.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'n> {
    /// The whole item.
    pub(crate) item: &'n Node,
    /// Its name.
    pub(crate) name: &'n Node,
    /// What has that name.
    pub(crate) body: Option<&'n Node>,
}

impl<'t> Kubeconfig<'t> {
    /// Reads a text; nothing for a file that is not there.
    ///
    /// # Errors
    /// `invalid` if it is no kubeconfig.
    pub(crate) fn read(path: &'t str, content: Option<&'t [u8]>) -> Result<Self, Failure> {
        let text = std::str::from_utf8(content.unwrap_or_default())
            .map_err(|error| unusable(path, &format!("it is no UTF-8 from byte {}", error.valid_up_to() + 1)))?;
        let root = tree::read(path, text)?;
        if let Some(root) = &root
            && !matches!(&root.kind, Kind::Map(_))
        {
            return Err(unusable(path, "it is no map"));
        }
        Ok(Self { path, text, root })
    }

    /// The entries of a list such as `contexts`, whose bodies stand behind `body`.
    ///
    /// # Errors
    /// `invalid` if the list is none, or rests on anchors.
    pub(crate) fn entries(&self, list: &str, body: &str) -> Result<Vec<Entry<'_>>, Failure> {
        let Some(root) = &self.root else { return Ok(Vec::new()) };
        let Some(node) = get(root, list).filter(|node| !is_null(node)) else { return Ok(Vec::new()) };
        let refuse = |node: &Node, why: &str| {
            let (line, column) = place(self.text, node.range.start);
            unusable(self.path, &format!("at line {line}, column {column} `{list}` {why}"))
        };
        let Kind::List(items) = &node.kind else { return Err(refuse(node, "is no list")) };
        let mut entries = Vec::with_capacity(items.len());
        for item in items {
            let body = get(item, body);
            let shared = |parent: &Node, node: &Node| is_copy(parent, node) || is_anchored(self.text, node);
            if shared(root, node) || shared(node, item) || body.is_some_and(|body| shared(item, body)) {
                return Err(refuse(item, "rests on an anchor or an alias"));
            }
            let Some(name) = get(item, "name").filter(|name| tree::text(name).is_some()) else { continue };
            if is_copy(item, name) {
                return Err(refuse(item, "rests on an alias"));
            }
            entries.push(Entry { item, name, body });
        }
        Ok(entries)
    }

    /// The current context, if there is one.
    pub(crate) fn current(&self) -> Option<&Node> {
        let node = get(self.root.as_ref()?, "current-context")?;
        tree::text(node).is_some_and(|text| !text.is_empty()).then_some(node)
    }
}

impl Entry<'_> {
    /// What it is called.
    pub(crate) fn called(&self) -> &str {
        tree::text(self.name).unwrap_or_default()
    }

    /// A text of its body, such as the cluster of a context.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        tree::text(get(self.body?, key)?)
    }
}
