# syntax=docker/dockerfile:1

# The builder runs on the machine's own platform and cross-compiles: no emulation.
FROM --platform=$BUILDPLATFORM golang:1.26 AS builder
WORKDIR /src

# A layer of its own, so that the modules are fetched again only when they change.
COPY go.mod go.sum ./
RUN go mod download

# With .git, from which the binary gets its version.
COPY . .
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=${TARGETOS:-linux} GOARCH=${TARGETARCH} go build -trimpath -ldflags="-s -w" -o /manager .

# Nothing but the binary and the certificates to trust: there is no shell to break into, and nothing to update.
FROM scratch
LABEL org.opencontainers.image.title="CertCentral user operator" \
      org.opencontainers.image.description="Keeps the profiles of CertCentral users as Kubernetes resources declare them." \
      org.opencontainers.image.source="https://github.com/certcentral-io/user-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=builder /manager /manager
# By number, because Kubernetes can't check runAsNonRoot on a name.
USER 65532:65532
ENTRYPOINT ["/manager"]
