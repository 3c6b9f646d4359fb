//! The `mlp` command: hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    mlp::cli::main()
}
