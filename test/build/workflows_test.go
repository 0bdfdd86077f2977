package build_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"
)

var (
	used   = regexp.MustCompile(`(?m)^\s*(?:- )?uses:\s*(.+)$`)
	pinned = regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
)

// A tag can be moved to other code by whoever owns it; a commit can't. What a workflow may do is said in it, not in the
// repository's settings.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(files).To(HaveLen(2))
	commits := map[string]string{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g := NewWithT(t)
			content := read(t, "", file)
			workflow := struct {
				Permissions map[string]string
				Jobs        map[string]struct {
					Permissions map[string]string
					Steps       []struct{ Uses string }
				}
			}{}
			g.Expect(yaml.Unmarshal(content, &workflow)).To(Succeed())

			g.Expect(workflow.Permissions).NotTo(BeNil(), "permissions of the whole workflow")
			g.Expect(workflow.Permissions).NotTo(ContainElement("write"), "writing is for the job that needs it")

			actions := used.FindAllStringSubmatch(string(content), -1)
			steps := 0
			for _, job := range workflow.Jobs {
				for _, step := range job.Steps {
					if step.Uses != "" {
						steps++
					}
				}
			}
			g.Expect(actions).To(HaveLen(steps), "every use is written so that it is seen here")
			for _, action := range actions {
				g.Expect(action[1]).To(MatchRegexp(pinned.String()), "pinned by commit, with the version it is")
				name, commit, _ := strings.Cut(action[1], "@")
				if commits[name] != "" {
					g.Expect(commit).To(Equal(commits[name]), "one version of %s everywhere", name)
				}
				commits[name] = commit
			}
		})
	}
}
