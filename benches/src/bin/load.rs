//! `tandem-load`: registrations, calls and audio for a server on this machine. The command line is in
//! [`tandem_benches::cli`].

fn main() -> anyhow::Result<()> {
    tandem_benches::cli::run()
}
