//! Text for a POSIX shell, and what all programs for the brokers begin with.
//!
//! Must never: let a name be anything but one word, whatever is in it.

/// The text as one word.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Finds a tool of Kafka's and says as whom it asks. `function` is what calls it, `tool` its name without `.sh`.
pub(super) fn head(tool: &str, function: &str) -> String {
    format!(
        "\
set -eu
: \"${{BOOTSTRAP:?write HOST:PORT of a broker, on a listener where you may change ACLs and quotas}}\"
# COMMAND_CONFIG: the file with which Kafka's tools are you; without it they come in plaintext.
# KAFKA_BIN: where the tools are, with a slash at the end; without it they are found in PATH.
tool=${{KAFKA_BIN:-}}{tool}
command -v \"$tool\" >/dev/null || tool=$tool.sh
# Java reads names by the locale.
export LC_ALL=C.UTF-8
{function}() {{ \"$tool\" --bootstrap-server \"$BOOTSTRAP\" ${{COMMAND_CONFIG:+--command-config \"$COMMAND_CONFIG\"}} \"$@\"; }}
"
    )
}
