//! Functions of the package: each takes the event and returns the response.

use std::fmt;

use serde_json::json;

use crate::runtime::{Event, HandlerError, Response};

/// What greeting nobody fails with.
#[derive(Debug)]
struct NobodyError;

impl fmt::Display for NobodyError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("nobody cannot be greeted")
    }
}

impl std::error::Error for NobodyError {}

/// Greets whom the path names, or the message of a queue; a body of bytes comes back as it is.
pub fn greet(event: Event) -> Result<Response, HandlerError> {
    let name = event.ids.get("name").map(String::as_str).or_else(|| event.body["name"].as_str()).unwrap_or("world");
    if name == "nobody" {
        Err(NobodyError)?;
    }
    if event.is_base64_encoded {
        let content_type = event.headers.get("content-type").cloned();
        return Ok(Response {
            headers: content_type.map(|value| ("content-type", value)).into_iter().collect(),
            body: event.body.as_str().unwrap_or_default().to_owned(),
            is_base64_encoded: true,
            ..Response::default()
        });
    }

    let word = event.query.get("greeting").and_then(|value| value.as_str()).unwrap_or("Hello");
    let mark = event.app_params["mark"].as_str().unwrap_or_default();
    Ok(Response::json(&json!({ "greeting": format!("{word}, {name}{mark}"), "body": event.body })))
}
