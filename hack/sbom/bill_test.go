package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdxlib"
)

// The binary at hand is the test's own.
func TestWrite(t *testing.T) {
	g := NewWithT(t)
	path, err := os.Executable()
	g.Expect(err).NotTo(HaveOccurred())
	content, err := os.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	info, err := buildinfo.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())

	out := &bytes.Buffer{}
	g.Expect(write(out, path)).To(Succeed())
	again := &bytes.Buffer{}
	g.Expect(write(again, path)).To(Succeed())
	g.Expect(again.String()).To(Equal(out.String()), "the same binary has the same bill")

	document, err := json.Read(out)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(spdxlib.ValidateDocument(document)).To(Succeed())
	g.Expect(spdxlib.GetDescribedPackageIDs(document)).To(ConsistOf(spdx.ElementID("binary")))
	g.Expect(document.Packages[0].PackageFileName).To(Equal(filepath.Base(path)))
	g.Expect(document.Packages[0].PackageChecksums).To(ConsistOf(
		spdx.Checksum{Algorithm: spdx.SHA256, Value: fmt.Sprintf("%x", sha256.Sum256(content))}))

	want := []any{urls(&info.Main), ContainElement(MatchRegexp(`^pkg:golang/stdlib@1\.\d+`))}
	for _, module := range info.Deps {
		want = append(want, urls(module))
	}
	g.Expect(len(want)).To(BeNumerically(">=", 4), "the test itself is made of some modules")
	got := [][]string{}
	for _, component := range document.Packages {
		got = append(got, []string{component.PackageExternalReferences[0].Locator})
	}
	g.Expect(got).To(ConsistOf(want...))
	g.Expect(document.Relationships).To(HaveLen(len(want)), "each of them hangs on the binary, and that on the document")
}

func urls(module *debug.Module) []string {
	return []string{fmt.Sprintf("pkg:golang/%s@%s", module.Path, module.Version)}
}

func TestBill(t *testing.T) {
	t.Run("a replaced module is the one that went in", func(t *testing.T) {
		g := NewWithT(t)
		document := bill("manager", "0a", &debug.BuildInfo{Deps: []*debug.Module{{
			Path: "example.com/asked", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/taken", Version: "v1.0.1"},
		}}})
		g.Expect(document.Packages[2].PackageName).To(Equal("example.com/taken"))
		g.Expect(document.Packages[2].PackageVersion).To(Equal("v1.0.1"))
	})

	t.Run("date and source are those of the commit", func(t *testing.T) {
		g := NewWithT(t)
		document := bill("manager", "0a", &debug.BuildInfo{Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "c0ffee"}, {Key: "vcs.time", Value: "2026-11-26T18:00:00Z"},
		}})
		g.Expect(document.CreationInfo.Created).To(Equal("2026-11-26T18:00:00Z"))
		g.Expect(document.Packages[0].PackageSourceInfo).To(ContainSubstring("c0ffee"))
	})
}

func TestWriteRefuses(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "text")
	g.Expect(os.WriteFile(path, []byte("no binary"), 0o600)).To(Succeed())
	g.Expect(write(&bytes.Buffer{}, path)).To(MatchError(ContainSubstring("could not read Go build info")))
	g.Expect(write(&bytes.Buffer{}, path+"-missing")).To(MatchError(os.ErrNotExist))
}
