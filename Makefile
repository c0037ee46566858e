.PHONY: test packages lint demo simulate mutants

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

# Whole histories from seeds: SEEDS of them, FROM this one (one of the day's when not said), on files or STORE=redis.
simulate: packages
	@SEEDS=$(or $(SEEDS),1000) FROM=$(FROM) PEOPLE=$(PEOPLE) WITHOUT=$(WITHOUT) STORE=$(STORE) LOG=$(LOG) \
		cargo test --profile simulation --test simulation new_seeds_are_clean -- --exact --nocapture

# Breaks one promise after the other, and expects the histories to tell.
mutants:
	@SEEDS=$(or $(SEEDS),1000) ONLY=$(ONLY) src/tests/simulation/mutants/run
