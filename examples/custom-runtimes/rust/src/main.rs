//! A runtime in Rust: gets events from the runtime API and hands each one to the function that RUNTIME_HANDLER names.

mod greeter;
mod runtime;

fn main() {
    runtime::run(|name| match name {
        "greet" => Some(greeter::greet),
        _ => None,
    });
}
