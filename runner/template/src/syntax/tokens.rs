//! A look at the tokens before the tree is built: which bracket closes which, and whether the tree would be too deep.
//!
//! This file decides where an expression begins once the brackets around its parts count (minijinja's tree leaves out
//! brackets that only group, and the ranges of chained reads begin in the middle), and how long a chain may be: trees are
//! walked by recursion, and a chain of a hundred thousand `+` would end the process. It must not know any other syntax.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::Problem;

/// What may nest or chain in one expression.
const MOST_OPERATORS: usize = 500;
/// The branches of one template, which nest in its tree.
const MOST_BRANCHES: usize = 200;

/// The brackets of a source: for each closing one its offset and that of its opening one, in order of the former.
pub(super) struct Brackets(Vec<(usize, usize)>);

impl Brackets {
    /// Finds them; a source that cannot be read to its end has those before the fault.
    ///
    /// # Errors
    /// An expression is too long a chain.
    pub(super) fn of(source: &str, in_expression: bool) -> Result<Self, Problem> {
        let mut open = Vec::new();
        let mut pairs = Vec::new();
        let mut operators = 0;
        let mut branches = 0;
        for (token, span) in tokenize(source, in_expression, SyntaxConfig::default()).map_while(Result::ok) {
            let at = span.start_offset as usize;
            match token {
                Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                    open.push(at);
                    operators += 1;
                }
                Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                    if let Some(opening) = open.pop() {
                        pairs.push((at, opening));
                    }
                }
                Token::VariableStart | Token::BlockStart => operators = 0,
                Token::Comma | Token::Colon | Token::Assign => {}
                Token::Ident("elif") => branches += 1,
                Token::Ident("not" | "and" | "or" | "is" | "if" | "in") => operators += 1,
                Token::Ident(_)
                | Token::Str(_)
                | Token::String(_)
                | Token::Int(_)
                | Token::Int128(_)
                | Token::Float(_)
                | Token::TemplateData(_)
                | Token::VariableEnd
                | Token::BlockEnd => {}
                _ => operators += 1,
            }
            if operators > MOST_OPERATORS || branches > MOST_BRANCHES {
                let message = if branches > MOST_BRANCHES {
                    format!("the template has more than {MOST_BRANCHES} `elif`")
                } else {
                    format!("the expression has more than {MOST_OPERATORS} operators")
                };
                let help = Some("split it up".to_owned());
                return Err(Problem { range: at..span.end_offset as usize, message, help });
            }
        }
        Ok(Self(pairs))
    }

    /// The smallest start at or before `start` so that every bracket closed before `end` is also opened.
    pub(super) fn widened(&self, start: usize, end: usize) -> usize {
        let first = self.0.partition_point(|(closing, _)| *closing < start);
        self.0[first..]
            .iter()
            .take_while(|(closing, _)| *closing < end)
            .fold(start, |start, (_, opening)| start.min(*opening))
    }
}
