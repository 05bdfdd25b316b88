//! A status in JSON, in the form that AIP-193 gives errors over HTTP, with the details that the service sends.

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde_json::{Value, json};
use tonic::Status;
use tonic::body::Body;
use tonic_types::{ErrorDetails, StatusExt};

use super::JSON;
use crate::code;

/// The answer of a call that was refused or has failed.
pub(super) fn refused(status: &Status) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(in_json(status))));
    *response.status_mut() = code::http(status.code());
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A status in JSON.
pub(super) fn in_json(status: &Status) -> Bytes {
    let (name, http) = (code::name(status.code()), code::http(status.code()));
    let mut error = json!({ "code": http.as_u16(), "status": name, "message": status.message() });
    let details = details(&status.get_error_details());
    if !details.is_empty() {
        error["details"] = details.into();
    }
    json!({ "error": error }).to_string().into()
}

fn details(found: &ErrorDetails) -> Vec<Value> {
    let bad_request = found.bad_request().map(|bad| {
        let violation =
            |found: &tonic_types::FieldViolation| json!({ "field": found.field, "description": found.description });
        let violations: Vec<Value> = bad.field_violations.iter().map(violation).collect();
        typed("BadRequest", json!({ "fieldViolations": violations }))
    });
    let unmet = found.precondition_failure().map(|unmet| {
        let violation = |found: &tonic_types::PreconditionViolation| {
            json!({ "type": found.r#type, "subject": found.subject, "description": found.description })
        };
        let violations: Vec<Value> = unmet.violations.iter().map(violation).collect();
        typed("PreconditionFailure", json!({ "violations": violations }))
    });
    let resource = found.resource_info().map(|resource| {
        let (kind, name) = (&resource.resource_type, &resource.resource_name);
        typed("ResourceInfo", json!({ "resourceType": kind, "resourceName": name }))
    });
    let retry = found
        .retry_info()
        .and_then(|retry| retry.retry_delay)
        .map(|delay| typed("RetryInfo", json!({ "retryDelay": format!("{}s", delay.as_secs_f64()) })));
    [bad_request, unmet, resource, retry].into_iter().flatten().collect()
}

fn typed(name: &str, mut detail: Value) -> Value {
    detail["@type"] = format!("type.googleapis.com/google.rpc.{name}").into();
    detail
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Code;
    use tonic_types::FieldViolation;

    use super::*;

    fn of_details(code: Code, details: ErrorDetails) -> Value {
        serde_json::from_slice(&in_json(&Status::with_error_details(code, "why", details))).unwrap()
    }

    #[test]
    fn a_status_has_its_name_its_number_and_its_details() {
        let fields = vec![FieldViolation::new("spec.kpi.target", "is no rate")];
        assert_eq!(
            of_details(Code::InvalidArgument, ErrorDetails::with_bad_request(fields)),
            json!({ "error": {
                "code": 400,
                "status": "INVALID_ARGUMENT",
                "message": "why",
                "details": [{
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [{ "field": "spec.kpi.target", "description": "is no rate" }],
                }],
            }})
        );
        let retry = of_details(Code::Unavailable, ErrorDetails::with_retry_info(Some(Duration::from_secs(5))));
        assert_eq!((&retry["error"]["code"], &retry["error"]["details"][0]["retryDelay"]), (&json!(503), &json!("5s")));
        let unmet = ErrorDetails::with_precondition_failure_violation("ENVIRONMENT_IN_USE", "shop", "by another");
        let unmet = of_details(Code::FailedPrecondition, unmet);
        assert_eq!(unmet["error"]["details"][0]["violations"][0]["subject"], "shop");
        let unknown = of_details(Code::NotFound, ErrorDetails::with_resource_info("run", "a-run", "", ""));
        assert_eq!(unknown["error"]["details"][0]["resourceName"], "a-run");
        assert_eq!(of_details(Code::DataLoss, ErrorDetails::new())["error"].get("details"), None);
    }
}
