//! What a refusal means: its class, and what helps.
//!
//! The first of these that says something counts:
//!
//! 1. [`CODES`]: codes whose words or status would mislead, each group with its reason;
//! 2. the model: an exception marked as throttling;
//! 3. [`WORDS`]: what AWS's codes have in common across services (`InvalidVpcID.NotFound`, `NoSuchEntity`,
//!    `DBInstanceAlreadyExists`);
//! 4. the status, the modelled one where the answer came with a plain 400 (the JSON protocols send nothing else).
//!
//! This file must not know how a refusal is written.

use runbook_model::failure::FailureClass as Class;

use crate::definition::Shape;
use crate::effect;
use crate::http::Response;
use crate::operation::Operation;

/// Whole codes.
const CODES: [(&[&str], Class); 7] = [
    // The AWS SDKs' list of throttling codes. `LimitExceededException` is not among them, as it is there: in the services
    // this program carries it is a quota, and waiting does not raise one.
    (
        &[
            "BandwidthLimitExceeded",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "SlowDown",
            "TooManyRequestsException",
        ],
        Class::Throttled,
    ),
    // A person has to bring other credentials. EC2 calls an expired session `RequestExpired`.
    (
        &[
            "ExpiredToken",
            "ExpiredTokenException",
            "ExpiredTradeInTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidToken",
            "RequestExpired",
            "TokenRefreshRequired",
            "UnrecognizedClientException",
        ],
        Class::ExpiredCredentials,
    ),
    // Sent with status 400 by most services.
    (
        &[
            "AuthFailure",
            "IncompleteSignature",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "OptInRequired",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "SubscriptionRequiredException",
            "UnauthorizedOperation",
        ],
        Class::Denied,
    ),
    // The name is taken, in other words than `AlreadyExists`.
    (
        &[
            "BucketAlreadyOwnedByYou",
            "DelegationSetAlreadyCreated",
            "DuplicateCertificate",
            "DuplicateListener",
            "DuplicateLoadBalancerName",
            "DuplicatePolicyName",
            "DuplicateSSHPublicKey",
            "DuplicateTargetGroupName",
            "DuplicateTrustStoreName",
            "Resource.AlreadyAssociated",
        ],
        Class::Exists,
    ),
    // Something else holds or changes the object, and will let go.
    (
        &[
            "DependencyViolation",
            "EntityTemporarilyUnmodifiable",
            "IncorrectState",
            "OperationAborted",
            "OperationAbortedException",
            "QueueDeletedRecently",
            "ResourceContention",
            "ResourcePropagationDelayException",
            "TooManyUpdates",
        ],
        Class::Conflict,
    ),
    // The same request will never do, whatever its status says.
    (
        &[
            "AuthorizationHeaderMalformed",
            "DryRunOperation",
            "IdempotencyParameterMismatch",
            "IdempotentParameterMismatch",
            "IllegalLocationConstraintException",
            "InvalidObjectState",
            "PermanentRedirect",
            "UnmodifiableEntity",
        ],
        Class::Invalid,
    ),
    // Sent with status 400 by some services.
    (
        &[
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "InternalServerException",
            "ServerException",
            "ServiceUnavailable",
        ],
        Class::Unavailable,
    ),
];

type Fits = fn(&str) -> bool;

/// Parts of codes, the more telling ones first: `ReportInProgress` comes with 404 and is not missing.
const WORDS: [(Fits, Class); 10] = [
    (|code| code.contains("Throttl"), Class::Throttled),
    (|code| code.contains("AccessDenied") || code.contains("NotAuthorized"), Class::Denied),
    (|code| code.contains("AlreadyExist") || code.ends_with(".Duplicate") || code.ends_with("Exists"), Class::Exists),
    (|code| code.contains("InProgress") || code.contains("Concurrent") || code.contains("Conflict"), Class::Conflict),
    (
        |code| code.contains("InUse") || code.ends_with("NotReady") || code.ends_with("NotReadyException"),
        Class::Conflict,
    ),
    (is_wrong_state, Class::Conflict),
    (|code| ["NoSuch", "DoesNotExist", "NonExistent"].iter().any(|word| code.contains(word)), Class::Missing),
    (is_not_found, Class::Missing),
    (is_quota, Class::Invalid),
    (|code| code.starts_with("RequestTimeout"), Class::Timeout),
];

