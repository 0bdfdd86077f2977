# syntax=docker/dockerfile:1

# The builder runs on the machine's own platform and cross-compiles: no emulation. The exact version of Go, that of .go-version,
# because another one makes other bytes.
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS builder
WORKDIR /src

# A layer of its own, so that the modules are fetched again only when they change.
COPY go.mod go.sum ./
RUN go mod download

# With .git, from which the binary gets its version. Built as make release builds it: the same bytes.
COPY . .
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/root/.cache/go-build \
    make bin/manager-${TARGETOS}-${TARGETARCH} && mv bin/manager-${TARGETOS}-${TARGETARCH} /manager

# Nothing but the binary and the certificates to trust. Distroless static has time zones, a passwd and an /etc/os-release on top,
# of which the operator reads none, and would be a second image to pin, to watch and to update.
FROM scratch
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="CertCentral user operator" \
      org.opencontainers.image.description="Keeps the profiles of CertCentral users as Kubernetes resources declare them." \
      org.opencontainers.image.url="https://github.com/certcentral-io/user-operator" \
      org.opencontainers.image.documentation="https://github.com/certcentral-io/user-operator/blob/main/README.md" \
      org.opencontainers.image.source="https://github.com/certcentral-io/user-operator" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=builder /manager /manager
# By number, because Kubernetes can't check runAsNonRoot on a name.
USER 65532:65532
ENTRYPOINT ["/manager"]
