package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
)

// line is a measurement: how it came out, swept and user by user, and what it is held against.
type line struct {
	measure       string
	n             int
	swept, singly string // "" where it was not measured
	bar           string
	missed        bool
}

// report gathers lines.
type report struct{ lines []*line }

// add puts a measurement on record, which the caller completes.
func (r *report) add(n int, measure, swept string) *line {
	l := &line{measure: measure, n: n, swept: swept}
	r.lines = append(r.lines, l)
	return l
}

// than gives the line what came out user by user.
func (l *line) than(singly string) *line {
	l.singly = singly
	return l
}

// atMost gives the line its bar, which the value must not exceed.
func (l *line) atMost(bar string, value, most float64) {
	l.bar, l.missed = "≤ "+bar, value > most
}

// held tells whether no bar was missed.
func (r *report) held() bool {
	for _, l := range r.lines {
		if l.missed {
			return false
		}
	}
	return true
}

// print writes the lines as a table in Markdown.
func (r *report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(w, "| "+strings.Join(cells, "\t| ")+"\t|") }
	row("measure", "N", "swept", "per user", "bar", "held")
	row("---", "--:", "--:", "--:", "---", "---")
	for _, l := range r.lines {
		row(l.measure, fmt.Sprint(l.n), or(l.swept), or(l.singly), or(l.bar), l.verdict())
	}
	_ = w.Flush()
}

func (l *line) verdict() string {
	switch {
	case l.bar == "":
		return "–"
	case l.missed:
		return "NO"
	}
	return "yes"
}

func or(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// machine says where it was measured, and with what.
func machine(manager string) string {
	version, _ := exec.Command(manager, "--version").Output()
	return fmt.Sprintf("user-operator %s, %s, %s/%s, %d × %s, %s of memory, load %s.", bytes.TrimSpace(version), runtime.Version(),
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), found("/proc/cpuinfo", "model name"), found("/proc/meminfo", "MemTotal"), load())
}

// found is the first value of that name in a file of /proc.
func found(path, name string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// load is the machine's over the last minute: what was measured on a busy one says little.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
