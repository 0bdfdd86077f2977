package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spdx/tools-golang/spdx"
)

const (
	noAssertion = "NOASSERTION"
	// unknownDate is for a binary that was not built from a commit: the field can't be left out.
	unknownDate = "1970-01-01T00:00:00Z"
)

// bill is the bill of materials of the binary with this name and SHA-256, which holds what info says. That all of it went
// in is known, but not which module asked for which other, so every module hangs on the binary.
func bill(name, sum string, info *debug.BuildInfo) *spdx.Document {
	binary := component("binary", &info.Main)
	binary.PackageFileName = name
	binary.PrimaryPackagePurpose = "APPLICATION"
	binary.PackageLicenseDeclared = "Apache-2.0"
	binary.PackageChecksums = []spdx.Checksum{{Algorithm: spdx.SHA256, Value: sum}}
	if revision := setting(info, "vcs.revision"); revision != "" {
		binary.PackageSourceInfo = "built from commit " + revision
	}

	document := &spdx.Document{
		SPDXVersion:       spdx.Version,
		DataLicense:       spdx.DataLicense,
		SPDXIdentifier:    "DOCUMENT",
		DocumentName:      name,
		DocumentNamespace: fmt.Sprintf("https://%s/spdx/%s-%s", info.Main.Path, name, sum),
		CreationInfo: &spdx.CreationInfo{
			Created:  cmp.Or(setting(info, "vcs.time"), unknownDate),
			Creators: []spdx.Creator{{CreatorType: "Tool", Creator: "sbom"}},
		},
		Packages:      []*spdx.Package{binary},
		Relationships: []*spdx.Relationship{relationship("DOCUMENT", "DESCRIBES", "binary")},
	}
	// Scanners know the standard library, and its vulnerabilities, by this name.
	modules := []*debug.Module{{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		modules = append(modules, module)
	}
	for i, module := range modules {
		id := fmt.Sprintf("module-%d", i)
		document.Packages = append(document.Packages, component(id, module))
		document.Relationships = append(document.Relationships, relationship("binary", "DEPENDS_ON", id))
	}
	return document
}

// component is a module as a package of the bill. What its licence is, a binary does not say.
func component(id string, module *debug.Module) *spdx.Package {
	found := &spdx.Package{
		PackageName:             module.Path,
		PackageSPDXIdentifier:   spdx.ElementID(id),
		PackageVersion:          module.Version,
		PackageDownloadLocation: noAssertion,
		PackageLicenseConcluded: noAssertion,
		PackageLicenseDeclared:  noAssertion,
		PackageCopyrightText:    noAssertion,
		PrimaryPackagePurpose:   "LIBRARY",
		PackageExternalReferences: []*spdx.PackageExternalReference{{
			Category: spdx.CategoryPackageManager,
			RefType:  spdx.PackageManagerPURL,
			Locator:  fmt.Sprintf("pkg:golang/%s@%s", module.Path, module.Version),
		}},
	}
	if module.Sum != "" {
		found.PackageComment = "go.sum: " + module.Sum
	}
	return found
}

func relationship(from, kind, to string) *spdx.Relationship {
	return &spdx.Relationship{
		RefA:         spdx.DocElementID{ElementRefID: spdx.ElementID(from)},
		Relationship: kind,
		RefB:         spdx.DocElementID{ElementRefID: spdx.ElementID(to)},
	}
}

// setting is what the binary was built with: empty when it does not say.
func setting(info *debug.BuildInfo, key string) string {
	for _, setting := range info.Settings {
		if setting.Key == key {
			return setting.Value
		}
	}
	return ""
}
