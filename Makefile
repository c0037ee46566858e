.PHONY: test packages lint demo simulate mutants

test: packages
	cargo test --workspace --features kafka

# Programs that the tests start themselves, and what librdkafka is built with. What is missing is installed with apt.
packages:
	@.ci/packages

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --workspace --all-targets --features kafka -- -D warnings

demo:
	cargo run --release -- demo

# Plays SEEDS (1000) whole histories, on files or, with STORE=redis, on servers. FROM is the first seed; without FROM,
# the first seed is the present time in ms.
simulate: packages
	@SEEDS=$(or $(SEEDS),1000) FROM=$(FROM) PEOPLE=$(PEOPLE) WITHOUT=$(WITHOUT) STORE=$(STORE) LOG=$(LOG) \
		cargo test --profile simulation --test simulation new_seeds_are_clean -- --exact --nocapture

# Breaks one promise at a time, and expects a history that is not clean.
mutants:
	@SEEDS=$(or $(SEEDS),1000) ONLY=$(ONLY) src/tests/simulation/mutants/run
