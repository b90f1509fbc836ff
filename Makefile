# What can be done here; "make" alone lists it. Settings are in capitals: make chat ADDR=127.0.0.1:4000

GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   = golang.org/x/vuln/cmd/govulncheck@v1.1.4
ADDR         ?= 127.0.0.1:3000
FUZZTIME     ?= 30s
BENCH        ?= .

export ADDR FUZZTIME

.DEFAULT_GOAL := help
.PHONY: help chat test race lint fuzz bench e2e examples prepare client gcc

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

chat: client ## start the chat example and open it in a browser (ADDR=127.0.0.1:3000)
	@scripts/chat

test: ## everything: format, vet, Go tests with the race detector, real clients, a real browser
	@scripts/test

race: gcc ## the Go tests of all modules, with the race detector
	@scripts/go-modules go test -race -timeout 10m ./...

lint: ## golangci-lint, pinned, and govulncheck if its database can be reached
	@scripts/go-modules go run $(GOLANGCI_LINT) run ./...
	@go run $(GOVULNCHECK) ./... || echo "govulncheck found something, or could not reach its database: see above. It does not fail this target."

fuzz: ## every fuzz target, for FUZZTIME=30s each
	@scripts/fuzz

bench: ## the Go benchmarks (BENCH=regexp narrows them)
	@scripts/go-modules go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

e2e: gcc ## the official JavaScript clients against all hosts (E2E_HOSTS=gin,node narrows them)
	@scripts/npm-install e2e
	@node e2e/run.mjs --matrix

examples: gcc client ## run the examples' tests, and say how to start them
	@go vet ./examples/... && go test -race ./examples/...
	@echo "Start one with: go run ./examples/chat (or pengenalan, gin, echo, fiber)"

# What the tests need beyond Go, Node and npm, installed only where it is missing.
prepare: gcc client
	@scripts/npm-install e2e
	@scripts/debian-packages chromium=chromium

client:
	@scripts/npm-install examples/chat

gcc:
	@scripts/debian-packages gcc=gcc
