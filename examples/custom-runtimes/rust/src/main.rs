//! A runtime in Rust: gets events from the runtime API and hands each one to the function that RUNTIME_HANDLER names.

mod conformance;
mod greeter;
mod runtime;

fn main() {
    runtime::run(|name| match name {
        "" | "greet" => Some(greeter::greet),
        "conformance" => Some(conformance::conformance),
        _ => None,
    });
}
