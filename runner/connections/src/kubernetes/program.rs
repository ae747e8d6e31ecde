//! Kubeconfig users that run a program to get an EKS token.
//!
//! This file decides which of these programs' command lines are understood well enough to sign in their place:
//! `aws eks get-token`, `aws-iam-authenticator token` and `runbook eks-token`. With an option or a variable that is not
//! known here, the program is run as kubectl would. It must not sign anything.

use std::path::Path;

use kube::config::ExecConfig;
use runbook_model::connection::AwsConnection;

/// What such a user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedUser {
    /// The id that the token is bound to, usually the cluster's name.
    pub(crate) cluster: String,
    /// Who signs.
    pub(crate) aws: AwsConnection,
}

/// An option of a program and what it sets.
type Setting = fn(&mut Draft, &str);

#[derive(Default)]
struct Draft {
    cluster: Option<String>,
    aws: AwsConnection,
}

const fn ignored(_: &mut Draft, _: &str) {}

const AWS: [(&str, Setting); 9] = [
    ("--cluster-name", |draft, value| draft.cluster = Some(value.into())),
    ("--cluster-id", |draft, value| draft.cluster = Some(value.into())),
    ("--role-arn", |draft, value| draft.aws.role = Some(value.into())),
    ("--region", |draft, value| draft.aws.region = Some(value.into())),
    ("--profile", |draft, value| draft.aws.profile = Some(value.into())),
    ("--output", ignored),
    ("--color", ignored),
    ("--cli-read-timeout", ignored),
    ("--cli-connect-timeout", ignored),
];

const AUTHENTICATOR: [(&str, Setting); 10] = [
    ("-i", |draft, value| draft.cluster = Some(value.into())),
    ("--cluster-id", |draft, value| draft.cluster = Some(value.into())),
    ("-r", |draft, value| draft.aws.role = Some(value.into())),
    ("--role", |draft, value| draft.aws.role = Some(value.into())),
    ("-s", |draft, value| draft.aws.session_name = Some(value.into())),
    ("--session-name", |draft, value| draft.aws.session_name = Some(value.into())),
    ("-e", |draft, value| draft.aws.external_id = Some(value.into())),
    ("--external-id", |draft, value| draft.aws.external_id = Some(value.into())),
    ("--region", |draft, value| draft.aws.region = Some(value.into())),
    ("--log-format", ignored),
];

const OURS: [(&str, Setting); 4] = [
    ("--region", |draft, value| draft.aws.region = Some(value.into())),
    ("--profile", |draft, value| draft.aws.profile = Some(value.into())),
    ("--role-arn", |draft, value| draft.aws.role = Some(value.into())),
    ("--external-id", |draft, value| draft.aws.external_id = Some(value.into())),
];

/// What a user's program would be asked for, if that can be done without it.
pub(crate) fn recognise(exec: &ExecConfig) -> Option<SignedUser> {
    let command = Path::new(exec.command.as_deref()?).file_name()?.to_str()?;
    let args: Vec<&str> = exec.args.iter().flatten().map(String::as_str).collect();
    let mut draft = Draft::default();
    match command.strip_suffix(".exe").unwrap_or(command) {
        "aws" => {
            let words = read(&args, &AWS, &["--no-cli-pager", "--no-paginate", "--no-cli-auto-prompt"], &mut draft)?;
            (words == ["eks", "get-token"]).then_some(())?;
        }
        "aws-iam-authenticator" => {
            let words = read(&args, &AUTHENTICATOR, &["--cache"], &mut draft)?;
            (words == ["token"]).then_some(())?;
        }
        "runbook" => match read(&args, &OURS, &[], &mut draft)?.as_slice() {
            ["eks-token", cluster] => draft.cluster = Some((*cluster).to_owned()),
            _ => return None,
        },
        _ => return None,
    }
    for variable in exec.env.iter().flatten() {
        let (name, value) = (variable.get("name")?.as_str(), variable.get("value").map_or("", String::as_str));
        match name {
            // A command line says it more strongly than its environment.
            "AWS_PROFILE" | "AWS_DEFAULT_PROFILE" => set(&mut draft.aws.profile, value),
            "AWS_REGION" | "AWS_DEFAULT_REGION" => set(&mut draft.aws.region, value),
            // Tokens are signed for the region's own endpoint, which every authenticator takes.
            "AWS_STS_REGIONAL_ENDPOINTS" | "AWS_PAGER" | "AWS_CLI_AUTO_PROMPT" | "PATH" => {}
            _ => return None,
        }
    }
    Some(SignedUser { cluster: draft.cluster.filter(|cluster| !cluster.is_empty())?, aws: draft.aws })
}

