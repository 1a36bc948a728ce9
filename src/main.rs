//! The `capsaicin` program; everything is in [`capsaicin::cli`].

fn main() -> std::process::ExitCode {
    capsaicin::cli::main()
}
