package world

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
)

// The operator's ServiceAccount, and the user that it is to the API server.
const (
	serviceAccount     = "user-operator"
	serviceAccountUser = "system:serviceaccount:" + Namespace + ":" + serviceAccount
)

// tokenSeconds is how long a token is good: longer than any world lasts.
const tokenSeconds = 24 * 60 * 60

// ManagerOptions say how a manager runs.
type ManagerOptions struct {
	// Endpoints is the value of --allowed-endpoints.
	Endpoints string
	// Output gets standard output and error; nil drops them.
	Output io.Writer
	// Args are more flags.
	Args []string
	// Environment is more of it, as NAME=value.
	Environment []string
	// Binary is another one than the world's.
	Binary string
}

// Server is what a kubeconfig says of an API server: its URL, and PEM certificates to trust.
type Server struct {
	URL string
	CA  []byte
}

// Manager is the operator as a process.
type Manager struct {
	*Process
	// Metrics and Health are base URLs. Metrics are served with a self-signed certificate.
	Metrics, Health string
}

// StartManager runs the operator as its own ServiceAccount, with leader election as it is deployed, and returns once /readyz
// answers. Then its caches are filled; it acts once it holds the lease, which a killed predecessor keeps for some 15 s.
func (w *World) StartManager(ctx context.Context, o ManagerOptions) (*Manager, error) {
	kubeconfig, err := w.ManagerKubeconfig(ctx, Server{})
	if err != nil {
		return nil, err
	}
	m, err := w.LaunchManager(kubeconfig, o)
	if err != nil {
		return nil, err
	}
	return m, m.AwaitReady(ctx)
}

// ManagerKubeconfig writes a kubeconfig with the rights of the operator, for the server if it is not the world's own.
func (w *World) ManagerKubeconfig(ctx context.Context, server Server) (path string, err error) {
	return w.ServiceAccountKubeconfig(ctx, Namespace, serviceAccount, server)
}

// ServiceAccountKubeconfig is ManagerKubeconfig with the rights of another ServiceAccount.
func (w *World) ServiceAccountKubeconfig(ctx context.Context, namespace, name string, server Server) (path string, err error) {
	token, err := w.Token(ctx, namespace, name)
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(w.dir, "manager-*.kubeconfig")
	if err != nil {
		return "", err
	}
	if server.URL == "" {
		server = Server{w.REST.Host, w.REST.CAData}
	}
	return file.Name(), errors.Join(file.Close(), writeKubeconfig(file.Name(), server, token))
}

// LaunchManager is StartManager with a kubeconfig that is there already, and waits for nothing.
func (w *World) LaunchManager(kubeconfig string, o ManagerOptions) (*Manager, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	p, err := w.launch(command{path: cmp.Or(o.Binary, w.options.Manager), environment: o.Environment, output: o.Output, args: append([]string{
		"--kubeconfig", kubeconfig, "--allowed-endpoints", o.Endpoints,
		"--leader-elect", "--leader-election-namespace", Namespace,
		"--metrics-bind-address", ports[0], "--health-probe-bind-address", ports[1],
	}, o.Args...)})
	if err != nil {
		return nil, err
	}
	return &Manager{Process: p, Metrics: "https://" + ports[0], Health: "http://" + ports[1]}, nil
}

// AwaitReady returns once /readyz answers.
func (m *Manager) AwaitReady(ctx context.Context) error {
	return m.await(ctx, answers(http.DefaultClient, m.Health+"/readyz", ""))
}

// Token returns a token of a ServiceAccount, good for a day.
func (w *World) Token(ctx context.Context, namespace, name string) (string, error) {
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](tokenSeconds)},
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	err := w.Client.SubResource("token").Create(ctx, account, request)
	return request.Status.Token, err
}

// writeKubeconfig makes a kubeconfig with no other credential than the token.
func writeKubeconfig(path string, server Server, token string) error {
	const name = "world"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server.URL, CertificateAuthorityData: server.CA}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// ports are those that this process gave away lately: none of them is given again, since it may not be listened on yet.
var ports struct {
	sync.Mutex
	given map[int]bool
}

// freePorts returns addresses of this machine that nobody listens on. They are below the range that connections take theirs from, which
// could have one of them before the process that it is for.
func freePorts(count int) ([]string, error) {
	ports.Lock()
	defer ports.Unlock()
	if ports.given == nil || len(ports.given) > 10_000 {
		ports.given = map[int]bool{}
	}
	var addresses []string
	for range 1000 {
		if len(addresses) == count {
			return addresses, nil
		}
		port := 12_000 + rand.N(20_000)
		if ports.given[port] {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			ports.given[port] = true
			addresses = append(addresses, address)
		}
	}
	return nil, errors.New("no free ports")
}
