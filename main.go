// The user operator keeps DigiCert CertCentral user profiles as CertCentralUser resources declare them.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/certcentral-io/user-operator/api/v1alpha1"
	"github.com/certcentral-io/user-operator/internal/certcentral"
	"github.com/certcentral-io/user-operator/internal/controller"
	"github.com/certcentral-io/user-operator/internal/process"
)

func main() {
	options, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2)
	}
	if options.version {
		fmt.Println(version())
		return
	}
	ctrl.SetLogger(process.Logger(options.logLevel, options.logFormat))
	klog.SetLogger(ctrl.Log)
	progress := &controller.Progress{Clock: controller.Clock{}}
	start := func(ctx context.Context) error { return run(ctx, options, progress) }
	if err := process.Bounded(ctrl.SetupSignalHandler(), start, progress.Busy); err != nil {
		ctrl.Log.Error(err, "manager ended")
		os.Exit(1)
	}
}

// run wires clients, manager and reconcilers, and returns when the manager has ended.
func run(ctx context.Context, o *options, progress *controller.Progress) error {
	ctrl.Log.Info("starting", "version", version(), "endpoints", o.endpoints.String(), "namespaces", o.namespaces.String(),
		"selector", o.selector.String())
	for _, endpoint := range o.endpoints {
		ctrl.Log.Info("way to CertCentral", "endpoint", endpoint.String(), "proxy", endpoint.Proxy())
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, o.manager(ctx, scheme))
	if err != nil {
		return err
	}
	if err := reconcilers(ctx, mgr, o, progress); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// manager returns the options of the manager.
func (o *options) manager(ctx context.Context, scheme *runtime.Scheme) ctrl.Options {
	metricsOptions := metricsserver.Options{
		BindAddress: o.metricsAddress, SecureServing: o.metricsSecure,
		TLSOpts: []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }},
	}
	if o.metricsSecure {
		metricsOptions.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	namespaces := map[string]cache.Config{}
	for _, name := range o.namespaces {
		namespaces[name] = cache.Config{}
	}
	caches := cache.Options{DefaultNamespaces: namespaces, DefaultLabelSelector: o.selector.Selector, DefaultTransform: controller.Lean}
	if len(namespaces) > 0 {
		caches.NewInformer = controller.NewNamespaceInformer
	}
	return ctrl.Options{
		Scheme:   scheme,
		Metrics:  metricsOptions,
		Cache:    caches,
		NewCache: process.EndingWith(ctx),
		Client: client.Options{Cache: &client.CacheOptions{
			DisableFor: []client.Object{&corev1.Secret{}, &corev1.Namespace{}},
			// A reconcile must not judge by a status older than its own; controller-runtime can't promise that for several namespaces.
			EnableReadYourWritesConsistency: ptr.To(len(o.namespaces) <= 1),
		}},
		HealthProbeBindAddress:        o.probeAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       o.leaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       ptr.To(process.ShutdownTimeout),
	}
}

// reconcilers adds reconcilers and health checks to the manager.
func reconcilers(ctx context.Context, mgr ctrl.Manager, o *options, progress *controller.Progress) error {
	now := controller.Clock{}
	observed, err := controller.NewMetrics(metrics.Registry, mgr.GetClient(), now)
	if err != nil {
		return err
	}
	namespaces, err := o.probed(mgr, observed)
	if err != nil {
		return err
	}
	sessions := controller.NewSessions(certcentral.NewBudgets(now.Now), certcentral.NewPlaces(o.concurrency))
	sweeps := controller.NewSweeps(o.lookSingly)
	accounts := &controller.AccountReconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Sessions: sessions, Sweeps: sweeps, Metrics: observed, Clock: now,
		Events: mgr.GetEventRecorder("certcentral-user-operator"), Endpoints: o.endpoints,
		UserAgent: "certcentral-user-operator/" + version(),
	}
	users := &controller.UserReconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Sessions: sessions, Sweeps: sweeps, Metrics: observed, Clock: now,
		Events: mgr.GetEventRecorder("certcentral-user-operator"), Namespaces: o.namespaces,
		Probed: namespaces, Selector: o.selector.Selector,
	}
	sweeper := &controller.SweepReconciler{
		Client: mgr.GetClient(), Sessions: sessions, Sweeps: sweeps, Metrics: observed, Clock: now,
		Events: mgr.GetEventRecorder("certcentral-user-operator"),
	}
	synced := func(req *http.Request) error {
		ctx, cancel := context.WithTimeout(req.Context(), time.Second)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("caches are not synced")
		}
		return nil
	}
	return errors.Join(
		accounts.SetupWithManager(mgr, progress),
		users.SetupWithManager(ctx, mgr, progress, o.concurrency),
		sweeper.SetupWithManager(mgr, progress),
		mgr.AddHealthzCheck("ping", healthz.Ping),
		mgr.AddHealthzCheck("progress", progress.Check),
		mgr.AddReadyzCheck("caches", synced),
		mgr.AddReadyzCheck("namespaces", namespaces.Check),
		mgr.Add(namespaces),
	)
}

// leaseName is that of the lease by which one of several managers leads.
const leaseName = "user-operator.certcentral.io"

