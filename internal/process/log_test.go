package process

import (
	"testing"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
)

func TestWiringIsForDebug(t *testing.T) {
	for verbosity, want := range map[int][]string{0: {"starting"}, 1: {"starting", "Starting EventSource", "Starting workers"}} {
		g := NewWithT(t)
		var said []string
		logger := funcr.NewJSON(func(string) {}, funcr.Options{
			Verbosity:          verbosity,
			RenderBuiltinsHook: func(kv []any) []any { said = append(said, kv[len(kv)-1].(string)); return kv },
		})
		logger = logger.WithSink(plain{logger.GetSink()}).WithName("controller").WithValues("controller", "users")
		logger.Info("starting")
		logger.Info("Starting EventSource", "source", "kind")
		logger.Info("Starting workers")
		g.Expect(said).To(Equal(want))
	}
}