/// `InvalidDBInstanceState`, `InvalidStateException`, `IncorrectInstanceState`: right another time.
fn is_wrong_state(code: &str) -> bool {
    let core = code.strip_suffix("Exception").or_else(|| code.strip_suffix("Fault")).unwrap_or(code);
    (core.starts_with("Invalid") || core.starts_with("Incorrect")) && core.ends_with("State")
}

/// `LoadBalancerNotFound`, `InvalidVpcID.NotFound`, `ResourceNotFoundException`, `DBClusterNotFoundFault`.
fn is_not_found(code: &str) -> bool {
    let core = ["Exception", "Fault", "Error"].iter().find_map(|end| code.strip_suffix(end)).unwrap_or(code);
    core.ends_with("NotFound")
}

fn is_quota(code: &str) -> bool {
    ["LimitExceeded", "LimitsExceeded", "QuotaExceeded", "QuotaExceededException", "LimitExceededException"]
        .iter()
        .any(|word| code.contains(word))
        || code.starts_with("TooMany")
}

/// The class of a refusal.
pub(crate) fn of(operation: &Operation, code: &str, message: &str, status: u16) -> Class {
    let service = operation.service();
    // EKS and its kin say the same word for a name that is taken and for an object that others hold.
    if code == "ResourceInUseException" && effect::must_match(operation.name()) {
        return Class::Exists;
    }
    // The answer of EC2 to credentials it does not know; its other uses mean a missing permission.
    if code == "AuthFailure" && status == 401 {
        return Class::ExpiredCredentials;
    }
    // CloudFormation has no code of its own for a stack that is not there.
    if code == "ValidationError" && message.trim_end_matches('.').ends_with("does not exist") {
        return Class::Missing;
    }
    if let Some((_, class)) = CODES.iter().find(|(codes, _)| codes.contains(&code)) {
        return *class;
    }
    let modelled = service.exceptions().find(|(name, shape)| *name == code || declared_code(shape) == Some(code));
    let modelled = modelled.map(|(_, shape)| shape);
    if modelled.and_then(|shape| shape.retryable.as_ref()).is_some_and(|retryable| retryable.throttling) {
        return Class::Throttled;
    }
    if let Some((_, class)) = WORDS.iter().find(|(fits, _)| fits(code)) {
        return *class;
    }
    let declared = modelled.and_then(|shape| shape.error.as_ref()).and_then(|error| error.http_status_code);
    of_status(declared.filter(|_| status == 400).unwrap_or(status))
}

fn declared_code(shape: &Shape) -> Option<&str> {
    shape.error.as_ref()?.code.as_deref()
}

fn of_status(status: u16) -> Class {
    match status {
        401 | 403 => Class::Denied,
        404 | 410 => Class::Missing,
        408 => Class::Timeout,
        409 | 412 | 423 | 428 => Class::Conflict,
        429 => Class::Throttled,
        300..=499 => Class::Invalid,
        500..=599 => Class::Unavailable,
        _ => Class::Unknown,
    }
}

/// May the request have taken effect all the same? A gateway answered in the place of the service. When the service itself
/// says 500 or 503, it says that it failed, and every AWS SDK repeats such a call.
pub(crate) fn is_doubtful(status: u16) -> bool {
    matches!(status, 502 | 504)
}

