//! `tandem-bench`: the whole program under load. What it does is in [`tandem_benches::suite`].

fn main() -> anyhow::Result<()> {
    tandem_benches::suite::main()
}
