//! The functions that endpoint rules may call.
//!
//! This file decides what each yields; null stands for "no value", which a condition reads as false. It follows the
//! Smithy specification ("Rules engine standard library", "AWS rules engine library functions"). It must not know any rule.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::partition;
use crate::percent::encode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Function {
    IsSet,
    Not,
    StringEquals,
    BooleanEquals,
    GetAttr,
    Substring,
    UriEncode,
    IsValidHostLabel,
    #[serde(rename = "parseURL")]
    ParseUrl,
    #[serde(rename = "aws.partition")]
    Partition,
    #[serde(rename = "aws.parseArn")]
    ParseArn,
    #[serde(rename = "aws.isVirtualHostableS3Bucket")]
    IsVirtualHostableS3Bucket,
}

impl Function {
    pub(super) fn call(self, arguments: &[Json]) -> Json {
        let any = |i: usize| arguments.get(i).unwrap_or(&Json::Null);
        let text = |i: usize| any(i).as_str();
        let flag = |i: usize| any(i).as_bool().unwrap_or(false);
        match self {
            Self::IsSet => (!any(0).is_null()).into(),
            Self::Not => matches!(any(0), Json::Null | Json::Bool(false)).into(),
            Self::StringEquals | Self::BooleanEquals => (any(0) == any(1)).into(),
            Self::GetAttr => attribute(any(0), text(1).unwrap_or_default()),
            Self::Substring => substring(text(0), any(1).as_u64(), any(2).as_u64(), flag(3)),
            Self::UriEncode => text(0).map(|text| encode(text, "")).into(),
            Self::IsValidHostLabel => text(0).is_some_and(|text| is_host_label(text, flag(1))).into(),
            Self::ParseUrl => text(0).and_then(parse_url).unwrap_or_default(),
            Self::Partition => text(0).map(partition::of_region).unwrap_or_default(),
            Self::ParseArn => text(0).and_then(parse_arn).unwrap_or_default(),
            Self::IsVirtualHostableS3Bucket => text(0).is_some_and(|text| is_virtual_hostable(text, flag(1))).into(),
        }
    }
}

/// The value at a path such as `resourceId[2]` or `a.b`; the empty path is the value itself.
pub(super) fn attribute(value: &Json, path: &str) -> Json {
    let mut found = value;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (name, index) = match part.split_once('[') {
            Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        if !name.is_empty() {
            found = found.get(name).unwrap_or(&Json::Null);
        }
        if let Some(index) = index {
            found = found.get(index).unwrap_or(&Json::Null);
        }
    }
    found.clone()
}

fn substring(text: Option<&str>, start: Option<u64>, stop: Option<u64>, reverse: bool) -> Json {
    let (Some(text), Some(start), Some(stop)) = (text, start, stop) else { return Json::Null };
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let (start, stop) = (place(start), place(stop));
    if start >= stop || text.len() < stop || !text.is_ascii() {
        return Json::Null;
    }
    if reverse { text[text.len() - stop..text.len() - start].into() } else { text[start..stop].into() }
}

fn is_host_label(text: &str, with_dots: bool) -> bool {
    if with_dots {
        return text.split('.').all(|label| is_host_label(label, false));
    }
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

fn is_virtual_hostable(bucket: &str, with_dots: bool) -> bool {
    bucket.len() >= 3
        && !bucket.bytes().any(|b| b.is_ascii_uppercase())
        && !is_address(bucket)
        && is_host_label(bucket, with_dots)
        && bucket.split('.').all(|label| !label.starts_with('-') && !label.ends_with('-'))
}

fn parse_url(url: &str) -> Option<Json> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "http" | "https") || rest.contains('?') {
        return None;
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = if authority.starts_with('[') {
        authority.split_inclusive(']').next().unwrap_or_default()
    } else {
        authority.split(':').next().unwrap_or_default()
    };
    let slash = if path.ends_with('/') { "" } else { "/" };
    Some(json!({"scheme": scheme, "authority": authority, "path": path,
                "normalizedPath": format!("{path}{slash}"), "isIp": is_address(host)}))
}

fn parse_arn(arn: &str) -> Option<Json> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, resource] = parts.as_slice() else { return None };
    if *prefix != "arn" || partition.is_empty() || service.is_empty() || resource.is_empty() {
        return None;
    }
    let resource: Vec<&str> = resource.split([':', '/']).collect();
    Some(
        json!({"partition": partition, "service": service, "region": region, "accountId": account, "resourceId": resource}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: Function, arguments: &Json) -> Json {
        function.call(arguments.as_array().unwrap())
    }

    #[test]
    fn substrings_count_from_either_end_and_only_in_ascii() {
        assert_eq!(call(Function::Substring, &json!(["abcdef", 1, 3, false])), "bc");
        assert_eq!(call(Function::Substring, &json!(["abcdef", 0, 2, true])), "ef");
        assert_eq!(call(Function::Substring, &json!(["abcdef", 1, 3, true])), "de");
        assert_eq!(call(Function::Substring, &json!(["ab", 0, 3, false])), Json::Null);
        assert_eq!(call(Function::Substring, &json!(["äbc", 0, 2, false])), Json::Null);
    }

    #[test]
    fn urls_and_arns_are_taken_apart() {
        assert_eq!(
            call(Function::ParseUrl, &json!(["https://[::1]:8080/a"])),
            json!({"scheme": "https", "authority": "[::1]:8080", "path": "/a", "normalizedPath": "/a/", "isIp": true})
        );
        assert_eq!(call(Function::ParseUrl, &json!(["https://host/?q"])), Json::Null);
        let arn = call(Function::ParseArn, &json!(["arn:aws:s3:::bucket/a:b"]));
        assert_eq!(call(Function::GetAttr, &json!([arn, "resourceId[2]"])), "b");
        assert_eq!(call(Function::ParseArn, &json!(["arn:aws:s3::"])), Json::Null);
    }

    #[test]
    fn buckets_that_may_stand_in_a_host() {
        for (bucket, dots, fits) in [
            ("my-bucket", false, true),
            ("my.bucket", false, false),
            ("my.bucket", true, true),
            ("My-bucket", false, false),
            ("10.0.0.1", true, false),
            ("ab", false, false),
            ("a-", false, false),
        ] {
            assert_eq!(call(Function::IsVirtualHostableS3Bucket, &json!([bucket, dots])), fits, "{bucket}");
        }
    }
}
