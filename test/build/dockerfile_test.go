package build_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	. "github.com/onsi/gomega"
)

// parse reads a Dockerfile as BuildKit does, with the findings of its linter.
func parse(t *testing.T, dockerfile []byte) ([]instructions.Stage, []string) {
	t.Helper()
	g := NewWithT(t)
	parsed, err := parser.Parse(bytes.NewReader(dockerfile))
	g.Expect(err).NotTo(HaveOccurred())
	var findings []string
	for _, warning := range parsed.Warnings {
		findings = append(findings, warning.Short)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, message string, _ []parser.Range) {
		findings = append(findings, rule+": "+message)
	}})
	stages, _, err := instructions.Parse(parsed.AST, lint)
	g.Expect(err).NotTo(HaveOccurred())
	return stages, findings
}

func TestDockerfile(t *testing.T) {
	stages, findings := parse(t, read(t, root, "Dockerfile"))
	goVersion := strings.TrimSpace(string(read(t, root, ".go-version")))

	t.Run("has nothing that BuildKit's linter complains of", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(findings).To(BeEmpty())
		_, findings := parse(t, []byte("FROM scratch as base\nMAINTAINER somebody\n"))
		g.Expect(findings).To(ContainElements(HavePrefix("FromAsCasing"), HavePrefix("MaintainerDeprecated")), "the linter is awake")
	})

	t.Run("builds on the machine's own platform, with the one version of Go", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(stages).To(HaveLen(2))
		g.Expect(stages[0].Platform).To(Equal("$BUILDPLATFORM"))
		g.Expect(stages[0].BaseName).To(Equal("golang:" + goVersion))
	})

	t.Run("ends in an image of the binary and the certificates, for nobody in particular", func(t *testing.T) {
		g := NewWithT(t)
		image := stages[1]
		g.Expect(image.BaseName).To(Equal("scratch"))
		var copied, users []string
		labels := map[string]string{}
		for _, command := range image.Commands {
			switch c := command.(type) {
			case *instructions.CopyCommand:
				copied = append(copied, fmt.Sprintf("%s:%s", c.From, c.SourcePaths[0]))
			case *instructions.UserCommand:
				users = append(users, c.User)
			case *instructions.LabelCommand:
				for _, label := range c.Labels {
					labels[strings.Trim(label.Key, `"`)] = strings.Trim(label.Value, `"`)
				}
			}
		}
		g.Expect(copied).To(ConsistOf("builder:/etc/ssl/certs/ca-certificates.crt", "builder:/manager"))
		g.Expect(users).To(ConsistOf(MatchRegexp(`^[1-9]\d*:[1-9]\d*$`)))
		for _, name := range []string{"title", "description", "url", "documentation", "source", "version", "revision", "licenses"} {
			g.Expect(labels).To(HaveKeyWithValue("org.opencontainers.image."+name, Not(BeEmpty())))
		}
	})
}
