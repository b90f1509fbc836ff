# What can be done here; "make" alone lists it. Settings are in capitals: make chat ADDR=127.0.0.1:4000

GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   = golang.org/x/vuln/cmd/govulncheck@v1.1.4
ADDR         ?= 127.0.0.1:3000
FUZZTIME     ?= 30s
FUZZ         ?= .
INPUTS       ?= 1000000
BENCH        ?= .
QUICK        ?=
SERVERS      ?=
SCENARIOS    ?=

export ADDR FUZZTIME FUZZ

.DEFAULT_GOAL := help
.PHONY: help chat cluster mixed faults test race lint attack soak fuzz parsers bench bench-compare gobench e2e examples prepare client gcc

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

chat: client ## start the chat example and open it in a browser (ADDR=127.0.0.1:3000)
	@scripts/chat

test: ## everything: format, vet, Go tests with the race detector, real clients, a real browser
	@scripts/test

race: gcc ## the Go tests of all modules, with the race detector
	@scripts/go-modules go test -race -timeout 30m ./...

lint: ## golangci-lint, pinned, and govulncheck if its database can be reached
	@scripts/go-modules go run $(GOLANGCI_LINT) run ./...
	@scripts/vulncheck $(GOVULNCHECK)

attack: ## bad input and very many clients, on all hosts, in full size (9 minutes)
	@scripts/attack 1

faults: gcc ## a cluster whose bus or nodes fail, on every backplane, in full size (4 minutes)
	@go -C e2e/cluster test -count 1 -timeout 45m ./faults -args -scale 1

soak: ## the same ten times over, and every fuzz target for FUZZTIME=30s (2 hours at most)
	@scripts/attack 10
	@scripts/fuzz

fuzz: ## every fuzz target, for FUZZTIME=30s each (FUZZ=regexp narrows them, by folder and name)
	@scripts/fuzz

parsers: ## Kawat's parsers beside the published JavaScript ones, on INPUTS=1000000 random messages (PARSER_SEED=n repeats them)
	@scripts/npm-install e2e
	@go build -o e2e/.bin/parser ./e2e/parser
	@PARSER_INPUTS=$(INPUTS) node --test e2e/test/parser.test.mjs

bench: ## the servers beside Node's, at most 30 minutes (QUICK=1 for 4; SERVERS=nethttp,node and SCENARIOS=echo-8 narrow it)
	@scripts/npm-install bench/servers/node
	@go run ./bench -out bench/results $(if $(filter-out 0,$(QUICK)),-quick) \
		$(if $(SERVERS),-servers $(SERVERS)) $(if $(SCENARIOS),-scenarios $(SCENARIOS))

bench-compare: ## two results of bench side by side (OLD=file.json NEW=file.json)
	@test -n "$(OLD)" && test -n "$(NEW)" || { echo "say which: make bench-compare OLD=a.json NEW=b.json"; exit 2; }
	@go run ./bench compare "$(OLD)" "$(NEW)"

gobench: ## the Go benchmarks (BENCH=regexp narrows them)
	@scripts/go-modules go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

mixed: gcc ## clusters of Kawat's servers and Node's, on every backplane (E2E_PLANES=redis,nats and E2E_PAIRS=kawat-reference narrow them)
	@scripts/npm-install e2e/cluster
	@node e2e/run.mjs --cluster

cluster: client ## the chat on three nodes behind a proxy that takes turns (ADDR=127.0.0.1:3000, REDIS=redis://... links them by Redis)
	@mkdir -p .cache && go build -C examples/cluster -o ../../.cache/cluster .
	@.cache/cluster -addr $(ADDR) $(if $(REDIS),-redis $(REDIS)) -client examples/chat/node_modules/socket.io-client/dist

e2e: gcc ## the official JavaScript clients against all hosts (E2E_HOSTS=gin,node narrows them)
	@scripts/npm-install e2e
	@scripts/npm-install bench/servers/node
	@node e2e/run.mjs --matrix

examples: gcc client ## run the examples' tests, and say how to start them
	@go vet ./examples/... && go test -race ./examples/...
	@echo "Start one with: go run ./examples/chat (or pengenalan, gin, echo, fiber)"

# What the tests need beyond Go, Node and npm, installed only where it is missing.
prepare: gcc client
	@scripts/npm-install e2e
	@scripts/npm-install e2e/cluster
	@scripts/npm-install backplanes/nats/node
	@scripts/npm-install bench/servers/node
	@scripts/debian-packages chromium=chromium redis-server=redis-server '/usr/lib/postgresql/*/bin/initdb=postgresql'

client:
	@scripts/npm-install examples/chat

gcc:
	@scripts/debian-packages gcc=gcc
