package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
)

// screen prints whole lines, from whoever, one after the other.
type screen struct {
	mu   sync.Mutex
	out  io.Writer
	bold bool // a terminal, which shows headings in bold
}

func newScreen(out *os.File) *screen {
	info, err := out.Stat()
	return &screen{out: out, bold: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(s.out, format+"\n", args...)
}

// scene opens a part of the story.
func (s *screen) scene(title string) {
	heading := fmt.Sprintf("── %s %s", title, strings.Repeat("─", max(0, 100-len(title))))
	if s.bold {
		heading = "\033[1m" + heading + "\033[0m"
	}
	s.say("\n%s\n", heading)
}

// table prints rows of equal length in columns.
func (s *screen) table(rows [][]string) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
	s.say("%s", strings.TrimSuffix(b.String(), "\n"))
}

// prefixed returns a writer that prints each line behind the prefix, once the curtain is up: what happens before is no part of
// the story.
func (s *screen) prefixed(prefix string) *lines { return &lines{screen: s, prefix: prefix} }

type lines struct {
	screen  *screen
	prefix  string
	mu      sync.Mutex
	up      bool
	partial []byte
}

// raise lets lines through from now on.
func (l *lines) raise() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = true
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		if l.up {
			l.screen.say("  %s%s", l.prefix, line)
		}
		l.partial = bytes.Clone(rest)
	}
}
