//! The loop over the runtime API.

use std::any::{type_name, Any};
use std::collections::HashMap;
use std::error::Error;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::thread;
use std::time::Duration;
use std::{env, process};

use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use ureq::http;
use ureq::Agent;

const REQUEST_ID: &str = "X-Cff-Request-Id";

/// A function.
pub type Handler = fn(Event) -> Result<Response, HandlerError>;

/// What a function receives. A field that the trigger does not have is empty.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    pub ids: HashMap<String, String>,
    /// Strings, and lists of strings for keys that are repeated.
    pub query: HashMap<String, Value>,
    pub headers: HashMap<String, String>,
    pub app_params: Value,
    pub app_info: Value,
    /// Any JSON; a string of Base64 when `is_base64_encoded` says so.
    pub body: Value,
    pub is_base64_encoded: bool,
}

/// The answer to the caller.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    pub status_code: u16,
    pub headers: HashMap<&'static str, String>,
    pub body: String,
    pub is_base64_encoded: bool,
}

impl Default for Response {
    fn default() -> Self {
        Self { status_code: 200, headers: HashMap::new(), body: String::new(), is_base64_encoded: false }
    }
}

impl Response {
    pub fn json(value: &Value) -> Self {
        let headers = HashMap::from([("content-type", "application/json".to_owned())]);
        Self { headers, body: value.to_string(), ..Self::default() }
    }
}

/// Why a function failed: an answer with status 500. Any error converts into one with `?`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HandlerError {
    pub error_type: String,
    pub error_message: String,
}

impl<E: Error> From<E> for HandlerError {
    fn from(error: E) -> Self {
        let path = type_name::<E>();
        let error_type = path.rsplit("::").next().unwrap_or(path);
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// Hands events to the handler that `find` has for RUNTIME_HANDLER, without end.
pub fn run(find: impl Fn(&str) -> Option<Handler>) {
    let api = RuntimeApi::from_env();
    let name = env::var("RUNTIME_HANDLER").unwrap_or_default();
    let Some(handler) = find(&name) else {
        let message = format!("RUNTIME_HANDLER is {name:?}, which is no function of this program");
        let error = json!({ "errorType": "HandlerNotFound", "errorMessage": message });
        let _ = api.post("init/error", error.to_string().as_bytes());
        process::exit(1);
    };
    // as many loops as there can be events at the same time
    let concurrency = env::var("RUNTIME_CONCURRENCY").ok().and_then(|value| value.parse().ok()).unwrap_or(1);
    thread::scope(|scope| {
        for _ in 0..concurrency {
            scope.spawn(|| process_events(&api, handler));
        }
    });
}

/// The loop: the answer to a response is the next event; after an error, it is asked for.
fn process_events(api: &RuntimeApi, handler: Handler) {
    let mut next: Option<(String, Vec<u8>)> = None;
    loop {
        let answer = match next.take() {
            None => api.get("invocation/request"),
            Some((id, payload)) => match invoke(handler, &payload) {
                Ok(response) => api.post(&format!("invocation/response/{id}?next=true"), &response),
                Err(error) => api.post(&format!("invocation/error/{id}"), &error),
            },
        };
        next = answer.unwrap_or_else(|error| {
            eprintln!("call of the runtime API failed: {error}");
            thread::sleep(Duration::from_millis(50));
            None
        });
    }
}

/// Returns the response, or the error, as JSON.
fn invoke(handler: Handler, payload: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let call = || -> Result<Vec<u8>, HandlerError> {
        let response = handler(serde_json::from_slice(payload)?)?;
        Ok(serde_json::to_vec(&response)?)
    };
    let error = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(error)) => error,
        Err(panic) => HandlerError { error_type: "Panic".to_owned(), error_message: message_of(&*panic) },
    };
    Err(json!(error).to_string().into_bytes())
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("the function panicked").to_owned()
}

/// Request id and payload of an event; an answer of the runtime API without one has `None`.
type Answer = Result<Option<(String, Vec<u8>)>, Box<dyn Error>>;

struct RuntimeApi {
    url: String,
    agent: Agent,
}

impl RuntimeApi {
    /// There are no timeouts: the wait for an event has no end.
    fn from_env() -> Self {
        let address = env::var("RUNTIME_API_ADDR").expect("RUNTIME_API_ADDR is set");
        let config = Agent::config_builder().proxy(None).http_status_as_error(false).build();
        Self { url: format!("http://{address}/v1/runtime"), agent: config.into() }
    }

    fn get(&self, path: &str) -> Answer {
        Self::read(self.agent.get(format!("{}/{path}", self.url)).call()?)
    }

    fn post(&self, path: &str, json: &[u8]) -> Answer {
        let request = self.agent.post(format!("{}/{path}", self.url)).content_type("application/json");
        Self::read(request.send(json)?)
    }

    fn read(mut answer: http::Response<ureq::Body>) -> Answer {
        let payload = answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
        if answer.status() != 200 {
            return Err(format!("{}: {}", answer.status(), String::from_utf8_lossy(&payload)).into());
        }
        let id = answer.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
        Ok(id.map(|id| (id.to_owned(), payload)))
    }
}
