package build_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"
)

const (
	root    = "../.."
	version = "v1.98.7" // Go takes no v2 from the tag of a module whose path does not say it
)

var platform = "linux-" + runtime.GOARCH

// The second build compiles all of our own packages again, in another order and on one thread: it sees each of our files with a
// comment at its end, which the build cache takes for another file and the compiler must take for the same. What we import
// comes from the cache both times; "make reproducible" does without.
func TestTwoBuildsAreTheSameBytes(t *testing.T) {
	g := NewWithT(t)
	here := checkout(t)
	there := filepath.Join(t.TempDir(), "a", "longer", "path")
	run(t, here, nil, "git", "clone", "--quiet", here, there)

	run(t, here, nil, "make", "bin/manager-"+platform)
	run(t, there, []string{"GOMAXPROCS=1", "GOFLAGS=-overlay=" + comments(t, there)}, "make", "bin/manager-"+platform)

	one, other := read(t, here, "bin/manager-"+platform), read(t, there, "bin/manager-"+platform)
	g.Expect(bytes.Equal(one, other)).To(BeTrue(), "sha256 %x and %x", sha256.Sum256(one), sha256.Sum256(other))
	g.Expect(bytes.Contains(one, []byte(here))).To(BeFalse(), "a path of the machine is in the binary")
	g.Expect(run(t, here, nil, "bin/manager-"+platform, "--version")).To(Equal(version + "\n"))
}

func TestReleaseBelongsTogether(t *testing.T) {
	g := NewWithT(t)
	tree := checkout(t)
	run(t, tree, nil, "make", "release", "VERSION="+version, "PLATFORMS="+platform)

	binary := "user-operator_" + version + "_" + strings.ReplaceAll(platform, "-", "_")
	chart := "user-operator-" + strings.TrimPrefix(version, "v") + ".tgz"
	sums := map[string]string{}
	for line := range strings.Lines(string(read(t, tree, "bin/release/SHA256SUMS"))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	g.Expect(sums).To(HaveLen(4))
	for _, name := range []string{binary, binary + ".spdx.json", "install.yaml", chart} {
		g.Expect(sums).To(HaveKeyWithValue(name, fmt.Sprintf("%x", sha256.Sum256(read(t, tree, "bin/release/"+name)))))
	}

	g.Expect(run(t, tree, nil, "bin/release/"+binary, "--version")).To(Equal(version + "\n"))
	bill := struct {
		Packages []struct {
			VersionInfo string
			Checksums   []struct{ ChecksumValue string }
		}
	}{}
	g.Expect(json.Unmarshal(read(t, tree, "bin/release/"+binary+".spdx.json"), &bill)).To(Succeed())
	g.Expect(bill.Packages[0].VersionInfo).To(Equal(version))
	g.Expect(bill.Packages[0].Checksums[0].ChecksumValue).To(Equal(sums[binary]))

	image := "ghcr.io/certcentral-io/user-operator"
	manifests := string(read(t, tree, "bin/release/install.yaml"))
	g.Expect(manifests).To(ContainSubstring("image: " + image + ":" + version + "\n"))
	g.Expect(manifests).NotTo(ContainSubstring("image: user-operator"))
	packed := unpack(t, read(t, tree, "bin/release/"+chart))
	g.Expect(packed["user-operator/Chart.yaml"]).To(And(HaveKeyWithValue("version", version[1:]), HaveKeyWithValue("appVersion", version)))
	g.Expect(packed["user-operator/values.yaml"]).To(HaveKeyWithValue("image", HaveKeyWithValue("repository", image)))
}

func TestReleaseIsOfItsTag(t *testing.T) {
	for reason, args := range map[string][]string{
		"another version than the tag's": {"VERSION=v1.98.8"},
		"no version":                     nil,
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			tree := checkout(t)
			output, err := command(tree, nil, "make", append([]string{"release", "PLATFORMS=" + platform}, args...)...).CombinedOutput()
			g.Expect(err).To(HaveOccurred())
			g.Expect(string(output)).To(ContainSubstring("but git says " + version))
		})
	}
}

// checkout is a clean commit, tagged as a version, of the working tree as it is, with the tools that make has built for it.
func checkout(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	run(t, root, nil, "bash", "-c", `set -eo pipefail
		mkdir -p "$0/bin"
		git ls-files --cached --others --exclude-standard | while read -r file; do [ ! -e "$file" ] || echo "$file"; done | tar c -T - | tar x -C "$0"
		for tool in kustomize helm; do cp "bin/$tool" "bin/.$tool.pin" "$0/bin"; done`, dir)
	who := []string{
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z",
	}
	run(t, dir, who, "bash", "-c", `git init --quiet && git add --all && git commit --quiet --message test && git tag "$0"`, version)
	return dir
}

// comments is an overlay for go, by which each of the Go files in dir ends with one more comment.
func comments(t *testing.T, dir string) string {
	t.Helper()
	g := NewWithT(t)
	to, replace := t.TempDir(), map[string]string{}
	files := strings.Fields(run(t, dir, nil, "git", "ls-files", "*.go"))
	for i, file := range files {
		changed := filepath.Join(to, fmt.Sprintf("%d.go", i))
		g.Expect(os.WriteFile(changed, append(read(t, dir, file), "\n// Nothing.\n"...), 0o600)).To(Succeed())
		replace[filepath.Join(dir, file)] = changed
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	g.Expect(err).NotTo(HaveOccurred())
	path := filepath.Join(to, "overlay.json")
	g.Expect(os.WriteFile(path, overlay, 0o600)).To(Succeed())
	return path
}

// unpack is the YAML files at the top of a packed chart.
func unpack(t *testing.T, chart []byte) map[string]map[string]any {
	t.Helper()
	g := NewWithT(t)
	unzipped, err := gzip.NewReader(bytes.NewReader(chart))
	g.Expect(err).NotTo(HaveOccurred())
	files := map[string]map[string]any{}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		g.Expect(err).NotTo(HaveOccurred())
		if ok, _ := filepath.Match("*/*.yaml", header.Name); !ok {
			continue
		}
		content, err := io.ReadAll(archive)
		g.Expect(err).NotTo(HaveOccurred())
		object := map[string]any{}
		g.Expect(yaml.Unmarshal(content, &object)).To(Succeed())
		files[header.Name] = object
	}
}

// command is a command in dir with the environment of a plain shell: nothing of the make that runs this test.
func command(dir string, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	for _, set := range os.Environ() {
		if key, _, _ := strings.Cut(set, "="); !strings.HasPrefix(key, "MAKE") && !strings.HasPrefix(key, "GIT_") && key != "MFLAGS" && key != "GOFLAGS" {
			cmd.Env = append(cmd.Env, set)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// run is what a command, which must succeed, writes to its output.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	g := NewWithT(t)
	var complaint bytes.Buffer
	cmd := command(dir, env, name, args...)
	cmd.Stderr = &complaint
	output, err := cmd.Output()
	g.Expect(err).NotTo(HaveOccurred(), "%s %v: %s", name, args, complaint.String())
	return string(output)
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return content
}
