# What a person types. Each target says what it does; `make` alone lists them.

.PHONY: help demo test parity traps drills refusals dist setup bench fmt clippy

help:
	@echo 'make demo            embedded brokers, synthetic events, certificates, Weir; prints how to connect'
	@echo 'make demo CHECK=1    runs it, reads through Weir, proves one refusal, and ends'
	@echo 'make test            everything, with real Apache Kafka and real clients; sets up what it needs'
	@echo 'make parity          the same requests to Kafka and its own authorizer, and to Weir: how many answers differ'
	@echo 'make traps           breaks 20 guards in a copy of the tree, one after the other, and demands that a test fails'
	@echo 'make drills          quotas, change, restarts and failures under load, each with its bar and a control; ONLY=name for one'
	@echo 'make refusals        holds every word of docs/refusals.md, with five real clients; WEIR_BLESS=1 writes it anew'
	@echo 'make dist            static binaries, .deb and SBOM, into target/dist; CHECK=1 runs them in a bare root file system'
	@echo 'make setup           only sets up what the tests need'
	@echo 'make bench           the cost of Weir against other ways, as ratios of one run; ONLY=name for one row'
	@echo 'make fmt clippy      format, lint'

demo:
	cargo build --quiet -p weir -p weir-demo
	cargo run --quiet -p weir-demo -- $(if $(CHECK),--check)

test:
	@tests/run.sh

parity:
	cargo build --quiet -p weir -p weir-parity
	$(or $(CARGO_TARGET_DIR),target)/debug/weir-parity

traps:
	cargo build --quiet -p weir-traps
	$(or $(CARGO_TARGET_DIR),target)/debug/weir-traps $(ONLY)

drills:
	cargo build --quiet -p weir -p weir-drills
	WEIR_BIN=$(abspath $(or $(CARGO_TARGET_DIR),target)/debug/weir) $(or $(CARGO_TARGET_DIR),target)/debug/weir-drills $(ONLY)

refusals:
	cargo build --quiet -p weir
	WEIR_REFUSALS=exact WEIR_BIN=$(abspath $(or $(CARGO_TARGET_DIR),target)/debug/weir) \
		cargo test --quiet -p weir-e2e --test refusals -- --nocapture

dist:
	deploy/dist.sh
	$(if $(CHECK),tests/dist/check.sh)

setup:
	@tests/setup.sh

bench:
	tests/bench/run.sh

fmt:
	cargo fmt --all

clippy:
	cargo clippy --workspace --all-targets -- -D warnings
