# What people do with this repository. Every target installs what it needs on a Debian machine with a Rust toolchain.
CARGO ?= cargo

.PHONY: run test lint bench setup setup-build deny

# Builds the program and starts a demo contact centre; prints a link. Ctrl-C ends it.
run: setup-build
	$(CARGO) run --release --package tandem-api --bin tandem -- demo

# Formatting, lints, then every test: of the parts, and of the whole program against real phones, trunks and a broker.
# What this machine can't do is said in lines that begin with "SKIPPED:".
test: setup lint
	$(CARGO) build --workspace --bins --tests
	$(CARGO) test --workspace --no-fail-fast

lint: setup-build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings

# The micro benchmarks (criterion), then the whole program under load. Figures and their meaning: benches/README.md
# About ten minutes on two processors; `tandem-bench --help` says how to ask for less.
bench: setup-build
	$(CARGO) bench --package tandem-benches -- --warm-up-time 0.5 --measurement-time 2 --noplot
	$(CARGO) build --release --package tandem-api --bin tandem --package tandem-benches --bins
	$(CARGO) run --quiet --release --package tandem-benches --bin tandem-bench

# Packages for the tests, and the broker.
setup:
	@sh tests/setup/packages.sh test
	@sh tests/setup/kafka/fetch.sh > /dev/null || echo "SKIPPED: tests with Kafka: see above"

setup-build:
	@sh tests/setup/packages.sh build

# Licences, bans and sources of all dependencies. Installs cargo-deny when it is missing, which takes minutes: not part of `test`.
deny:
	@command -v cargo-deny > /dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --all-features check licenses bans sources
