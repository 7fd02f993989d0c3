# `make` alone says what there is. Every target checks what it needs and names what is missing (scripts/need); as root, or with
# SETUP=1, it installs that. CARGO_TARGET_DIR moves the build out of the clone.

CARGO ?= cargo
# rustup puts cargo there; a shell that was opened before does not know yet.
export PATH := $(PATH):$(if $(CARGO_HOME),$(CARGO_HOME),$(HOME)/.cargo)/bin
# For make demo: ARGS=--once prints a dozen messages and ends, ARGS='--port 9000' moves the page.
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo build test lint fmt simulate fuzz gallery render e2e e2e-crash e2e-burst stack stack-down bench clean

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target text; do \
	  printf '  make %-11s %s\n' "$$target" "$$text"; done

# The C libraries unoptimised: nobody notices in the demo, and librdkafka builds in a third of the time.
demo: export CFLAGS := $(CFLAGS) -O0 -g0
demo: export CXXFLAGS := $(CXXFLAGS) -O0 -g0
demo: ## row changes become messages on http://127.0.0.1:8080/: no Kafka, no network, no config
	@scripts/need demo
	@scripts/timed 'built' $(CARGO) build --locked --profile demo --no-default-features
	@$(CARGO) run --quiet --locked --profile demo --no-default-features -- demo $(ARGS)

build: ## the release binary, with TLS
	@scripts/need build
	$(CARGO) build --release --locked

test: ## unit and documentation tests, in the profile of the release binary so that OpenSSL is built once
	@scripts/need build
	$(CARGO) test --release --locked

lint: ## formatting, clippy, licences and sources of dependencies, scripts, documents
	@scripts/need lint
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets --locked -- -D warnings
	@scripts/deny
	@$(CARGO) metadata --quiet --locked --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null # else a stale lock file shows on the day of need
	@scripts/check-scripts
	@if [ -x stack/check-documents ]; then echo stack/check-documents; stack/check-documents; fi

fmt: ## formats the sources
	$(CARGO) fmt

simulate: ## the delivery engine against all that can go wrong, seed after seed, until stopped
	@scripts/need build
	ROWBELL_SEEDS=forever $(CARGO) test --release --locked --test simulation -- --nocapture the_invariants

# Seconds per target: make fuzz FOR=60.
FOR ?= 600
fuzz: ## looks for bytes that break decoding, ten minutes each for JSON, frames and schemas
	@scripts/need build
	@for target in envelope frames registry; do scripts/fuzz $$target $(FOR) || exit 1; done

gallery: ## docs/gallery.md: posts of captured events as pictures; needs Chromium and pngquant
	@scripts/need gallery
	@$(CARGO) build --quiet --locked --profile demo --no-default-features
	@scripts/gallery

render: ## rowbell preview --html against the vendors' open renderers; needs Chromium and npm. Pictures: tests/render/shots
	@scripts/need render
	@$(CARGO) build --quiet --locked --profile demo --no-default-features
	@scripts/render

e2e: ## end to end: the release binary between a real Postgres, Debezium, Kafka and stand-ins for Slack and Teams
	@scripts/need build
	@scripts/e2e

e2e-crash: ## the release binary on the real Kafka: killed, stopped, rebalanced, its broker killed; every post counted
	@scripts/need build
	@scripts/crash --skip burst::

e2e-burst: ## 10,000 changes at once into a channel that takes one post a second
	@scripts/need build
	@scripts/crash burst::

stack: ## starts the real stack and leaves it running to play with; says how
	@stack/play

stack-down: ## stops the stack and forgets its data
	@stack/stack down --wipe

bench: ## measures throughput, memory and latency against the real Kafka
	@scripts/need build
	@scripts/bench

clean: ## removes what was built; the stack's downloads stay in its cache
	$(CARGO) clean
