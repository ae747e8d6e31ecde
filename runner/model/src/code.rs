//! The codes of complaints: one table, so that none is given twice and each has its page in `docs/diagnostics`.
//!
//! This file decides which codes exist and what each is called. It must not know when a complaint is raised: that is
//! the business of the crate that raises it. A code is never reused for something else.
//!
//! | codes | about |
//! | --- | --- |
//! | `RB01xx` | text and YAML |
//! | `RB02xx` | structure |
//! | `RB03xx` | names and references |
//! | `RB04xx` | expressions and templates |
//! | `RB05xx` | inputs |
//! | `RB0600`–`RB0639` | AWS calls |
//! | `RB0640`–`RB0699` | arguments of the other kinds |
//! | `RB07xx` | connections |
//! | `RB08xx` | packages and limits |
//! | `RB09xx` | refusals at run time |

/// Every code with its title, in order.
pub const ALL: &[(&str, &str)] = &[
    (TEXT_ENCODING, "a file that is not UTF-8 text"),
    (YAML_SYNTAX, "text that is not YAML"),
    (YAML_TAB, "a tab that indents"),
    (YAML_COLON, "a `: ` in text without quotes"),
    (YAML_DOUBLE_KEY, "a key that stands twice in one map"),
    (YAML_MERGE, "a merge key"),
    (YAML_TAG, "a tag"),
    (YAML_KEY, "a key that is not text"),
    (YAML_ANCHOR, "an alias without an anchor before it"),
    (YAML_DOCUMENTS, "several documents in one file"),
    (YAML_EMPTY, "a file without a document"),
    (EXPRESSION_OPEN, "an expression that is never closed"),
    (EXPRESSION_EMPTY, "an expression without anything in it"),
    (NUMBER_TEXT, "a number that does not keep its digits"),
    (NO_DOLLAR, "text that looks like an expression"),
    (EXPRESSION_KEY, "an expression in a key"),
    (KEY_UNKNOWN, "a key that is not known here"),
    (KEY_MISSING, "a key that is missing"),
    (TYPE_WRONG, "a value of the wrong type"),
    (KIND_NONE, "a step that does nothing"),
    (KIND_SEVERAL, "a step that does several things"),
    (KIND_UNKNOWN, "a step kind that does not exist"),
    (VALUE_WRONG, "a value that cannot stand here"),
    (KEYS_TOGETHER, "keys that do not go together"),
    (LITERAL_WANTED, "an expression where a fixed value is wanted"),
    (CONDITION_TEXT, "a condition that is text"),
    (NAME_INVALID, "a name that is not allowed"),
    (NAME_TWICE, "a name that is given twice"),
    (NAME_UNKNOWN, "a name that expressions do not know"),
    (INPUT_UNKNOWN, "an input that is not declared"),
    (STEP_UNKNOWN, "a step that does not exist"),
    (OUTPUT_UNKNOWN, "an output that a step does not have"),
    (CONNECTION_UNKNOWN, "a connection that is not declared"),
    (NAME_ELSEWHERE, "a name that means something only elsewhere"),
    (MEMBER_UNKNOWN, "a member that a value does not have"),
    (NEED_UNKNOWN, "a need that is no step"),
    (CYCLE, "steps that wait for each other"),
    (RESULT_NOT_KEPT, "the result of a step that keeps only outputs"),
    (NAME_WHOLE, "a name that cannot be used as a whole"),
    (SIBLING_UNAWAITED, "a step that nobody waits for"),
    (CLASS_UNKNOWN, "a class of failures that does not exist"),
    (SECRET_ONCE, "a secret that is told only once and used twice"),
    (EXPRESSION_SYNTAX, "an expression that cannot be read"),
    (FILTER_UNKNOWN, "a filter that does not exist"),
    (TEST_UNKNOWN, "a test that does not exist"),
    (FUNCTION_UNKNOWN, "a function that does not exist"),
    (METHOD_UNKNOWN, "a method that does not exist"),
    (QUERY_WRONG, "a JMESPath query that cannot be asked"),
    (QUERY_NOT, "a `!` that covers less than it seems to"),
    (TEMPLATE_MISSING, "a template that does not exist"),
    (TEMPLATE_SYNTAX, "a template that cannot be read"),
    (TEMPLATE_NAME, "a template that is not named by a fixed text"),
    (TEMPLATE_VALUE, "a value that a template is not given"),
    (DEFAULT_UNFIT, "a default that does not fit its input"),
    (EXAMPLE_UNFIT, "an example that does not fit its input"),
    (PATTERN_WRONG, "a pattern that is no regular expression"),
    (TYPE_KEYS, "a restriction that the type of an input does not have"),
    (SECRET_DEFAULT, "a secret input with a default"),
    (WITH_MISSING, "an input that a nested runbook needs"),
    (WITH_UNKNOWN, "an input that a nested runbook does not have"),
    (WITH_UNFIT, "a value that does not fit the input of a nested runbook"),
    (INPUT_UNDECLARED, "an input given to a runbook that does not have it"),
    (INPUT_UNFIT, "a given value that does not fit its input"),
    (INPUT_ABSENT, "an input that nobody gave"),
    (INPUT_FILE, "a file of inputs that cannot be read"),
    (ASSERTED, "inputs that do not fulfil what the runbook demands"),
    (AWS_SERVICE, "an AWS service that nobody knows"),
    (AWS_OPERATION, "an operation that the AWS service does not have"),
    (AWS_WAITER, "a waiter that the AWS service does not have"),
    (AWS_PARAMETER, "a parameter that the AWS operation does not have"),
    (AWS_REQUIRED, "a parameter that the AWS operation needs"),
    (AWS_TYPE, "a parameter of an AWS operation of the wrong type"),
    (AWS_CHOICE, "a value that the AWS service's model does not know"),
    (AWS_UNION, "not exactly one member where AWS takes one of several"),
    (AWS_LEAST, "a parameter of an AWS operation that is too short or too small"),
    (KIND_KEY, "a key that the step kind does not have"),
    (KIND_MISSING, "an argument that the step kind needs"),
    (KIND_VALUE, "an argument of the wrong type or with a value it cannot have"),
    (KIND_TOGETHER, "arguments that do not go together"),
    (KIND_PLACE, "a step kind in a place where it cannot stand"),
    (KIND_LATER, "something that this version does not carry out yet"),
    (MANIFEST, "an object that Kubernetes could not take"),
    (CLUSTER_NAME, "a name that Karmada takes for no cluster"),
    (SECRET_SHOWN, "a secret where everybody can read it"),
    (CONNECTION_FORM, "a connection in no known form"),
    (CONNECTION_ABSENT, "a step that needs a connection"),
    (CONNECTION_SORT, "a connection that leads elsewhere"),
    (CONNECTION_REPLACED, "a replaced connection that a nested runbook does not have"),
    (CONNECTION_CYCLE, "connections that rest on each other"),
    (FILE_SIZE, "a file that is too large"),
    (TOO_DEEP, "lists and maps nested too deep"),
    (TOO_MANY_ALIASES, "aliases that make a file too large"),
    (TOO_MANY_STEPS, "a plan with too many steps"),
    (PATH_OUTSIDE, "a path that leaves the package"),
    (FILE_UNREADABLE, "a file that cannot be read"),
    (USES_ITSELF, "a runbook that uses itself"),
    (USES_FORM, "something other than a file in `uses`"),
    (TOO_MANY_COMPLAINTS, "more complaints than anybody reads"),
    (TOO_MANY_ITEMS, "a list with too many items"),
];

