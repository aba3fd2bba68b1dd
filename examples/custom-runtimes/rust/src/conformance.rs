//! Does what the checks of `fullcode conformance` ask for.

use std::collections::HashMap;
use std::time::Duration;
use std::{env, thread};

use serde_json::{json, Value};

use crate::runtime::{Event, HandlerError, Response};

pub fn conformance(event: Event) -> Result<Response, HandlerError> {
    let asked = &event.body;
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    match text("conformance").as_str() {
        "describe" => {
            return Ok(Response::json(&json!({
                "conformance": ["echo", "binary", "fail", "sleep", "parallel", "twice"]
            })))
        }
        "echo" => return Ok(Response::json(&asked["payload"])),
        "binary" => {
            return Ok(Response {
                headers: HashMap::from([("content-type", "application/octet-stream".to_owned())]),
                body: text("base64"),
                is_base64_encoded: true,
                ..Response::default()
            })
        }
        "fail" => return Err(HandlerError { error_type: text("errorType"), error_message: text("errorMessage") }),
        "sleep" => thread::sleep(Duration::from_millis(asked["ms"].as_u64().unwrap_or_default())),
        "twice" => answer(&event.app_info["requestId"], "first")?,
        _ => {}
    }
    Ok(Response::json(&json!({})))
}

fn answer(request_id: &Value, text: &str) -> Result<(), HandlerError> {
    let address = env::var("RUNTIME_API_ADDR")?;
    let id = request_id.as_str().unwrap_or_default();
    ureq::post(format!("http://{address}/v1/runtime/invocation/response/{id}")).send(text)?;
    Ok(())
}
