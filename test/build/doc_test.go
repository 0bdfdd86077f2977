// Package build_test holds what makes a release to its word: the same bytes from every build, files that belong together, an
// image without surprises, and workflows that trust nobody's tags.
package build_test
