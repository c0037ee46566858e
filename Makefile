.PHONY: test packages lint demo

test: packages
	cargo test --workspace

# Servers the tests start themselves; installed by apt when missing.
packages:
	@.ci/packages

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

demo:
	cargo run --release -- demo
