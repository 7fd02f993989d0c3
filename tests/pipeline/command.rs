//! The binary, run as people run it.

use serde_json::Value;
use std::process::{Command, Output, Stdio};

/// With these arguments, and no config but those.
pub fn rowbell(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowbell"));
    command
        .args(arguments)
        .env_remove("ROWBELL_CONFIG")
        .env_remove("RUST_LOG")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub async fn run(arguments: &[&str]) -> Output {
    let mut command = rowbell(arguments);
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.expect("no panic").expect("it starts")
}

/// Runs it to its end, which must be a good one, and reads the lines.
pub async fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = run(arguments).await;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Runs it to an end with this code; the answer is what it said.
pub async fn fails(code: i32, arguments: &[&str]) -> String {
    let output = run(arguments).await;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert!(stderr.starts_with("error: ") && stderr.contains("\n  hint: "), "{stderr}");
    stderr
}
