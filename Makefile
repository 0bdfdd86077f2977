# Nothing is assumed to be installed but Go, git, make, bash and a C compiler. Everything that is built goes to bin/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

MODULE := github.com/certcentral-io/user-operator
# The image to build and to deploy.
IMG ?= user-operator:latest
CONTAINER_TOOL ?= docker
KUBECTL ?= $(or $(shell command -v kubectl),bin/k8s/kubectl)
# Percent of the hand-written statements in api/ and internal/ that the tests must reach.
MIN_COVERAGE ?= 85

# The version in the binary comes from git, also where GOFLAGS says otherwise. Where git refuses to work (no commit
# yet, a checkout of another user) go would refuse to build, so it isn't asked there.
BUILDVCS = $(if $(shell git rev-parse HEAD 2>/dev/null),auto,false)

# etcd and kube-apiserver for tests and demo: those that KUBEBUILDER_ASSETS names, or else our own.
ifeq ($(KUBEBUILDER_ASSETS),)
CONTROLPLANE := $(addprefix bin/k8s/,etcd kube-apiserver kubectl)
KUBEBUILDER_ASSETS := bin/k8s
endif
# Absolute, because tests run in the folder of their package.
override KUBEBUILDER_ASSETS := $(abspath $(KUBEBUILDER_ASSETS))
export KUBEBUILDER_ASSETS

.PHONY: help
help: ## List the targets.
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ See it work

DEMO = bin/demo --assets $(KUBEBUILDER_ASSETS) --manager bin/manager --simulator bin/simulator --config config

.PHONY: demo
demo: build controlplane ## Play a story against a real control plane and a simulated CertCentral, and end.
	$(DEMO)

.PHONY: run
run: build controlplane ## Start the same world and keep it until Ctrl-C.
	$(DEMO) --stay

##@ Check

.PHONY: test
test: controlplane bin/manager-race bin/manager-faults bin/simulator bin/kustomize bin/helm bin/sbom ## Run the unit, envtest, e2e and some fault tests with the race detector, and ask for coverage.
	go -C hack/sbom test ./...
	go -C test/build test ./...
	@# Shuffling finds tests that lean on each other. It also keeps go from replaying a cached pass: what e2e tests
	@# are binaries, which the cache can't see.
	$(if $(MAKE_TERMOUT),,GINKGO_NO_COLOR=1 )CGO_ENABLED=1 MANAGER=$(CURDIR)/bin/manager-race SIMULATOR=$(CURDIR)/bin/simulator KUSTOMIZE=$(CURDIR)/bin/kustomize \
		HELM=$(CURDIR)/bin/helm SERVICE_MONITOR_CRD="$$($(SERVICE_MONITOR_CRD))" \
		go test -race -shuffle=on -timeout=20m -coverpkg=./api/...,./internal/... -coverprofile=bin/cover.all $$(go list ./... | grep -v /test/faults$$)
	@grep -v '/zz_generated\.' bin/cover.all >bin/cover.out
	@go tool cover -func=bin/cover.out | awk '/^total:/ { reached = $$3 + 0 } END { \
		printf "Coverage: %.1f %% of the hand-written statements in api/ and internal/, at least $(MIN_COVERAGE) %% are asked for.\n", reached; \
		exit reached < $(MIN_COVERAGE) }'
	@# Each once, so that a benchmark that can't run any more is noticed.
	CGO_ENABLED=0 go test -trimpath -run '^$$' -bench . -benchtime 1x ./internal/...
	@# In parallel all the same on two cores: what its many situations do most is wait.
	CGO_ENABLED=1 MANAGER=$(CURDIR)/bin/manager-race go -C test/gitops test -race -shuffle=on -parallel=32 -timeout=10m ./...
	@# By themselves, since they wait for time to pass and would find the machine busy.
	$(FAULTS) go test -race -shuffle=on -parallel=6 -timeout=20m ./test/faults

# A command that prints the path of the CRD of ServiceMonitors, which the module cache gets from a pinned module.
SERVICE_MONITOR_CRD = go -C hack/tools/prometheus-operator mod download -json github.com/prometheus-operator/prometheus-operator | \
	awk -F'"' '$$2 == "Dir" { print $$4 "/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml" }'