// ownNamespaceFile has the namespace that a Pod is in.
const ownNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// lease names the lease; without a name when there is none.
func (o *options) lease() types.NamespacedName {
	if !o.leaderElect {
		return types.NamespacedName{}
	}
	namespace := o.leaderElectionNamespace
	if own, err := os.ReadFile(ownNamespaceFile); err == nil && namespace == "" {
		namespace = string(own)
	}
	return types.NamespacedName{Namespace: namespace, Name: leaseName}
}

// probed are the watched namespaces. The manager's own client won't do: it would watch the events that it creates.
func (o *options) probed(mgr ctrl.Manager, observed *controller.Metrics) (*controller.Namespaces, error) {
	live, err := client.New(mgr.GetConfig(), client.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(),
	})
	return &controller.Namespaces{
		Live: live, Metrics: observed, Clock: controller.Clock{}, Names: o.namespaces, Lease: o.lease(), Elected: mgr.Elected(),
	}, err
}

// version is the module version that the binary was built from, with the commit if it was built from a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}

// digicertEndpoints are the base URLs of the Services API: most accounts, and those hosted in the EU.
const digicertEndpoints = "https://www.digicert.com/services/v2,https://certcentral.digicert.eu/services/v2"

// options are the settings that the command line gives.
type options struct {
	metricsAddress, probeAddress string
	metricsSecure                bool
	leaderElect                  bool
	leaderElectionNamespace      string
	endpoints                    endpoints
	namespaces                   list
	selector                     selector
	concurrency                  int
	lookSingly                   bool
	logLevel, logFormat          string
	version                      bool
}

// hidden is the usage of flags that are for measuring only.
const hidden = "-"

// parse reads the command line. What is wrong with it, and the help, go to standard error.
func parse(args []string) (*options, error) {
	o := &options{}
	if err := o.endpoints.Set(digicertEndpoints); err != nil {
		return nil, err
	}
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "Keeps DigiCert CertCentral user profiles as CertCentralUser resources declare them.\n\nFlags:\n")
		shown := flag.NewFlagSet("", flag.ContinueOnError)
		shown.SetOutput(flags.Output())
		flags.VisitAll(func(f *flag.Flag) {
			if f.Usage != hidden {
				shown.Var(f.Value, f.Name, f.Usage)
			}
		})
		shown.PrintDefaults()
	}
	ctrlconfig.RegisterFlags(flags)
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "`address` of the metrics; 0 turns them off")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "serve metrics over TLS, to clients that may get /metrics only")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "`address` of /healthz and /readyz")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "let only one of several managers act")
	flags.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", "", "`namespace` of the lease; the manager's own when empty")
	flags.Var(&o.endpoints, "allowed-endpoints", "comma-separated `URLs` that API keys may be sent to")
	flags.Var(&o.namespaces, "namespaces", "comma-separated `names` of the namespaces to watch; all when empty")
	flags.Var(&o.selector, "watch-label-selector",
		"label `selector` of the accounts and users to watch, as in shard=a; all when empty. Managers in different namespaces can share the work")
	flags.IntVar(&o.concurrency, "concurrency", 256, "`number` of users that are worked on at a time, at most half of them and 36 of one account")
	flags.BoolVar(&o.lookSingly, "look-singly", false, hidden)
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info or error")
	flags.StringVar(&o.logFormat, "log-format", "auto", "json, console, or auto: console on a terminal, else json")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if err := o.validate(flags.Args()); err != nil {
		fmt.Fprintln(flags.Output(), err)
		return nil, err
	}
	return o, nil
}

// validate says which setting has to change.
func (o *options) validate(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q: every setting is a flag", rest[0])
	case o.concurrency < 1 || o.concurrency > 1024:
		return fmt.Errorf("--concurrency is %d: it must be from 1 to 1024", o.concurrency)
	case !slices.Contains([]string{"debug", "info", "error"}, o.logLevel):
		return fmt.Errorf("--log-level is %q: it must be debug, info or error", o.logLevel)
	case !slices.Contains([]string{"auto", "json", "console"}, o.logFormat):
		return fmt.Errorf("--log-format is %q: it must be auto, json or console", o.logFormat)
	}
	return certcentral.CheckProxy(os.Getenv)
}

// list is a flag of comma-separated names.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

// Set replaces the list.
func (l *list) Set(value string) error {
	*l = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	return nil
}

// selector is a flag of a label selector; nil selects everything.
type selector struct{ labels.Selector }

func (s *selector) String() string {
	if s.Selector == nil {
		return ""
	}
	return s.Selector.String()
}

// Set replaces the selector.
func (s *selector) Set(value string) error {
	parsed, err := labels.Parse(value)
	if err == nil && parsed.Empty() {
		parsed = nil
	}
	s.Selector = parsed
	return err
}

// endpoints is a flag of comma-separated base URLs of the CertCentral Services API.
type endpoints []certcentral.Endpoint

func (e *endpoints) String() string {
	var urls []string
	for _, endpoint := range *e {
		urls = append(urls, endpoint.String())
	}
	return strings.Join(urls, ",")
}

// Set replaces the endpoints.
func (e *endpoints) Set(value string) error {
	var urls list
	var parsed endpoints
	_ = urls.Set(value)
	for _, url := range urls {
		endpoint, err := certcentral.ParseEndpoint(url)
		if err != nil {
			return err
		}
		parsed = append(parsed, endpoint)
	}
	*e = parsed
	return nil
}
