//! botocore's endpoint tests: the rules alone, and the rules with the parameters that an operation finds by itself.

use std::collections::BTreeMap;

use runbook_aws::{EndpointParameters, catalog};
use runbook_model::value::Value;
use serde_json::Value as Json;

use crate::{conclude, read};

fn cases() -> Vec<(&'static str, Json)> {
    let of = |service: &'static str| {
        let suite = read(&format!("endpoints/{service}.json"));
        suite["testCases"].as_array().unwrap().iter().map(|case| (service, case.clone())).collect::<Vec<_>>()
    };
    catalog().services().flat_map(of).collect()
}

#[test]
fn endpoint_rules_yield_what_botocore_expects() {
    let cases = cases();
    let different: Vec<String> = cases.iter().filter_map(|(service, case)| rules_alone(service, case).err()).collect();
    assert!(cases.len() > 1000, "{} cases", cases.len());
    conclude("endpoint rules", cases.len(), &different);
}

fn rules_alone(service: &str, case: &Json) -> Result<(), String> {
    let parameters: BTreeMap<&str, Json> =
        case["params"].as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let got = catalog().service(service).unwrap().endpoint(parameters);
    let expected = &case["expect"];
    let fits = match &got {
        Err(sentence) => expected["error"] == *sentence.as_str(),
        Ok(resolved) => {
            let endpoint = &expected["endpoint"];
            let has = |key: &str, found: &Json| {
                endpoint[key].as_object().into_iter().flatten().all(|(name, value)| found[name] == *value)
            };
            endpoint["url"] == *resolved.url
                && has("properties", &resolved.properties)
                && has("headers", &resolved.headers)
        }
    };
    if fits { Ok(()) } else { Err(format!("{service}: {}: {got:?}\n    wanted {expected}", case["documentation"])) }
}

#[test]
fn operations_find_their_endpoint_parameters() {
    let (mut compared, mut different) = (0, Vec::new());
    for (service, case) in cases() {
        for inputs in case["operationInputs"].as_array().into_iter().flatten() {
            let Some(parameters) = parameters(&inputs["builtInParams"]) else { continue };
            // With a URL of one's own the bucket goes into the path here, where these cases leave that open.
            let bucket = inputs["operationParams"]["Bucket"].as_str().unwrap_or_default();
            if parameters.url.is_some() && !parameters.s3.path_style && !bucket.starts_with("arn:") {
                continue;
            }
            compared += 1;
            let operation =
                catalog().service(service).unwrap().operation(inputs["operationName"].as_str().unwrap()).unwrap();
            let params = Value::from(inputs["operationParams"].clone());
            let got = operation.endpoint(&parameters, &params);
            let expected = &case["expect"];
            let fits = match &got {
                Ok(endpoint) => expected["endpoint"]["url"] == *endpoint.url,
                Err(failure) => expected["error"].as_str().is_some_and(|sentence| failure.message.ends_with(sentence)),
            };
            if !fits {
                different.push(format!("{service}: {}: {got:?}\n    wanted {expected}", case["documentation"]));
            }
        }
    }
    assert!(compared > 100, "{compared} cases");
    conclude("endpoints of operations", compared, &different);
}

/// The settings of a case as a caller configures them; `None` where it wants what nobody can configure here.
fn parameters(built_in: &Json) -> Option<EndpointParameters> {
    let mut parameters = EndpointParameters::default();
    for (name, value) in built_in.as_object().into_iter().flatten() {
        let text = value.as_str().map(str::to_owned);
        let flag = value.as_bool().unwrap_or(false);
        match name.as_str() {
            "AWS::Region" => parameters.region = text,
            "AWS::UseFIPS" => parameters.fips = flag,
            "AWS::UseDualStack" => parameters.dual_stack = flag,
            "SDK::Endpoint" => parameters.url = text,
            "AWS::S3::Accelerate" => parameters.s3.accelerate = flag,
            "AWS::S3::ForcePathStyle" => parameters.s3.path_style = flag,
            "AWS::S3::UseArnRegion" | "AWS::S3Control::UseArnRegion" => parameters.s3.use_arn_region = Some(flag),
            "AWS::S3::DisableMultiRegionAccessPoints" => parameters.s3.no_multi_region_access_points = flag,
            _ if value == false => {}
            _ => return None,
        }
    }
    Some(parameters)
}
