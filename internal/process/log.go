package process

import (
	"os"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// Logger writes to standard error from a level on: debug, info or error. The format is json, console, or auto: lines for people on a
// terminal, JSON for machines elsewhere.
func Logger(from, format string) logr.Logger {
	level := map[string]zapcore.Level{"debug": zapcore.DebugLevel, "info": zapcore.InfoLevel, "error": zapcore.ErrorLevel}[from]
	encoder := zap.JSONEncoder(func(c *zapcore.EncoderConfig) { c.EncodeTime = zapcore.ISO8601TimeEncoder })
	if format == "console" || format == "auto" && isTerminal(os.Stderr) {
		encoder = zap.ConsoleEncoder(func(c *zapcore.EncoderConfig) { c.EncodeTime = zapcore.TimeEncoderOfLayout(time.TimeOnly) })
	}
	logger := zap.New(encoder, zap.Level(level), zap.StacktraceLevel(zapcore.PanicLevel))
	return logger.WithSink(plain{logger.GetSink()})
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// wiring is what controller-runtime says of each of its parts at every start: of use when one of them does not come up.
var wiring = []string{"Starting EventSource", "Starting Controller", "Starting workers"}

// plain is a sink that keeps the wiring for --log-level=debug.
type plain struct{ logr.LogSink }

// Info writes a line, at level 1 if it is about the wiring.
func (p plain) Info(level int, message string, keysAndValues ...any) {
	if level == 0 && slices.Contains(wiring, message) {
		if level = 1; !p.Enabled(level) {
			return
		}
	}
	p.LogSink.Info(level, message, keysAndValues...)
}

// WithValues returns a sink that adds values to each line.
func (p plain) WithValues(keysAndValues ...any) logr.LogSink {
	return plain{p.LogSink.WithValues(keysAndValues...)}
}

// WithName returns a sink with a name.
func (p plain) WithName(name string) logr.LogSink { return plain{p.LogSink.WithName(name)} }