/// A file that is not UTF-8 text.
pub const TEXT_ENCODING: &str = "RB0101";
/// Text that is not YAML.
pub const YAML_SYNTAX: &str = "RB0102";
/// A tab that indents.
pub const YAML_TAB: &str = "RB0103";
/// A `: ` in text without quotes.
pub const YAML_COLON: &str = "RB0104";
/// A key that stands twice in one map.
pub const YAML_DOUBLE_KEY: &str = "RB0105";
/// A merge key.
pub const YAML_MERGE: &str = "RB0106";
/// A tag.
pub const YAML_TAG: &str = "RB0107";
/// A key that is not text.
pub const YAML_KEY: &str = "RB0108";
/// An alias without an anchor before it.
pub const YAML_ANCHOR: &str = "RB0109";
/// Several documents in one file.
pub const YAML_DOCUMENTS: &str = "RB0110";
/// A file without a document.
pub const YAML_EMPTY: &str = "RB0111";
/// An expression that is never closed.
pub const EXPRESSION_OPEN: &str = "RB0112";
/// An expression without anything in it.
pub const EXPRESSION_EMPTY: &str = "RB0113";
/// A number that does not keep its digits.
pub const NUMBER_TEXT: &str = "RB0114";
/// Text that looks like an expression.
pub const NO_DOLLAR: &str = "RB0115";
/// An expression in a key.
pub const EXPRESSION_KEY: &str = "RB0116";
/// A key that is not known here.
pub const KEY_UNKNOWN: &str = "RB0201";
/// A key that is missing.
pub const KEY_MISSING: &str = "RB0202";
/// A value of the wrong type.
pub const TYPE_WRONG: &str = "RB0203";
/// A step that does nothing.
pub const KIND_NONE: &str = "RB0204";
/// A step that does several things.
pub const KIND_SEVERAL: &str = "RB0205";
/// A step kind that does not exist.
pub const KIND_UNKNOWN: &str = "RB0206";
/// A value that cannot stand here.
pub const VALUE_WRONG: &str = "RB0207";
/// Keys that do not go together.
pub const KEYS_TOGETHER: &str = "RB0208";
/// An expression where a fixed value is wanted.
pub const LITERAL_WANTED: &str = "RB0209";
/// A condition that is text.
pub const CONDITION_TEXT: &str = "RB0210";
/// A name that is not allowed.
pub const NAME_INVALID: &str = "RB0301";
/// A name that is given twice.
pub const NAME_TWICE: &str = "RB0302";
/// A name that expressions do not know.
pub const NAME_UNKNOWN: &str = "RB0303";
/// An input that is not declared.
pub const INPUT_UNKNOWN: &str = "RB0304";
/// A step that does not exist.
pub const STEP_UNKNOWN: &str = "RB0305";
/// An output that a step does not have.
pub const OUTPUT_UNKNOWN: &str = "RB0306";
/// A connection that is not declared.
pub const CONNECTION_UNKNOWN: &str = "RB0307";
/// A name that means something only elsewhere.
pub const NAME_ELSEWHERE: &str = "RB0308";
/// A member that a value does not have.
pub const MEMBER_UNKNOWN: &str = "RB0309";
/// A need that is no step.
pub const NEED_UNKNOWN: &str = "RB0310";
/// Steps that wait for each other.
pub const CYCLE: &str = "RB0311";
/// The result of a step that keeps only outputs.
pub const RESULT_NOT_KEPT: &str = "RB0312";
/// A name that cannot be used as a whole.
pub const NAME_WHOLE: &str = "RB0313";
/// A step that nobody waits for.
pub const SIBLING_UNAWAITED: &str = "RB0314";
/// A class of failures that does not exist.
pub const CLASS_UNKNOWN: &str = "RB0315";
/// A secret that is told only once and used twice.
pub const SECRET_ONCE: &str = "RB0316";
/// An expression that cannot be read.
pub const EXPRESSION_SYNTAX: &str = "RB0401";
/// A filter that does not exist.
pub const FILTER_UNKNOWN: &str = "RB0402";
/// A test that does not exist.
pub const TEST_UNKNOWN: &str = "RB0403";
/// A function that does not exist.
pub const FUNCTION_UNKNOWN: &str = "RB0404";
/// A method that does not exist.
pub const METHOD_UNKNOWN: &str = "RB0405";
/// A JMESPath query that cannot be asked.
pub const QUERY_WRONG: &str = "RB0406";
/// A `!` that covers less than it seems to.
pub const QUERY_NOT: &str = "RB0407";
/// A template that does not exist.
pub const TEMPLATE_MISSING: &str = "RB0408";
/// A template that cannot be read.
pub const TEMPLATE_SYNTAX: &str = "RB0409";
/// A template that is not named by a fixed text.
pub const TEMPLATE_NAME: &str = "RB0410";
/// A value that a template is not given.
pub const TEMPLATE_VALUE: &str = "RB0411";
/// A default that does not fit its input.
pub const DEFAULT_UNFIT: &str = "RB0501";
/// An example that does not fit its input.
pub const EXAMPLE_UNFIT: &str = "RB0502";
/// A pattern that is no regular expression.
pub const PATTERN_WRONG: &str = "RB0503";
/// A restriction that the type of an input does not have.
pub const TYPE_KEYS: &str = "RB0504";
/// A secret input with a default.
pub const SECRET_DEFAULT: &str = "RB0505";
/// An input that a nested runbook needs.
pub const WITH_MISSING: &str = "RB0506";
/// An input that a nested runbook does not have.
pub const WITH_UNKNOWN: &str = "RB0507";
/// A value that does not fit the input of a nested runbook.
pub const WITH_UNFIT: &str = "RB0508";
/// An input given to a runbook that does not have it.
pub const INPUT_UNDECLARED: &str = "RB0509";
/// A given value that does not fit its input.
pub const INPUT_UNFIT: &str = "RB0510";
/// An input that nobody gave.
pub const INPUT_ABSENT: &str = "RB0511";
/// A file of inputs that cannot be read.
pub const INPUT_FILE: &str = "RB0512";
/// Inputs that do not fulfil what the runbook demands.
pub const ASSERTED: &str = "RB0513";
/// An AWS service that nobody knows.
pub const AWS_SERVICE: &str = "RB0600";
/// An operation that the AWS service does not have.
pub const AWS_OPERATION: &str = "RB0601";
/// A waiter that the AWS service does not have.
pub const AWS_WAITER: &str = "RB0602";
/// A parameter that the AWS operation does not have.
pub const AWS_PARAMETER: &str = "RB0603";
/// A parameter that the AWS operation needs.
pub const AWS_REQUIRED: &str = "RB0604";
/// A parameter of an AWS operation of the wrong type.
pub const AWS_TYPE: &str = "RB0605";
/// A value that the AWS service's model does not know.
pub const AWS_CHOICE: &str = "RB0606";
/// Not exactly one member where AWS takes one of several.
pub const AWS_UNION: &str = "RB0607";
/// A parameter of an AWS operation that is too short or too small.
pub const AWS_LEAST: &str = "RB0608";
/// A key that the step kind does not have.
pub const KIND_KEY: &str = "RB0640";
/// An argument that the step kind needs.
pub const KIND_MISSING: &str = "RB0641";
/// An argument of the wrong type or with a value it cannot have.
pub const KIND_VALUE: &str = "RB0642";
/// Arguments that do not go together.
pub const KIND_TOGETHER: &str = "RB0643";
/// A step kind in a place where it cannot stand.
pub const KIND_PLACE: &str = "RB0644";
/// Something that this version does not carry out yet.
pub const KIND_LATER: &str = "RB0645";
/// An object that Kubernetes could not take.
pub const MANIFEST: &str = "RB0646";
/// A name that Karmada takes for no cluster.
pub const CLUSTER_NAME: &str = "RB0647";
/// A secret in an argument that everybody can read.
pub const SECRET_SHOWN: &str = "RB0648";
/// A connection in no known form.
pub const CONNECTION_FORM: &str = "RB0701";
/// A step that needs a connection.
pub const CONNECTION_ABSENT: &str = "RB0702";
/// A connection that leads elsewhere.
pub const CONNECTION_SORT: &str = "RB0703";
/// A replaced connection that a nested runbook does not have.
pub const CONNECTION_REPLACED: &str = "RB0704";
/// Connections that rest on each other.
pub const CONNECTION_CYCLE: &str = "RB0705";
/// A file that is too large.
pub const FILE_SIZE: &str = "RB0801";
/// Lists and maps nested too deep.
pub const TOO_DEEP: &str = "RB0802";
/// Aliases that make a file too large.
pub const TOO_MANY_ALIASES: &str = "RB0803";
/// A plan with too many steps.
pub const TOO_MANY_STEPS: &str = "RB0804";
/// A path that leaves the package.
pub const PATH_OUTSIDE: &str = "RB0805";
/// A file that cannot be read.
pub const FILE_UNREADABLE: &str = "RB0806";
/// A runbook that uses itself.
pub const USES_ITSELF: &str = "RB0807";
/// Something other than a file in `uses`.
pub const USES_FORM: &str = "RB0808";
/// More complaints than anybody reads.
pub const TOO_MANY_COMPLAINTS: &str = "RB0809";
/// A list with too many items.
pub const TOO_MANY_ITEMS: &str = "RB0810";

/// The title of a code.
#[must_use]
pub fn title(code: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| *known == code).map(|(_, title)| *title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_none_is_given_twice() {
        assert!(ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(ALL.iter().all(|(code, _)| code.len() == 6 && code.starts_with("RB")));
        assert_eq!(title(KIND_KEY), Some("a key that the step kind does not have"));
    }
}