FAULTS = MANAGER_FAULTS=$(CURDIR)/bin/manager-faults
# Which fault plans to play: all with one seed after the other, or those whose name contains ONLY, or one of several parts with | between.
SEEDS ?= 1,2,3
ONLY ?=

.PHONY: faults
faults: controlplane bin/manager-faults ## Play all fault plans with the SEEDS, or those whose name contains ONLY, and print a table.
	@$(FAULTS) go test -timeout=6h -parallel=20 -run TestPlans -v ./test/faults -args -all -stages 10 -seeds '$(SEEDS)' -only '$(ONLY)' -report $(CURDIR)/bin/faults.txt \
		| grep -Ev '^ *(=== |--- PASS)'
	@cat bin/faults.txt

.PHONY: mutants
mutants: controlplane ## Break each promise of the operator on purpose, and expect the fault plans to notice.
	@go test -timeout=2h -tags mutants -run TestMutants$$ -v ./test/faults | grep -Ev '^ *=== '

# How long each fuzz target runs.
FUZZTIME ?= 20s

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME. What one finds becomes a seed that go test runs from then on.
	@# A few steps of minimising have to do: by default each new input gets a minute, and a short run does nothing else.
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; failed=; \
		for found in $$(go list -f '{{$$dir := .Dir}}{{range .TestGoFiles}}{{$$dir}}/{{.}} {{end}}{{range .XTestGoFiles}}{{$$dir}}/{{.}} {{end}}' ./... \
			| xargs grep -EHo '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //'); do \
			target=$${found##*:}; \
			if CGO_ENABLED=0 go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "$$(dirname "$$found")" >"$$log" 2>&1; \
			then awk -v target=$$target '$$4 == "execs:" { n = $$5 } END { printf "%-20s %10d executions in %s\n", target, n, "$(FUZZTIME)" }' "$$log"; \
			else cat "$$log"; failed+=" $$target"; fi; \
		done; \
		if [ -n "$$failed" ]; then echo "Something was found by$$failed" >&2; exit 1; fi

SOAK ?= 1h

.PHONY: soak
soak: controlplane bin/manager-faults ## Run for SOAK with one call in 20 failing, and look for leaks.
	@$(FAULTS) go test -timeout=6h -run TestPlans -v ./test/faults -args -soak $(SOAK) -only leaks/change/soak | grep -Ev '^ *=== '

# The numbers of resources that the operator is measured with.
BENCH_N ?= 100,1000,5000,10000

.PHONY: bench
bench: controlplane bin/manager bin/bench ## Run the benchmarks, and measure the operator with BENCH_N resources: takes a quarter of an hour, and fails where a bar is missed.
	@CGO_ENABLED=0 go test -trimpath -run '^$$' -bench . -benchmem ./internal/... | awk '/^FAIL|^panic/ { print } \
		/^pkg:/ { pkg = $$2 } /^Benchmark/ { if (pkg) print "\n" pkg; pkg = ""; printf "  %-56s", $$1; \
		for (i = 3; i < NF; i += 2) printf " %14s %-10s", $$i, $$(i + 1); print "" }'
	bin/bench -n $(BENCH_N)

.PHONY: lint
lint: lint-go lint-modules lint-workflows lint-generated lint-manifests lint-monitoring lint-chart lint-binary lint-vulnerabilities ## Run all the checks that need no test run.

.PHONY: lint-go
lint-go: bin/golangci-lint ## Check the Go code, its formatting and who imports whom.
	bin/golangci-lint run
	@# Modules of their own, which ./... leaves out.
	@for dir in hack/sbom test/build test/gitops test/monitoring; do echo "golangci-lint run: $$dir"; \
		(cd $$dir && ../../bin/golangci-lint run --config ../../.golangci.yml); done

.PHONY: lint-modules
lint-modules: ## Check that every go.mod and go.sum is tidy.
	@# But promtool's, for which go would have to read the tests of every cloud's client; that it is complete shows when it is built.
	@for dir in . $(filter-out hack/tools/promtool/,$(dir $(wildcard hack/*/go.mod hack/*/*/go.mod test/*/go.mod))); do echo "go -C $$dir mod tidy -diff"; go -C $$dir mod tidy -diff; done

.PHONY: lint-workflows
lint-workflows: bin/actionlint ## Check the GitHub workflows.
	@# Without what may or may not be installed, so that every machine says the same.
	bin/actionlint -shellcheck= -pyflakes=

.PHONY: lint-generated
lint-generated: bin/controller-gen bin/crd-ref-docs bin/helm-docs bin/overlay ## Check that the generated files are what their sources say.
	@# Made anew elsewhere and compared, so that the check neither needs nor touches a clean working tree.
	@stale=; new=$$(mktemp -d); trap 'rm -rf "$$new"' EXIT; \
		bin/controller-gen object paths=./api/... output:dir=$$new/api; \
		bin/controller-gen crd paths=./api/... output:dir=$$new/crd; \
		$(REFERENCE) $$new/reference.md; \
		go run ./hack/argocd config/argocd/resource_customizations $$new/argocd-cm.yaml; \
		bin/kustomize build bin/overlay >$$new/install.yaml; \
		diff -u api/v1alpha1/zz_generated.deepcopy.go $$new/api/zz_generated.deepcopy.go || stale+=" generate"; \
		diff -u docs/reference.md $$new/reference.md || stale+=" generate"; \
		diff -u config/argocd/argocd-cm.yaml $$new/argocd-cm.yaml || stale+=" generate"; \
		diff -ru config/crd/bases $$new/crd || stale+=" manifests"; \
		$(HELM_DOCS) --dry-run >$$new/README.md; \
		diff -u dist/install.yaml $$new/install.yaml || stale+=" dist"; \
		diff -ru dist/chart/crds config/crd/bases || stale+=" dist"; \
		diff -u dist/chart/README.md $$new/README.md || stale+=" dist"; \
		if [ -n "$$stale" ]; then echo "Generated files are out of date: make$$stale" >&2; exit 1; fi

HELM_DOCS = bin/helm-docs --chart-search-root=dist/chart --sort-values-order=file --log-level=warning

.PHONY: lint-manifests
lint-manifests: bin/kustomize ## Check that kustomize can build the manifests.
	@for dir in $(dir $(wildcard config/*/kustomization.yaml)); do echo "kustomize build $$dir"; bin/kustomize build $$dir >/dev/null; done

.PHONY: lint-chart
lint-chart: bin/helm ## Check the chart, with its defaults and with each of its example values.
	@for values in dist/chart/values.yaml $(wildcard dist/chart/ci/*-values.yaml); do echo "helm lint, helm template: $$values"; \
		bin/helm lint --strict --quiet dist/chart --values $$values; \
		bin/helm template user-operator dist/chart --namespace certcentral-system --values $$values >/dev/null; done
	@if grep '|  |$$' dist/chart/README.md; then echo "These values have no comment in dist/chart/values.yaml." >&2; exit 1; fi

.PHONY: lint-monitoring
lint-monitoring: bin/promtool ## Check the alert rules and play their tests; check rules and dashboard against the metrics there are.
	bin/promtool check rules config/prometheus/rules.yaml
	bin/promtool test rules config/prometheus/rules_test.yaml
	CGO_ENABLED=0 go -C test/monitoring test ./...

.PHONY: lint-vulnerabilities
lint-vulnerabilities: bin/govulncheck ## Check for known vulnerabilities that the code can reach, if their database can be asked.
	@if found=$$(bin/govulncheck . 2>&1); then echo "govulncheck: nothing found"; \
		elif grep -q "fetching vulnerabilities" <<<"$$found"; then echo "govulncheck: NOT CHECKED, the database of vulnerabilities can't be reached"; \
		else echo "$$found" >&2; exit 1; fi

# What only tests and tools need has no place in the operator.
NOT_IN_MANAGER := testing(/.*)?|github\.com/onsi/.*|sigs\.k8s\.io/controller-runtime/pkg/envtest.*|$(MODULE)/(internal/simulator|hack|test)(/.*)?

.PHONY: lint-binary
lint-binary: ## Check that nothing of tests and tools is compiled into the operator.
	@packages=$$(CGO_ENABLED=0 go list -deps .); \
		if grep -Ex '$(NOT_IN_MANAGER)' <<<"$$packages"; then echo "These packages are compiled into the operator." >&2; exit 1; fi
	@if CGO_ENABLED=0 go list -f '{{range .GoFiles}}{{println .}}{{end}}' ./internal/controller | grep -x failpoint_on.go; then echo "Failpoints are compiled into the operator." >&2; exit 1; fi

##@ Develop

.PHONY: generate
generate: bin/controller-gen bin/crd-ref-docs ## Write the DeepCopy methods of the API types, docs/reference.md, and the patch for Argo CD.
	bin/controller-gen object paths=./api/...
	$(REFERENCE) docs/reference.md
	go run ./hack/argocd config/argocd/resource_customizations config/argocd/argocd-cm.yaml

REFERENCE := bin/crd-ref-docs --source-path api --config hack/tools/crd-ref-docs/config.yaml \
	--templates-dir hack/tools/crd-ref-docs/templates --renderer markdown --log-level WARN --output-path

.PHONY: manifests
manifests: bin/controller-gen ## Write the CRDs.
	bin/controller-gen crd paths=./api/... output:crd:dir=config/crd/bases

.PHONY: fmt
fmt: bin/golangci-lint ## Format the Go code.
	bin/golangci-lint fmt

##@ Build

.PHONY: build
build: bin/manager bin/simulator bin/demo ## Build the operator, the CertCentral simulator and the demo.

.PHONY: docker-build
docker-build: ## Build the image IMG.
	$(CONTAINER_TOOL) build --tag $(IMG) .

.PHONY: dist
dist: bin/overlay bin/helm-docs ## Write what of dist/ is generated: install.yaml with all that a cluster needs, with the image IMG; the chart's CRDs and README.
	@mkdir -p dist/chart/crds
	bin/kustomize build bin/overlay >dist/install.yaml
	cp config/crd/bases/*.yaml dist/chart/crds/
	$(HELM_DOCS)

.PHONY: controlplane
controlplane: $(CONTROLPLANE) ## Build etcd, kube-apiserver and kubectl, unless KUBEBUILDER_ASSETS names a folder with them.
	@for name in etcd kube-apiserver; do [ -x "$$KUBEBUILDER_ASSETS/$$name" ] || \
		{ echo "KUBEBUILDER_ASSETS: there is no $$name in $$KUBEBUILDER_ASSETS" >&2; exit 1; }; done
	@[ -x "$$KUBEBUILDER_ASSETS/kubectl" ] || echo "KUBEBUILDER_ASSETS: no kubectl in $$KUBEBUILDER_ASSETS: the demo does without, make test does not"

.PHONY: clean
clean: ## Remove bin/, with binaries, tools, control plane and coverage.
	rm -rf bin

##@ Release

# The platforms that a release has binaries for.
PLATFORMS ?= linux-amd64 linux-arm64

# Two builds of a commit with the same Go are the same bytes, wherever and whenever they are made: no path, no build id, and no
# setting of the machine.
bin/manager-%: FORCE
	CGO_ENABLED=0 GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT= \
		go build -trimpath -buildvcs=$(BUILDVCS) -ldflags='-s -w -buildid=' -o $@ .

bin/sbom: FORCE
	go -C hack/sbom build -buildvcs=false -o $(CURDIR)/$@ .

.PHONY: release
release: IMG = ghcr.io/certcentral-io/user-operator:$(VERSION)
release: bin/overlay bin/helm bin/sbom $(PLATFORMS:%=bin/manager-%) ## Write what the release VERSION=v… consists of to bin/release: binaries, their SBOMs, install.yaml, chart, checksums.
	@rm -rf bin/release bin/chart && mkdir -p bin/release
	@for platform in $(PLATFORMS); do \
		built=$$(go version -m bin/manager-$$platform | awk '$$1 == "mod" { print $$3 }'); \
		if [ "$$built" != "$(VERSION)" ]; then \
			echo "VERSION=$(VERSION), but git says $$built: a release is made of a clean commit with that tag" >&2; exit 1; fi; \
		name=bin/release/user-operator_$(VERSION)_$${platform/-/_}; \
		cp bin/manager-$$platform $$name; \
		bin/sbom $$name >$$name.spdx.json; done
	@bin/kustomize build bin/overlay >bin/release/install.yaml
	@cp -r dist/chart bin/chart && sed -i.orig 's|^  repository: user-operator$$|  repository: $(IMG:%:$(VERSION)=%)|' bin/chart/values.yaml && rm bin/chart/values.yaml.orig
	@bin/helm package bin/chart --version $(VERSION:v%=%) --app-version $(VERSION) --destination bin/release >/dev/null
	@cd bin/release && sha256sum * >SHA256SUMS && cat SHA256SUMS

.PHONY: reproducible
reproducible: ## Build the operator twice, in two folders and with nothing in either cache, and expect the same bytes. Takes minutes.
	@twice=$$(mktemp -d); trap 'chmod -R u+w "$$twice"; rm -rf "$$twice"' EXIT; \
		for build in one two; do \
			git clone --quiet . $$twice/$$build; \
			GOCACHE=$$twice/cache-$$build $(MAKE) --no-print-directory -C $$twice/$$build $(PLATFORMS:%=bin/manager-%); done; \
		for platform in $(PLATFORMS); do cmp $$twice/{one,two}/bin/manager-$$platform; sha256sum <$$twice/one/bin/manager-$$platform; done

##@ Deploy

.PHONY: install
install: bin/kustomize $(filter bin/%,$(KUBECTL)) ## Install the CRDs in the cluster of your kubeconfig.
	bin/kustomize build config/crd | $(KUBECTL) apply --server-side -f -

.PHONY: uninstall
uninstall: bin/kustomize $(filter bin/%,$(KUBECTL)) ## Remove the CRDs and with them all accounts and users; CertCentral stays as it is.
	bin/kustomize build config/crd | $(KUBECTL) delete --ignore-not-found -f -

.PHONY: deploy
deploy: bin/overlay $(filter bin/%,$(KUBECTL)) ## Install the CRDs and the operator, with the image IMG.
	bin/kustomize build bin/overlay | $(KUBECTL) apply --server-side -f -

.PHONY: undeploy
undeploy: bin/overlay $(filter bin/%,$(KUBECTL)) ## Remove the operator and the CRDs, and with them all accounts and users; CertCentral stays as it is.
	bin/kustomize build bin/overlay | $(KUBECTL) delete --ignore-not-found -f -

# The image is set in an overlay of its own, so that no tracked file is edited for it.
.PHONY: bin/overlay
bin/overlay: bin/kustomize
	@mkdir -p $@ && printf 'resources: [../../config/default]\n' >$@/kustomization.yaml
	@cd $@ && ../kustomize edit set image user-operator=$(IMG)

# What go builds is always asked of go, whose own cache knows best what is up to date.
bin/manager: FORCE
	CGO_ENABLED=0 go build -trimpath -buildvcs=$(BUILDVCS) -o $@ .

bin/simulator bin/demo: bin/%: FORCE
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o $@ ./hack/$*

bin/bench: FORCE
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -o $@ ./test/bench

# Without -trimpath, so that it shares its compiled packages with the tests.
bin/manager-race: FORCE
	CGO_ENABLED=1 go build -race -buildvcs=$(BUILDVCS) -o $@ .

# With failpoints, which no other binary has.
bin/manager-faults: FORCE
	CGO_ENABLED=1 go build -race -tags failpoints -buildvcs=$(BUILDVCS) -o $@ .

bin/actionlint bin/controller-gen bin/crd-ref-docs bin/kustomize bin/golangci-lint bin/govulncheck bin/helm bin/helm-docs: bin/%: FORCE
	@hack/build-pinned.sh hack/tools/$* $@

# Without service discoveries, of which its rules know nothing.
bin/promtool: export GOFLAGS += -tags=remove_all_sd
bin/promtool: FORCE
	@hack/build-pinned.sh hack/tools/promtool $@

K8S_VERSION = $(shell awk '$$1 == "k8s.io/kubernetes" { print $$2 }' hack/controlplane/go.mod)
# Without these, kubectl version and the API server's /version would not know what they are.
bin/k8s/%: export LDFLAGS = $(foreach package,k8s.io/component-base/version k8s.io/client-go/pkg/version, \
	-X $(package).gitVersion=$(K8S_VERSION) -X $(package).gitMajor=$(word 1,$(subst ., ,$(K8S_VERSION:v%=%))) \
	-X $(package).gitMinor=$(word 2,$(subst ., ,$(K8S_VERSION))) -X $(package).gitCommit=)
bin/k8s/etcd: PACKAGE = go.etcd.io/etcd/server/v3
bin/k8s/%: PACKAGE = k8s.io/kubernetes/cmd/$*
bin/k8s/etcd bin/k8s/kube-apiserver bin/k8s/kubectl: bin/k8s/%: FORCE
	@hack/build-pinned.sh hack/controlplane $@ $(PACKAGE)

.PHONY: FORCE
FORCE:
