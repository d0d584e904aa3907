//! The `tandem` program.

fn main() -> std::process::ExitCode {
    tandem_api::cli::main()
}