fn set(field: &mut Option<String>, value: &str) {
    if field.is_none() && !value.is_empty() {
        *field = Some(value.to_owned());
    }
}

/// Reads a command line: the words that are no options are given back, nothing if an option is unknown.
fn read<'a>(args: &[&'a str], settings: &[(&str, Setting)], flags: &[&str], draft: &mut Draft) -> Option<Vec<&'a str>> {
    let mut words = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if !arg.starts_with('-') {
            words.push(*arg);
        } else if !flags.contains(arg) {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name, value),
                None => (*arg, *args.next()?),
            };
            settings.iter().find(|(known, _)| *known == name)?.1(draft, value);
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn user(command: &str, args: &str, env: &[(&str, &str)]) -> Option<(String, AwsConnection)> {
        let exec = ExecConfig {
            command: Some(command.into()),
            args: Some(args.split_whitespace().map(str::to_owned).collect()),
            env: Some(
                env.iter()
                    .map(|(name, value)| {
                        HashMap::from([("name".into(), (*name).into()), ("value".into(), (*value).into())])
                    })
                    .collect(),
            ),
            ..ExecConfig::default()
        };
        recognise(&exec).map(|user| (user.cluster, user.aws))
    }

    fn aws(region: Option<&str>, profile: Option<&str>, role: Option<&str>) -> AwsConnection {
        let text = |text: Option<&str>| text.map(str::to_owned);
        AwsConnection { region: text(region), profile: text(profile), role: text(role), ..AwsConnection::default() }
    }

    #[test]
    fn what_the_aws_cli_and_eksctl_write_is_understood() {
        let cli = user(
            "aws",
            "--region eu-west-1 eks get-token --cluster-name parent --output json",
            &[("AWS_PROFILE", "work")],
        );
        assert_eq!(cli, Some(("parent".into(), aws(Some("eu-west-1"), Some("work"), None))));
        let eksctl = user(
            "/usr/local/bin/aws",
            "eks get-token --output json --cluster-name=parent --region=us-east-1",
            &[("AWS_STS_REGIONAL_ENDPOINTS", "regional")],
        );
        assert_eq!(eksctl, Some(("parent".into(), aws(Some("us-east-1"), None, None))));
        let role = user(
            "aws",
            "eks get-token --cluster-name p --role-arn arn:aws:iam::1:role/r --profile a",
            &[("AWS_PROFILE", "b")],
        );
        assert_eq!(role, Some(("p".into(), aws(None, Some("a"), Some("arn:aws:iam::1:role/r")))));
    }

    #[test]
    fn the_other_programs_are_understood_too() {
        let authenticator = user("aws-iam-authenticator", "token -i parent -r arn:r --session-name me", &[]).unwrap();
        assert_eq!((authenticator.0.as_str(), authenticator.1.role.as_deref()), ("parent", Some("arn:r")));
        assert_eq!(authenticator.1.session_name.as_deref(), Some("me"));
        let ours = user("runbook", "eks-token parent --region eu-west-1", &[("AWS_DEFAULT_REGION", "x")]);
        assert_eq!(ours, Some(("parent".into(), aws(Some("eu-west-1"), None, None))));
    }

    #[test]
    fn what_is_not_understood_is_left_to_the_program() {
        for (command, args, env) in [
            ("aws", "eks get-token --cluster-name p --endpoint-url http://x", vec![]),
            ("aws", "eks get-token --cluster-name p", vec![("AWS_CONFIG_FILE", "/other")]),
            ("aws", "eks get-token", vec![]),
            ("aws", "eks describe-cluster --cluster-name p", vec![]),
            ("aws", "eks get-token --cluster-name", vec![]),
            ("gke-gcloud-auth-plugin", "", vec![]),
            ("aws-iam-authenticator", "token -i p --forward-session-name", vec![]),
            ("runbook", "eks-token", vec![]),
        ] {
            assert_eq!(user(command, args, &env), None, "{command} {args}");
        }
    }
}