/// What to do about a refusal, where more can be said than the service says.
pub(crate) fn help(class: Class, code: &str, response: &Response<'_>) -> Option<String> {
    let says = |help: &str| Some(help.to_owned());
    match (class, code) {
        (Class::ExpiredCredentials, _) => says("log in again, then resume"),
        (_, "RequestTimeTooSkewed") => says("set the clock of this machine"),
        (_, "SignatureDoesNotMatch" | "InvalidSignatureException") => {
            says("either the secret key does not belong to the access key, or the clock of this machine is wrong")
        }
        (_, "OptInRequired") => says("enable the region or the service for the account"),
        (_, "IdempotentParameterMismatch" | "IdempotencyParameterMismatch") => {
            says("the step was called with other parameters before; look at what that call has made")
        }
        (
            Class::Invalid,
            "301" | "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException",
        ) => {
            let region = response.header("x-amz-bucket-region");
            region.map(|region| format!("the bucket is in `{region}`; use a connection to that region"))
        }
        (Class::Invalid, code) if is_quota(code) => {
            says("a quota of the account is reached; ask for more in Service Quotas, or remove what is not needed")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::catalog;

    fn class(service: &str, operation: &str, code: &str, status: u16) -> Class {
        let operation = catalog().service(service).unwrap().operation(operation).unwrap();
        of(&operation, code, "", status)
    }

    #[test]
    fn codes_of_every_kind_are_classed() {
        for (service, operation, code, status, wanted) in [
            ("ec2", "DescribeVpcs", "InvalidVpcID.NotFound", 400, Class::Missing),
            ("ec2", "DeleteVpc", "DependencyViolation", 400, Class::Conflict),
            ("ec2", "CreateSecurityGroup", "InvalidGroup.Duplicate", 400, Class::Exists),
            ("ec2", "AttachInternetGateway", "Resource.AlreadyAssociated", 400, Class::Exists),
            ("ec2", "DescribeVpcs", "RequestLimitExceeded", 503, Class::Throttled),
            ("ec2", "DescribeVpcs", "RequestExpired", 400, Class::ExpiredCredentials),
            ("ec2", "DescribeVpcs", "AuthFailure", 401, Class::ExpiredCredentials),
            ("ec2", "RunInstances", "UnauthorizedOperation", 403, Class::Denied),
            ("ec2", "CreateVpc", "VpcLimitExceeded", 400, Class::Invalid),
            ("ec2", "RunInstances", "InsufficientInstanceCapacity", 500, Class::Unavailable),
            ("eks", "CreateCluster", "ResourceInUseException", 409, Class::Exists),
            ("eks", "DeleteCluster", "ResourceInUseException", 409, Class::Conflict),
            ("eks", "DescribeCluster", "ResourceNotFoundException", 404, Class::Missing),
            ("eks", "CreateCluster", "ResourceLimitExceededException", 400, Class::Invalid),
            ("eks", "CreateCluster", "InvalidParameterException", 400, Class::Invalid),
            ("iam", "CreateRole", "EntityAlreadyExists", 409, Class::Exists),
            ("iam", "GetRole", "NoSuchEntity", 404, Class::Missing),
            ("iam", "DeleteRole", "DeleteConflict", 409, Class::Conflict),
            ("iam", "CreateRole", "LimitExceeded", 409, Class::Invalid),
            ("iam", "GetCredentialReport", "ReportInProgress", 404, Class::Conflict),
            ("rds", "DescribeDBInstances", "DBInstanceNotFound", 404, Class::Missing),
            ("rds", "DeleteDBInstance", "InvalidDBInstanceState", 400, Class::Conflict),
            ("rds", "CreateDBInstance", "DBInstanceAlreadyExists", 400, Class::Exists),
            ("rds", "CreateDBInstance", "InstanceQuotaExceeded", 400, Class::Invalid),
            ("elbv2", "CreateTargetGroup", "DuplicateTargetGroupName", 400, Class::Exists),
            ("elbv2", "DescribeLoadBalancers", "LoadBalancerNotFound", 400, Class::Missing),
            ("s3", "GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError", 404, Class::Missing),
            ("s3", "HeadBucket", "404", 404, Class::Missing),
            ("s3", "HeadBucket", "301", 301, Class::Invalid),
            ("s3", "PutObject", "SlowDown", 503, Class::Throttled),
            ("sqs", "GetQueueUrl", "AWS.SimpleQueueService.NonExistentQueue", 400, Class::Missing),
            ("route53", "ChangeResourceRecordSets", "PriorRequestNotComplete", 400, Class::Throttled),
            ("sts", "GetCallerIdentity", "ExpiredToken", 403, Class::ExpiredCredentials),
            ("sts", "GetCallerIdentity", "Nonsense", 418, Class::Invalid),
            ("sts", "GetCallerIdentity", "Nonsense", 504, Class::Unavailable),
        ] {
            assert_eq!(class(service, operation, code, status), wanted, "{service} {operation} {code} {status}");
        }
    }

    #[test]
    fn a_status_that_only_the_model_knows_counts_where_the_answer_says_400() {
        assert_eq!(class("cloudformation", "CreateStack", "CreatedButModifiedException", 400), Class::Conflict);
        assert_eq!(class("cloudformation", "CreateStack", "Unmodelled", 400), Class::Invalid);
    }

    #[test]
    fn a_stack_that_is_not_there_is_missing() {
        let describe = catalog().service("cloudformation").unwrap().operation("DescribeStacks").unwrap();
        assert_eq!(of(&describe, "ValidationError", "Stack with id x does not exist", 400), Class::Missing);
        assert_eq!(of(&describe, "ValidationError", "1 validation error detected", 400), Class::Invalid);
    }
}
