package world

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
)

// ControlPlane is etcd and kube-apiserver as processes that can be killed, stopped and started again: on the same ports, with the
// same data and certificates.
type ControlPlane struct {
	Etcd, APIServer *Service
	// DataDir is etcd's, to be saved and put back while etcd does not run.
	DataDir string
	// EtcdURL is where etcd answers, in plain text.
	EtcdURL string
	// REST may do everything.
	REST *rest.Config
}

// Service is a binary that runs as one process after another.
type Service struct {
	*Process // the current one
	start    func() (*Process, error)
	ready    func(context.Context) bool
}

// Start runs it, and returns once it is ready. The one before must have ended.
func (s *Service) Start(ctx context.Context) error {
	p, err := s.start()
	if err != nil {
		return err
	}
	s.Process = p
	return p.await(ctx, s.ready)
}

// auditPolicy records what the operator asks of the API server; of the operator's own kinds, what everybody asks, with bodies.
const auditPolicy = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived", "ResponseStarted"], "rules": [
  {"level": "RequestResponse", "resources": [{"group": "certcentral.io"}], "verbs": ["get", "create", "update", "patch", "delete"]},
  {"level": "Metadata", "users": ["` + serviceAccountUser + `"]}, {"level": "None"}]}`

// startControlPlane starts both, with the binaries of the folder. Audit lines go to audit, if that is set.
func (w *World) startControlPlane(ctx context.Context, folder string, audit io.Writer) (*ControlPlane, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	etcd := "http://" + ports[0]
	c := &ControlPlane{DataDir: filepath.Join(w.dir, "etcd"), EtcdURL: etcd}
	c.Etcd = w.service(filepath.Join(folder, "etcd"), nil, answers(http.DefaultClient, etcd+"/health", ""),
		"--name=etcd", "--data-dir="+c.DataDir, "--unsafe-no-fsync", "--log-level=error",
		"--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls=http://"+ports[1], "--initial-advertise-peer-urls=http://"+ports[1], "--initial-cluster=etcd=http://"+ports[1])
	if err := c.Etcd.Start(ctx); err != nil {
		return nil, err
	}
	token := rand.Text()
	args, err := w.apiServerArgs(token, ports[2], etcd, audit != nil)
	if err != nil {
		return nil, err
	}
	host := "https://" + ports[2]
	// Before its first start the certificate to trust is not there yet.
	impatient := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	c.APIServer = w.service(filepath.Join(folder, "kube-apiserver"), audit, answers(impatient, host+"/readyz", token), args...)
	if err := c.APIServer.Start(ctx); err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(w.dir, "certificates", "apiserver.crt"))
	if err != nil {
		return nil, err
	}
	c.REST = &rest.Config{Host: host, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: ca}, QPS: -1}
	return c, nil
}

func (w *World) service(path string, output io.Writer, ready func(context.Context) bool, args ...string) *Service {
	c := command{path: path, args: args, output: output, errors: io.Discard} // a line of the audit log is not to be torn by another
	return &Service{start: func() (*Process, error) { return w.launch(c) }, ready: ready}
}

// apiServerArgs writes what the API server reads, and returns its flags. Whoever has the token may do everything.
func (w *World) apiServerArgs(token, address, etcd string, audit bool) ([]string, error) {
	file := func(name string) string { return filepath.Join(w.dir, name) }
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	err = errors.Join(
		os.WriteFile(file("service-accounts.key"), encoded, 0o600),
		os.WriteFile(file("tokens.csv"), fmt.Appendf(nil, "%s,admin,admin,system:masters\n", token), 0o600),
		os.WriteFile(file("audit-policy.json"), []byte(auditPolicy), 0o600),
	)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	args := []string{
		"--etcd-servers=" + etcd, "--bind-address=" + host, "--advertise-address=" + host, "--secure-port=" + port,
		"--cert-dir=" + file("certificates"), "--token-auth-file=" + file("tokens.csv"), "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-key-file=" + file("service-accounts.key"), "--service-account-signing-key-file=" + file("service-accounts.key"),
		"--disable-admission-plugins=ServiceAccount", "--allow-privileged=true", "--profiling=false",
	}
	if audit {
		args = append(args, "--audit-policy-file="+file("audit-policy.json"), "--audit-log-path=-")
	}
	return args, err
}
